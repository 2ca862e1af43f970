import math
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.authentication import BaseAuthentication
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts.authentication import LINK_TIER, LinkAuthentication
from accounts.permissions import SignedInOrByLink
from accounts.requests import SignedInRequest
from alice.common import gate, request_context
from alice.common.conditional import if_match_of
from alice.common.errors import NotFound
from alice.common.idempotency import idempotent
from alice.common.openapi import BYTES_ANSWERS, FOR_BYTES, IF_MATCH, NOT_YOURS
from alice.common.pagination import boolean_parameter
from alice.common.serializing import checked, json_response
from alice.common.signed_urls import (
    DEFAULT_SECONDS,
    LinkGrant,
    LinkRefused,
    path_grant,
    require_path_grant,
)
from alice.common.views import ListRows, RetrieveRow, row_response
from files.fields import DescriptionChangesSerializer, DescriptionSerializer
from files.selectors import StoredBytes
from files.storage.forms import UploadForm, file_of
from files.storage.outgoing import blob_response
from media import selectors
from media.filters import MediaFilter
from media.models import Media, MediaQuerySet, OutputFormat
from media.serializers import (
    MediaSerializer,
    MediaUploadSerializer,
    TranscodeRequestSerializer,
    TranscodeSerializer,
)
from media.services import library, transcodes

AS_DOWNLOAD = OpenApiParameter(
    "download", bool, description="Have browsers save it under its name instead of playing it."
)
STREAM_VERB = "stream"
MASTER_PLAYLIST = "master.m3u8"
PLAYLIST_TYPE = "application/vnd.apple.mpegurl"


@extend_schema_view(
    list=extend_schema(
        operation_id="media_list",
        summary="Your media, newest first",
        description="Renditions are among them; their `source_id` says what they were made of.",
    ),
    retrieve=extend_schema(
        operation_id="media_get",
        summary="One media object, yours or shared with you",
        description="`poster_url` is null until the poster is made, a moment after the upload.",
    ),
)
class MediaViewSet(ListRows, RetrieveRow, GenericViewSet[Media]):
    request: SignedInRequest
    serializer_class = MediaSerializer
    filterset_class = MediaFilter
    lookup_value_converter = "id"
    is_compiled = True
    queryset = Media.objects.none()

    def get_queryset(self) -> MediaQuerySet:
        return Media.objects.owned_by(self.request.user).order_by("-pk")

    def get_shared(self) -> MediaQuerySet:
        return Media.objects.shared_with(self.request.user)

    @extend_schema(
        operation_id="media_update",
        summary="Change a media object's name, description or tags",
        description=(
            "The same as PATCH: what the body leaves out stays. 403 when it is shared with you"
            " to look at only."
        ),
        request=DescriptionChangesSerializer,
        responses={200: MediaSerializer, **NOT_YOURS},
        parameters=[IF_MATCH],
    )
    def update(self, request: Request, **kwargs: Any) -> HttpResponse:
        media = library.update_media(
            media=Media.objects.editable_by(self.request.user),
            shared=self.get_shared(),
            media_id=kwargs["pk"],
            changes=checked(DescriptionChangesSerializer, request.data),
            if_match=if_match_of(request._request),
        )
        return row_response(MediaSerializer, media)

    @extend_schema(
        operation_id="media_patch",
        summary="Change a media object's name, description or tags",
        description="What the body leaves out stays. What is equal to before makes no version.",
        request=DescriptionChangesSerializer,
        responses={200: MediaSerializer, **NOT_YOURS},
        parameters=[IF_MATCH],
    )
    def partial_update(self, request: Request, **kwargs: Any) -> HttpResponse:
        return self.update(request, **kwargs)

    @extend_schema(
        operation_id="media_delete",
        summary="Delete a media object for good",
        description="With its renditions and its poster. Transcodes of it that run are cancelled.",
        responses={204: None, **NOT_YOURS},
        parameters=[IF_MATCH],
    )
    def destroy(self, request: Request, **kwargs: Any) -> Response:
        library.delete_media(
            media=self.get_queryset(),
            shared=self.get_shared(),
            media_id=kwargs["pk"],
            if_match=if_match_of(request._request),
        )
        return Response(status=204)

    @extend_schema(
        operation_id="media_transcode",
        summary="Make a rendition in another format",
        description=(
            "A job: `GET /api/jobs/{job_id}` tells its progress and at the end the `media_id` of"
            " the rendition, which is never larger than the source. The same request while one"
            " runs, or while its rendition is there, answers that job. The length of the source"
            " counts against your plan's transcode minutes of the month, unless nothing comes of"
            " it; 403 when they do not suffice."
        ),
        request=TranscodeRequestSerializer,
        responses={200: TranscodeSerializer, **NOT_YOURS},
    )
    @action(detail=True, methods=["post"])
    @idempotent
    def transcode(self, request: Request, **kwargs: Any) -> HttpResponseBase:
        job = transcodes.request_transcode(
            media=self.get_queryset(),
            shared=self.get_shared(),
            media_id=kwargs["pk"],
            **checked(TranscodeRequestSerializer, request.data),
        )
        headers = {"Location": f"{settings.API_PREFIX}jobs/{job.pk}"}
        return json_response(TranscodeSerializer(job).data, headers=headers)


class MediaUploadView(APIView):
    request: SignedInRequest
    parser_classes = [UploadForm]

    @extend_schema(
        operation_id="media_upload",
        summary="Upload a video, a sound or a picture",
        description=(
            "What it is is found in its bytes. 403 when your storage is full. For large files and"
            " bad lines see `POST /api/uploads`."
        ),
        request={"multipart/form-data": MediaUploadSerializer},
        responses={201: MediaSerializer},
    )
    @idempotent
    def post(self, request: Request) -> HttpResponseBase:
        fields = checked(DescriptionSerializer, request.data)
        incoming = file_of(request.data)
        media = library.upload_media(
            owner_id=self.request.user.pk,
            received=incoming.received,
            original_filename=incoming.filename,
            **fields,
        )
        return row_response(
            MediaSerializer, media, location=f"{settings.API_PREFIX}media/{media.pk}"
        )


class LinkedView(APIView):
    """Bytes of a media object, for its viewers and for whoever holds a link to them."""

    authentication_classes = [LinkAuthentication]
    permission_classes = [SignedInOrByLink]

    def viewer_id(self) -> int | None:
        by_link = isinstance(self.request.auth, LinkGrant)
        return None if by_link else self.request.user.pk


class StreamView(LinkedView):
    link_verb = STREAM_VERB

    @extend_schema(
        operation_id="media_stream",
        summary="Play or download a media object",
        description=(
            "By your token or by its `stream_url`, whole or in parts. HLS is answered by a 302 to"
            " its master playlist, which plays for 15 minutes longer than it lasts."
        ),
        parameters=[*FOR_BYTES, AS_DOWNLOAD],
        responses=BYTES_ANSWERS,
    )
    def get(self, request: Request, media_id: int) -> HttpResponseBase:
        sent = selectors.bytes_of_media(media_id=media_id, viewer_id=self.viewer_id())
        if sent is None:
            raise NotFound
        if sent.output_format == OutputFormat.HLS:
            return playlist_redirect(media_id, sent.duration or 0)
        return blob_response(
            request._request,
            sent.stored,
            filename=sent.original_filename,
            is_attachment=boolean_parameter(request.query_params, "download"),
        )


class PosterView(LinkedView):
    link_verb = "poster"

    @extend_schema(
        operation_id="media_poster",
        summary="A picture that stands for a media object",
        description="A JPEG by your token or by its `poster_url`; 404 until it is made.",
        parameters=FOR_BYTES,
        responses=BYTES_ANSWERS,
    )
    def get(self, request: Request, media_id: int) -> HttpResponseBase:
        sent = selectors.poster_of_media(media_id=media_id, viewer_id=self.viewer_id())
        if sent is None:
            raise NotFound
        name = library.renamed(sent.original_filename, ".jpg")
        return blob_response(request._request, sent.stored, filename=name, is_attachment=False)


def playlist_redirect(media_id: int, duration: float) -> HttpResponseBase:
    # A film of two hours asks for its last segment two hours from now.
    seconds = DEFAULT_SECONDS + math.ceil(duration)
    grant = path_grant(parts_path(media_id), verb=STREAM_VERB, seconds=seconds)
    names = {"media_id": media_id, "grant": grant, "name": MASTER_PLAYLIST}
    return HttpResponseRedirect(
        reverse("media:media-part", kwargs=names), headers={"Cache-Control": "private, no-store"}
    )


def parts_path(media_id: int) -> str:
    return f"{settings.API_PREFIX}media/{media_id}/hls"


class PartAuthentication(BaseAuthentication):
    """The signature in the path, since what players fetch by relative names carries no query."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, LinkGrant]:
        names = request.parser_context["kwargs"]
        peer = request_context.current().peer
        try:
            require_path_grant(parts_path(names["media_id"]), names["grant"], verb=STREAM_VERB)
        except LinkRefused:
            gate.admit_peer(request._request, peer)
            raise
        gate.admit_peer(request._request, peer, tier=LINK_TIER)
        return AnonymousUser(), LinkGrant(STREAM_VERB)


class PartView(APIView):
    """Playlists and segments of HLS by the names that stand in the playlists."""

    authentication_classes = [PartAuthentication]
    permission_classes = [SignedInOrByLink]
    schema = None  # players find these in the playlists

    def get(self, request: Request, media_id: int, grant: str, name: str) -> HttpResponseBase:
        stored = stored_part(media_id, name)
        # The names in a playlist are relative to where it was read, which must be here.
        is_playlist = stored.mime_type == PLAYLIST_TYPE
        return blob_response(
            request._request,
            stored,
            filename=name,
            is_attachment=False,
            is_redirected=not is_playlist,
        )


def stored_part(media_id: int, name: str) -> StoredBytes:
    if name == MASTER_PLAYLIST:
        sent = selectors.bytes_of_media(media_id=media_id, viewer_id=None)
        stored = sent.stored if sent else None
    else:
        stored = selectors.part_of_media(media_id=media_id, name=name)
    if stored is None:
        raise NotFound
    return stored
