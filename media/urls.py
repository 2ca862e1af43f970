from django.urls import path
from rest_framework.routers import SimpleRouter

from media import views

app_name = "media"
router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("media", views.MediaViewSet, basename="media")
urlpatterns = [
    path("media/upload", views.MediaUploadView.as_view(), name="media-upload"),
    path("media/<id:media_id>/stream", views.StreamView.as_view(), name="media-stream"),
    path("media/<id:media_id>/poster", views.PosterView.as_view(), name="media-poster"),
    path(
        "media/<id:media_id>/hls/<str:grant>/<str:name>",
        views.PartView.as_view(),
        name="media-part",
    ),
    *router.urls,
]
