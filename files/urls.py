from django.urls import path
from rest_framework.routers import SimpleRouter

from files.views import files, uploads

app_name = "files"
router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("files", files.FileViewSet, basename="file")
urlpatterns = [
    path("files/<id:file_id>/download", files.DownloadView.as_view(), name="file-download"),
    path("uploads", uploads.UploadsView.as_view(), name="uploads"),
    path("uploads/<uuid:upload_id>", uploads.UploadView.as_view(), name="upload"),
    *router.urls,
]
