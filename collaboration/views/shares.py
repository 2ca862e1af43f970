from typing import Any, cast

import orjson
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts.requests import SignedInRequest
from alice.common.idempotency import idempotent
from alice.common.json_rows import json_row
from alice.common.openapi import NOT_YOURS
from alice.common.pagination import boolean_parameter
from alice.common.serializing import checked, json_response, written_time
from alice.common.views import ListRows
from collaboration.filters import ShareFilter
from collaboration.models import Share, ShareQuerySet
from collaboration.selectors import shares_held, shares_made
from collaboration.serializers.shares import (
    HeldShareRowSerializer,
    HeldShareSerializer,
    OpenedShareSerializer,
    ShareRequestSerializer,
    ShareRowSerializer,
    ShareSerializer,
)
from collaboration.services import shares
from collaboration.services.shareables import briefs_of
from collaboration.services.shares import Opened

SHARE_ID = OpenApiParameter("share_id", int, OpenApiParameter.PATH)
TOKEN = OpenApiParameter("token", str, OpenApiParameter.PATH, description="The `share_token`.")
ENDED_TOO = OpenApiParameter("all", bool, description="Those that ended or were revoked too.")
# What a token opens is for whoever was given it, not for those who look over a shoulder.
PRIVATE = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
}


def told(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of shares with the title and the path of what is shared; null where it is not there."""
    briefs = briefs_of((row["resource_type"], row["resource_id"]) for row in rows)
    for row in rows:
        brief = briefs.get((row["resource_type"], row["resource_id"]))
        row["title"], row["path"] = (brief.title, brief.path) if brief else (None, None)
    return rows


def told_row(queryset: ShareQuerySet, serializer_class: Any, share_id: int) -> dict[str, Any]:
    found = json_row(queryset.filter(pk=share_id), serializer_class, extra="id")
    return told([orjson.loads(found[0])])[0] if found else {}


class ShareView(APIView):
    request: SignedInRequest

    @extend_schema(
        operation_id="collab_share",
        summary="Share what is yours with a user, or by a link",
        description=(
            "With `shared_with_user_id` null, whoever has `share_url` sees it, without an account"
            " too. Otherwise that user finds it under its own path. `edit` lets users change it;"
            " nobody but you deletes it or shares it on. 409 when there are too many shares."
        ),
        request=ShareRequestSerializer,
        responses={201: ShareSerializer, **NOT_YOURS},
    )
    @idempotent
    def post(self, request: Request) -> HttpResponseBase:
        owner = self.request.user
        asked = checked(ShareRequestSerializer, request.data)
        share = shares.create_share(owner_id=owner.pk, **asked)
        body = told_row(shares_made(owner), ShareRowSerializer, share.pk)
        return json_response(body, status=201)


class ToldRows(ListRows):
    """Rows of shares with what is known of the things that are shared."""

    def list(self: Any, request: Request, **kwargs: Any) -> HttpResponseBase:
        response: Any = super().list(request, **kwargs)
        response.content = orjson.dumps(told(orjson.loads(response.content)))
        return cast("HttpResponse", response)


@extend_schema_view(
    list=extend_schema(
        operation_id="collab_shared_list",
        summary="What you share, newest first",
        responses=ShareSerializer(many=True),
        parameters=[ENDED_TOO],
    )
)
class SharedViewSet(ToldRows, GenericViewSet[Share]):
    request: SignedInRequest
    serializer_class = ShareRowSerializer
    filterset_class = ShareFilter
    queryset = Share.objects.none()

    def get_queryset(self) -> ShareQuerySet:
        is_whole = boolean_parameter(self.request.query_params, "all")
        return shares_made(self.request.user, is_live=not is_whole)


@extend_schema_view(
    list=extend_schema(
        operation_id="collab_shared_with_me_list",
        summary="What others share with you, newest first",
        description="By shares with you, and by links that you have redeemed.",
        responses=HeldShareSerializer(many=True),
    )
)
class HeldShareViewSet(ToldRows, GenericViewSet[Share]):
    request: SignedInRequest
    serializer_class = HeldShareRowSerializer
    filterset_class = ShareFilter
    queryset = Share.objects.none()

    def get_queryset(self) -> ShareQuerySet:
        return shares_held(self.request.user)


class RevokeView(APIView):
    request: SignedInRequest

    @extend_schema(
        operation_id="collab_share_revoke",
        summary="Revoke a share",
        description=(
            "Its link and its rights end at once; signed links that were given out before end"
            " within 15 minutes. Again: nothing more happens."
        ),
        parameters=[SHARE_ID],
        responses={204: None},
    )
    def delete(self, request: Request, share_id: int) -> Response:
        owner = self.request.user
        mine = Share.objects.visible_to(owner)
        shares.revoke_share(shares=mine, share_id=share_id, actor=owner)
        return Response(status=204)


class LinkView(APIView):
    """What a token opens. Whoever holds it needs no account, which is what links are for."""

    def get_permissions(self) -> list[Any]:
        return [IsAuthenticated() if self.request.method == "POST" else AllowAny()]

    @extend_schema(
        operation_id="collab_shared_open",
        summary="What a share's link shows",
        description=(
            "Without an account. A share with one user opens to that user and to its owner alone."
            " The page for people is `share_url`."
        ),
        parameters=[TOKEN],
        responses=OpenedShareSerializer,
    )
    def get(self, request: Request, token: str) -> HttpResponse:
        opened = shares.open_share(
            token=token, viewer_id=request.user.pk, is_counted=is_opening(request._request)
        )
        return json_response(shown_share(opened), headers=PRIVATE)

    @extend_schema(
        operation_id="collab_shared_redeem",
        summary="Put what a link shows among what is shared with you",
        description=(
            "You then find it under its own path, with the link's permission, for as long as the"
            " link is good. Again: nothing more happens."
        ),
        parameters=[TOKEN],
        request=None,
        responses=HeldShareSerializer,
    )
    def post(self, request: Request, token: str) -> HttpResponse:
        share_id = shares.redeem_share(token=token, user_id=request.user.pk or 0)
        return json_response(told_row(Share.objects.all(), HeldShareRowSerializer, share_id))


def is_opening(request: HttpRequest) -> bool:
    return request.method == "GET"


def shown_share(opened: Opened) -> dict[str, Any]:
    share, seen = opened.share, opened.description
    return {
        "resource_type": share.resource_type,
        "resource_id": share.resource_id,
        "permission": share.permission,
        "owner_username": share.owner_username,
        "expires_at": share.expires_at and written_time(share.expires_at),
        "kind": seen.kind,
        "title": seen.title,
        "description": seen.text,
        "tags": seen.tags,
        "details": seen.details,
        "links": seen.links,
        "path": seen.path,
    }
