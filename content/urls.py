from rest_framework.routers import SimpleRouter

from content import views

app_name = "content"
router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("items/trash", views.TrashViewSet, basename="trash")
router.register("items/<id:item_id>/revisions", views.RevisionViewSet, basename="revision")
router.register("items", views.ItemViewSet, basename="item")
urlpatterns = router.urls
