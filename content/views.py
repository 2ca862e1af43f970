from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.requests import SignedInRequest
from alice.common.conditional import if_match_of
from alice.common.idempotency import idempotent
from alice.common.openapi import IF_MATCH, NOT_YOURS
from alice.common.serializing import checked
from alice.common.views import ListRows, RetrieveRow, row_response
from collaboration.services.rights import OwnerOnly, refusal
from content import services
from content.filters import ItemFilter
from content.models import Item, ItemQuerySet, Revision
from content.serializers import (
    ItemChangesSerializer,
    ItemSerializer,
    RevisionSerializer,
    RevisionSummarySerializer,
    TrashedItemSerializer,
)

ITEM_ID = OpenApiParameter("item_id", int, OpenApiParameter.PATH)
VERSION = OpenApiParameter("version", int, OpenApiParameter.PATH)


@extend_schema_view(
    list=extend_schema(
        operation_id="items_list",
        summary="Your items, newest first",
        description="Those in the trash are not among them.",
    ),
    retrieve=extend_schema(
        operation_id="items_get",
        summary="One item, yours or shared with you",
        description="Its ETag is for If-None-Match here and for If-Match on a change.",
    ),
)
class ItemViewSet(ListRows, RetrieveRow, GenericViewSet[Item]):
    request: SignedInRequest
    serializer_class = ItemSerializer
    filterset_class = ItemFilter
    lookup_value_converter = "id"
    is_compiled = True
    queryset = Item.objects.none()

    def get_queryset(self) -> ItemQuerySet:
        return Item.objects.owned_by(self.request.user).live().order_by("-pk")

    def get_shared(self) -> ItemQuerySet:
        return Item.objects.shared_with(self.request.user).live()

    @extend_schema(
        operation_id="items_create",
        summary="Make an item",
        description="Only the title is needed.",
        responses={201: ItemSerializer},
    )
    @idempotent
    def create(self, request: Request) -> HttpResponseBase:
        fields = checked(ItemSerializer, request.data)
        item = services.create_item(owner_id=self.request.user.pk, **fields)
        return row_response(ItemSerializer, item, location=f"{settings.API_PREFIX}items/{item.pk}")

    @extend_schema(
        operation_id="items_update",
        summary="Change an item",
        description=(
            "The same as PATCH: what the body leaves out stays. 403 when it is shared with you"
            " to look at only."
        ),
        request=ItemChangesSerializer,
        responses={200: ItemSerializer, **NOT_YOURS},
        parameters=[IF_MATCH],
    )
    def update(self, request: Request, **kwargs: Any) -> HttpResponse:
        item = services.update_item(
            editor_id=self.request.user.pk,
            item_id=kwargs["pk"],
            changes=checked(ItemChangesSerializer, request.data),
            if_match=if_match_of(request._request),
        )
        return row_response(ItemSerializer, item)

    @extend_schema(
        operation_id="items_patch",
        summary="Change some fields of an item",
        description="What the body leaves out stays. What is equal to before makes no version.",
        request=ItemChangesSerializer,
        responses={200: ItemSerializer, **NOT_YOURS},
        parameters=[IF_MATCH],
    )
    def partial_update(self, request: Request, **kwargs: Any) -> HttpResponse:
        return self.update(request, **kwargs)

    @extend_schema(
        operation_id="items_delete",
        summary="Move an item to the trash",
        description="It stays there for 30 days and can be restored.",
        responses={204: None, **NOT_YOURS},
        parameters=[IF_MATCH],
    )
    def destroy(self, request: Request, **kwargs: Any) -> Response:
        services.trash_item(
            items=self.get_queryset(),
            shared=self.get_shared(),
            item_id=kwargs["pk"],
            if_match=if_match_of(request._request),
        )
        return Response(status=204)

    @extend_schema(
        operation_id="items_restore",
        summary="Take an item out of the trash",
        description="An item that is not in the trash stays as it is.",
        request=None,
        responses={200: ItemSerializer, **NOT_YOURS},
    )
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, **kwargs: Any) -> HttpResponse:
        item = services.restore_item(
            items=Item.objects.owned_by(self.request.user),
            shared=self.get_shared(),
            item_id=kwargs["pk"],
        )
        return row_response(ItemSerializer, item)


@extend_schema_view(
    list=extend_schema(
        operation_id="items_trash_list",
        summary="Your items in the trash, newest first",
        description="They stay for 30 days, then they are deleted for good.",
    ),
    retrieve=extend_schema(
        operation_id="items_trash_get",
        summary="One item in the trash",
        description="With the time when it came there.",
    ),
)
class TrashViewSet(ListRows, RetrieveRow, GenericViewSet[Item]):
    request: SignedInRequest
    serializer_class = TrashedItemSerializer
    filterset_class = ItemFilter
    lookup_value_converter = "id"
    queryset = Item.objects.none()

    def get_queryset(self) -> ItemQuerySet:
        return Item.objects.owned_by(self.request.user).trashed().order_by("-pk")

    @extend_schema(
        operation_id="items_trash_delete",
        summary="Delete an item in the trash for good",
        description="Its earlier versions go with it.",
        responses={204: None},
    )
    def destroy(self, request: Request, **kwargs: Any) -> Response:
        services.delete_item(items=self.get_queryset(), item_id=kwargs["pk"])
        return Response(status=204)


@extend_schema_view(
    list=extend_schema(
        operation_id="items_revisions_list",
        summary="Earlier versions of an item, newest first",
        description="The newest 100 are kept. The present version is the item itself.",
        responses={200: RevisionSummarySerializer(many=True), **NOT_YOURS},
        parameters=[ITEM_ID],
    ),
    retrieve=extend_schema(
        operation_id="items_revisions_get",
        summary="One earlier version of an item, whole",
        description="As it was until the next version replaced it.",
        responses={200: RevisionSerializer, **NOT_YOURS},
        parameters=[ITEM_ID, VERSION],
    ),
)
class RevisionViewSet(ListRows, RetrieveRow, GenericViewSet[Revision]):
    """For the owner alone: what an earlier version said may never have been meant for others."""

    request: SignedInRequest
    serializer_class = RevisionSerializer
    lookup_field = "version"
    lookup_value_converter = "id"
    queryset = Revision.objects.none()

    def get_items(self) -> ItemQuerySet:
        return Item.objects.owned_by(self.request.user).live()

    def get_shared_items(self) -> ItemQuerySet:
        return Item.objects.shared_with(self.request.user).live()

    def get_queryset(self) -> Any:
        item_id = self.kwargs["item_id"]
        if not self.get_items().filter(pk=item_id).exists():
            raise refusal(self.get_shared_items(), item_id, OwnerOnly)
        return Revision.objects.filter(item_id=item_id).order_by("-pk")

    def get_serializer_class(self) -> Any:
        return RevisionSummarySerializer if self.action == "list" else RevisionSerializer

    @extend_schema(
        operation_id="items_revisions_restore",
        summary="Make an earlier version the present one",
        description="Adds a version that equals the earlier one; no version is lost.",
        request=None,
        responses={200: ItemSerializer, **NOT_YOURS},
        parameters=[ITEM_ID, VERSION, IF_MATCH],
    )
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, **kwargs: Any) -> HttpResponse:
        item = services.restore_revision(
            items=self.get_items(),
            shared=self.get_shared_items(),
            item_id=kwargs["item_id"],
            version=kwargs["version"],
            editor_id=self.request.user.pk,
            if_match=if_match_of(request._request),
        )
        return row_response(ItemSerializer, item)
