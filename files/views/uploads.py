import uuid
from typing import Any

from django.db.models import Case, F, Value, When
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.http import http_date
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from accounts.authentication import PublicAuthentication
from accounts.requests import SignedInRequest
from alice.common.errors import Invalid
from alice.common.idempotency import idempotent
from alice.common.serializing import checked, json_response, shown
from alice.common.tiers import largest_upload_bytes
from alice.common.views import ListRows
from files.models import Upload, UploadQuerySet
from files.serializers import UploadMetadataSerializer, UploadSerializer
from files.services import uploads
from files.services.targets import upload_target
from files.services.uploads import CHECKSUM_ALGORITHMS, NewUpload, Piece
from files.views import tus

CREATION_HEADERS = ("Upload-Length", "Upload-Defer-Length", "Upload-Metadata", "Content-Length")
# As the protocol has it, but that a browser may look at an upload by GET.
METHODS_OF_TUS = frozenset({"POST", "HEAD", "PATCH", "DELETE"})
SHOWN = {
    "status": Case(When(finished_at=None, then=Value("uploading")), default=Value("finished")),
    "file_id": Case(When(target="file", then=F("result_id"))),
    "media_id": Case(When(target="media", then=F("result_id"))),
}


def request_header(name: str, description: str, *, required: bool = False) -> OpenApiParameter:
    return OpenApiParameter(name, str, "header", description=description, required=required)


def answer_header(name: str, description: str, *statuses: int) -> OpenApiParameter:
    return OpenApiParameter(name, str, "header", description=description, response=list(statuses))


def refusal(sentence: str) -> OpenApiResponse:
    return OpenApiResponse({"$ref": "#/components/schemas/Error"}, sentence)


RESUMABLE = request_header("Tus-Resumable", f"`{tus.VERSION}`, or 412.", required=True)
UPLOAD_ID = OpenApiParameter("upload_id", uuid.UUID, OpenApiParameter.PATH)
EXPIRED = refusal("It has expired.")
LOCKED = refusal("Another request is working on it.")
WRONG_VERSION = refusal("Another version of tus than 1.0.0.")


class TusRequest(Request):
    """Asks by its headers alone; the body is not parsed, but read by whoever wants the bytes."""

    @property
    def data(self) -> dict[str, str]:
        return {name: self.headers[name] for name in CREATION_HEADERS if name in self.headers}


class TusView(GenericAPIView[Upload]):
    """What all of tus has in common: its version, its OPTIONS, and whose uploads there are."""

    request: SignedInRequest
    serializer_class = UploadSerializer
    queryset = Upload.objects.none()
    filter_backends = []

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        is_public = request.method == "OPTIONS"
        return TusRequest(
            request,
            authenticators=[PublicAuthentication()] if is_public else self.get_authenticators(),
            negotiator=self.get_content_negotiator(),
            parser_context=self.get_parser_context(request),
        )

    def get_permissions(self) -> Any:
        # Clients ask what the server can do before they know whom they ask for.
        return [AllowAny()] if self.request.method == "OPTIONS" else super().get_permissions()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        is_tus = request.method in METHODS_OF_TUS
        if is_tus and request.headers.get("Tus-Resumable") != tus.VERSION:
            raise tus.VersionUnsupported

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response.headers["Tus-Resumable"] = tus.VERSION
        return super().finalize_response(request, response, *args, **kwargs)

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        headers = {
            "Allow": ", ".join(self.allowed_methods),
            "Tus-Version": tus.VERSION,
            "Tus-Extension": tus.EXTENSIONS,
            "Tus-Max-Size": str(largest_upload_bytes()),
            "Tus-Checksum-Algorithm": ",".join(CHECKSUM_ALGORITHMS),
        }
        return HttpResponse(status=204, headers=headers)

    def get_queryset(self) -> UploadQuerySet:
        return Upload.objects.visible_to(self.request.user)


class UploadsView(ListRows, TusView):
    def get_queryset(self) -> UploadQuerySet:
        return super().get_queryset().unfinished().live(timezone.now()).annotate(**SHOWN)

    @extend_schema(
        operation_id="uploads_list",
        summary="Your unfinished uploads, newest first",
        description="Each can be continued where it is until it expires.",
        parameters=[
            OpenApiParameter(name, exclude=True, location=OpenApiParameter.QUERY)
            for name in ("before", "after")
        ],
        responses=UploadSerializer(many=True),
    )
    def get(self, request: Request) -> HttpResponseBase:
        if not {"before", "after"}.isdisjoint(request.query_params):
            raise Invalid("before, after: Uploads have no numbers to page by; use skip and limit.")
        return self.list(request)

    @extend_schema(
        operation_id="uploads_create",
        summary="Begin a resumable upload (tus 1.0)",
        description=(
            "`Upload-Metadata` knows `filename`, `target` (`file`, which is the default, or "
            "`media`), `description` and `tags` with commas between. The whole length counts "
            "against your storage from now on, so that it can be finished. There is no body: send "
            "the bytes to `Location` by PATCH. OPTIONS tells what this server can do."
        ),
        request=None,
        parameters=[
            RESUMABLE,
            request_header("Upload-Length", "Bytes in all.", required=True),
            request_header("Upload-Metadata", "`filename d29ybGQucGRm,target ZmlsZQ==`"),
            answer_header("Location", "The path of the upload.", 201),
            answer_header("Upload-Expires", "When it will be gone, unless it goes on.", 201),
        ],
        responses={
            201: None,
            403: refusal("Your storage is full."),
            412: WRONG_VERSION,
            413: refusal("It is larger than your plan lets files be."),
        },
    )
    @idempotent
    def post(self, request: Request) -> HttpResponse:
        if int(request.META.get("CONTENT_LENGTH") or 0):
            raise Invalid("Send no body here; send the bytes by PATCH to the upload itself.")
        new = new_upload(request)
        upload = uploads.create_upload(owner_id=self.request.user.pk, new=new)
        headers = {
            "Location": reverse("files:upload", args=[upload.pk]),
            "Upload-Expires": expiry_of(upload),
        }
        return HttpResponse(status=201, headers=headers)


class UploadView(TusView):
    @extend_schema(
        operation_id="uploads_get",
        summary="How far an upload is, and what it has become",
        description=(
            "HEAD answers the same headers. `file_id` or `media_id` is set when it is finished; "
            "it can be read here up to `expires_at`."
        ),
        parameters=[
            UPLOAD_ID,
            answer_header("Upload-Offset", "Bytes that are kept: go on from there.", 200),
            answer_header("Upload-Length", "Bytes in all.", 200),
            answer_header("Upload-Metadata", "As it was sent.", 200),
            answer_header("Upload-Expires", "When it will be gone, unless it goes on.", 200),
        ],
        responses={200: UploadSerializer, 410: EXPIRED},
    )
    def get(self, request: Request, upload_id: uuid.UUID) -> HttpResponse:
        shown_uploads = self.get_queryset().annotate(**SHOWN)
        upload = uploads.get_upload(uploads=shown_uploads, upload_id=upload_id)
        headers = {
            "Upload-Offset": str(upload.offset),
            "Upload-Length": str(upload.length),
            "Upload-Expires": expiry_of(upload),
            "Cache-Control": "no-store",
        }
        if upload.metadata:
            headers["Upload-Metadata"] = upload.metadata
        return json_response(shown(UploadSerializer, upload), headers=headers)

    @extend_schema(
        operation_id="uploads_append",
        summary="Send more bytes of an upload",
        description=(
            "What arrives is kept even if the connection breaks, unless `Upload-Checksum` was "
            "sent. The last byte makes the upload what it is for, and `Content-Location` says "
            "where that is. If it cannot be that, the error says why, and the upload is gone."
        ),
        request={tus.PIECE_TYPE: {"type": "string", "format": "binary"}},
        parameters=[
            UPLOAD_ID,
            RESUMABLE,
            request_header("Upload-Offset", "Where these bytes begin, or 409.", required=True),
            request_header("Upload-Checksum", "`sha1` or `sha256`, a space, and it in Base64."),
            answer_header("Upload-Offset", "Bytes that are kept now.", 204),
            answer_header("Upload-Expires", "When it will be gone, unless it goes on.", 204),
            answer_header("Content-Location", "The path of what it became.", 204),
        ],
        responses={
            204: None,
            410: EXPIRED,
            412: WRONG_VERSION,
            413: refusal("More bytes than it still lacks."),
            415: refusal(f"The bytes are not declared as {tus.PIECE_TYPE}."),
            423: LOCKED,
            460: refusal("The bytes do not have the checksum that was sent."),
            507: refusal("The server has no room for them now."),
        },
    )
    def patch(self, request: Request, upload_id: uuid.UUID) -> HttpResponse:
        upload = uploads.append_bytes(
            uploads=self.get_queryset(), upload_id=upload_id, piece=piece_of(request)
        )
        headers = {"Upload-Offset": str(upload.offset), "Upload-Expires": expiry_of(upload)}
        if upload.result_id is not None:
            headers["Content-Location"] = upload_target(upload.target).location(upload.result_id)
        return HttpResponse(status=204, headers=headers)

    @extend_schema(
        operation_id="uploads_terminate",
        summary="Give an upload up",
        description="Its bytes are deleted. What a finished one became stays.",
        parameters=[UPLOAD_ID, RESUMABLE],
        responses={204: None, 410: EXPIRED, 412: WRONG_VERSION, 423: LOCKED},
    )
    def delete(self, request: Request, upload_id: uuid.UUID) -> HttpResponse:
        uploads.terminate_upload(uploads=self.get_queryset(), upload_id=upload_id)
        return HttpResponse(status=204)


def new_upload(request: Request) -> NewUpload:
    length = tus.length_of(request.headers)
    fields = checked(UploadMetadataSerializer, tus.metadata_of(request.headers))
    metadata = request.headers.get("Upload-Metadata", "")
    return NewUpload(length=length, metadata=metadata, **fields)


def piece_of(request: Request) -> Piece:
    if request._request.content_type != tus.PIECE_TYPE:
        raise tus.NotAPiece
    return Piece(
        offset=tus.number_of(request.headers, "Upload-Offset"),
        size_bytes=int(request.META.get("CONTENT_LENGTH") or 0),
        read=request._request.read,
        checksum=tus.checksum_of(request.headers),
    )


def expiry_of(upload: Upload) -> str:
    return http_date(upload.expires_at.timestamp())
