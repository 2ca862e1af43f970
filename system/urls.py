from django.urls import path
from rest_framework.routers import SimpleRouter

from system import views

app_name = "system"
router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("jobs", views.JobViewSet, basename="job")
urlpatterns = [
    path("system/health", views.HealthView.as_view(), name="health"),
    *router.urls,
]
