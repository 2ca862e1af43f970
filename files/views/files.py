from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts.authentication import LinkAuthentication
from accounts.permissions import SignedInOrByLink
from accounts.requests import SignedInRequest
from alice.common.conditional import if_match_of
from alice.common.errors import NotFound
from alice.common.idempotency import idempotent
from alice.common.openapi import BYTES_ANSWERS, FOR_BYTES, IF_MATCH, NOT_YOURS
from alice.common.serializing import checked, json_response
from alice.common.signed_urls import LinkGrant
from alice.common.tiers import tier_of
from alice.common.views import ListRows, RetrieveRow, row_response
from files.fields import DescriptionChangesSerializer, DescriptionSerializer
from files.filters import FileFilter
from files.models import File, FileQuerySet
from files.selectors import bytes_of_file
from files.serializers import (
    FileSerializer,
    FileUploadSerializer,
    UsageSerializer,
)
from files.services import files
from files.services.quotas import usage_of
from files.storage.forms import UploadForm, file_of
from files.storage.outgoing import blob_response

FILE_ID = OpenApiParameter("file_id", int, OpenApiParameter.PATH)


@extend_schema_view(
    list=extend_schema(
        operation_id="files_list",
        summary="Your files, newest first",
        description="Each with a link that downloads it without a header for 15 minutes.",
    ),
    retrieve=extend_schema(
        operation_id="files_get",
        summary="What is known of one file, yours or shared with you",
        description="Its ETag is for If-None-Match here and for If-Match on a change.",
    ),
)
class FileViewSet(ListRows, RetrieveRow, GenericViewSet[File]):
    request: SignedInRequest
    serializer_class = FileSerializer
    filterset_class = FileFilter
    lookup_value_converter = "id"
    is_compiled = True
    queryset = File.objects.none()

    def get_queryset(self) -> FileQuerySet:
        return File.objects.owned_by(self.request.user).order_by("-pk")

    def get_shared(self) -> FileQuerySet:
        return File.objects.shared_with(self.request.user)

    @extend_schema(
        operation_id="files_upload",
        summary="Upload a file",
        description=(
            "Its type is found in its bytes. It is kept whole and under its name, or not at all. "
            "403 when your storage is full."
        ),
        request={"multipart/form-data": FileUploadSerializer},
        responses={201: FileSerializer},
        filters=False,
    )
    @action(detail=False, methods=["post"], parser_classes=[UploadForm])
    @idempotent
    def upload(self, request: Request) -> HttpResponseBase:
        fields = checked(DescriptionSerializer, request.data)
        incoming = file_of(request.data)
        file = files.upload_file(
            owner_id=self.request.user.pk,
            received=incoming.received,
            original_filename=incoming.filename,
            **fields,
        )
        return row_response(FileSerializer, file, location=f"{settings.API_PREFIX}files/{file.pk}")

    @extend_schema(
        operation_id="files_update",
        summary="Rename or describe a file",
        description=(
            "The same as PATCH: what the body leaves out stays. 403 when it is shared with you"
            " to look at only."
        ),
        request=DescriptionChangesSerializer,
        responses={200: FileSerializer, **NOT_YOURS},
        parameters=[IF_MATCH],
    )
    def update(self, request: Request, **kwargs: Any) -> HttpResponse:
        file = files.update_file(
            files=File.objects.editable_by(self.request.user),
            shared=self.get_shared(),
            file_id=kwargs["pk"],
            changes=checked(DescriptionChangesSerializer, request.data),
            if_match=if_match_of(request._request),
        )
        return row_response(FileSerializer, file)

    @extend_schema(
        operation_id="files_patch",
        summary="Rename or describe a file, in part",
        description="What the body leaves out stays. What is equal to before makes no version.",
        request=DescriptionChangesSerializer,
        responses={200: FileSerializer, **NOT_YOURS},
        parameters=[IF_MATCH],
    )
    def partial_update(self, request: Request, **kwargs: Any) -> HttpResponse:
        return self.update(request, **kwargs)

    @extend_schema(
        operation_id="files_delete",
        summary="Delete a file for good",
        description="Its bytes go with it, and no longer count against your storage.",
        responses={204: None, **NOT_YOURS},
        parameters=[IF_MATCH],
    )
    def destroy(self, request: Request, **kwargs: Any) -> Response:
        files.delete_file(
            files=self.get_queryset(),
            shared=self.get_shared(),
            file_id=kwargs["pk"],
            if_match=if_match_of(request._request),
        )
        return Response(status=204)

    @extend_schema(
        operation_id="files_usage",
        summary="How much of your storage is used",
        description="Files, media and unfinished resumable uploads.",
        responses=UsageSerializer,
        filters=False,
    )
    @action(detail=False, methods=["get"], pagination_class=None)
    def usage(self, request: Request) -> HttpResponse:
        owner_id = self.request.user.pk
        used = usage_of(owner_id)
        return json_response(
            {
                "used_bytes": used.used_bytes,
                "limit_bytes": used.limit_bytes,
                "free_bytes": used.free_bytes,
                "file_count": self.get_queryset().count(),
                "tier": tier_of(owner_id),
            }
        )


class DownloadView(APIView):
    authentication_classes = [LinkAuthentication]
    permission_classes = [SignedInOrByLink]
    link_verb = "download"

    @extend_schema(
        operation_id="files_download",
        summary="Download a file",
        description="As an attachment, by your token or by its `download_url`; also in parts.",
        parameters=[FILE_ID, *FOR_BYTES],
        responses=BYTES_ANSWERS,
    )
    def get(self, request: Request, file_id: int) -> HttpResponseBase:
        viewer_id = None if isinstance(request.auth, LinkGrant) else request.user.pk
        found = bytes_of_file(file_id=file_id, viewer_id=viewer_id)
        if found is None:
            raise NotFound
        stored, filename = found
        return blob_response(request._request, stored, filename=filename, is_attachment=True)
