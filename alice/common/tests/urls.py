"""The product's URLs and some more, behind which things go wrong on purpose."""

from django.apps import apps
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import OperationalError, connection, transaction
from django.http import Http404, HttpResponse
from django.urls import include, path
from django.utils import timezone
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView

from alice.common.errors import (
    Invalid,
    TooManyRequests,
    bad_request,
    page_not_found,
    permission_denied,
    server_error,
)
from alice.common.idempotency import idempotent

handler400, handler403 = bad_request, permission_denied
handler404, handler500 = page_not_found, server_error

SECRET_PLACE = "/srv/secret/place.py"


def query_nonsense():
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM no_such_table_at_all")


def wait_too_long():
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 1; SELECT pg_sleep(5)")


def raising(error):
    def fail():
        raise error

    return fail


FAULTS = {
    "bug": raising(RuntimeError(f"password=hush in {SECRET_PLACE}")),
    "sql": query_nonsense,
    "slow-sql": wait_too_long,
    "database": raising(OperationalError("connection to 10.9.8.7 failed")),
    "gone": lambda: apps.get_model("system.Job").objects.get(pk=2**62),
    "404": raising(Http404(SECRET_PLACE)),
    "403": raising(PermissionDenied(SECRET_PLACE)),
    "suspicious": raising(SuspiciousOperation(SECRET_PLACE)),
    "limit": raising(TooManyRequests(retry_after=7)),
}


class FaultView(APIView):
    permission_classes = [AllowAny]
    schema = None

    def get(self, request, name):
        FAULTS[name]()


def fault_page(request, name):
    FAULTS[name]()


class EchoView(APIView):
    permission_classes = [AllowAny]
    schema = None

    def post(self, request):
        return Response({"got": request.data})


class TagsSerializer(serializers.Serializer):
    tags = serializers.ListField(child=serializers.CharField(max_length=3))
    count = serializers.IntegerField(max_value=10)


class TagsView(APIView):
    permission_classes = [AllowAny]
    schema = None

    def post(self, request):
        serializer = TagsSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response(serializer.data)


class RowsView(APIView):
    """Each POST makes a row, unless the body says otherwise."""

    schema = None
    meanwhile = staticmethod(lambda: None)

    @idempotent
    def post(self, request, **kwargs):
        row = apps.get_model("system.Job").objects.create(
            kind="row", owner_id=request.user.pk, due_at=timezone.now()
        )
        self.meanwhile()
        if request.data.get("refuse"):
            raise Invalid("Refused after all.")
        if request.data.get("answer"):
            return Response({"detail": "No."}, status=409)
        headers = {"Location": f"/api/rows/{row.pk}", "ETag": '"1"'}
        return Response({"id": row.pk, "at": row.due_at}, status=201, headers=headers)


class OpenRowsView(RowsView):
    permission_classes = [AllowAny]


urlpatterns = [
    path("api/fault/<str:name>", FaultView.as_view()),
    path("page/<str:name>", fault_page),
    path("api/echo", EchoView.as_view()),
    path("api/tags", TagsView.as_view()),
    path("api/rows", RowsView.as_view()),
    path("api/other-rows", RowsView.as_view()),
    path("api/open-rows", OpenRowsView.as_view()),
    path("api/rows/<id:pk>/copies", RowsView.as_view()),
    path("api/not-modified", lambda _request: HttpResponse(status=304)),
    path("api/ids/<id:pk>", lambda _request, pk: HttpResponse(pk)),
    path("", include("alice.urls")),
]
