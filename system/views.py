from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from alice.common.views import ListRows
from system import selectors
from system.filters import JobFilter
from system.models import Job
from system.serializers import HealthSerializer, JobSerializer
from system.services import jobs


def livez(request: HttpRequest) -> HttpResponse:
    """Alive: this process answers. It asks nothing else, or an outage would restart everything."""
    return HttpResponse(b'{"status":"ok"}', content_type="application/json")


class ReadyView(APIView):
    """Ready for requests: 503 until the database is there and migrated."""

    # Load balancers have no account, and must not use up anybody's window.
    authentication_classes = []
    permission_classes = [AllowAny]
    schema = None

    def get(self, request: Request) -> Response:
        checks = selectors.readiness()
        is_ready = all(check.is_ok for check in checks.values())
        body = {
            "status": "ready" if is_ready else "not ready",
            "checks": {name: check.as_json() for name, check in checks.items()},
        }
        return Response(body, status=200 if is_ready else 503)


class HealthView(APIView):
    # Monitors have no account, and must not use up anybody's window.
    authentication_classes = []
    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="system_health",
        tags=["system"],
        summary="How the service is",
        responses={200: HealthSerializer, 503: HealthSerializer},
        examples=[
            OpenApiExample(
                "Healthy",
                value={
                    "status": "healthy",
                    "version": "1.0.0",
                    "uptime": 86400.0,
                    "timestamp": "2026-01-01T00:00:00.000000Z",
                    "checks": {"database": {"status": "ok", "ms": 0.4}},
                },
            )
        ],
    )
    def get(self, request: Request) -> Response:
        health = selectors.health()
        return Response(
            HealthSerializer(health).data, status=503 if health["status"] == "unhealthy" else 200
        )


@extend_schema_view(
    list=extend_schema(operation_id="jobs_list", summary="Your jobs, newest first"),
    retrieve=extend_schema(operation_id="jobs_get", summary="One job: status, progress, result"),
)
class JobViewSet(ListRows, mixins.RetrieveModelMixin, GenericViewSet[Job]):
    serializer_class = JobSerializer
    filterset_class = JobFilter
    default_limit = 50
    lookup_value_converter = "id"
    queryset = Job.objects.none()

    def get_queryset(self) -> QuerySet[Job]:
        return Job.objects.visible_to(self.request.user).order_by("-pk")

    @extend_schema(
        operation_id="jobs_cancel", summary="Stop a job", request=None, responses=JobSerializer
    )
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, **kwargs: Any) -> Response:
        job = jobs.cancel_job(job=self.get_object())
        return Response(JobSerializer(job).data)
