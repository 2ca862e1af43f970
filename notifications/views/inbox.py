from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts.requests import SignedInRequest
from alice.common.conditional import conditional_json, etag_of
from alice.common.converters import LARGEST_ID
from alice.common.errors import NotFound
from alice.common.idempotency import idempotent
from alice.common.json_rows import json_row
from alice.common.openapi import STAFF_ONLY, refusals
from alice.common.pagination import boolean_parameter, integer_parameter
from alice.common.serializing import checked, json_response, shown
from alice.common.views import ListRows
from notifications import selectors
from notifications.filters import NotificationFilter
from notifications.models import Notification, NotificationQuerySet
from notifications.serializers import NotificationSerializer, UnreadSerializer, UpdatedSerializer
from notifications.services import inbox, sending

USER_ID = OpenApiParameter("user_id", int, description="Staff only: whom to send it to.")
UNREAD_ONLY = OpenApiParameter("unread_only", bool, description="Only unread ones.", default=False)
ARCHIVED = OpenApiParameter(
    "archived", bool, description="Those put away, instead of those listed.", default=False
)


class SendView(APIView):
    request: SignedInRequest

    @extend_schema(
        operation_id="notify_send",
        summary="Send a notification to yourself, or as staff to anybody",
        description="It goes wherever its owner wants to hear of the topic `direct`.",
        parameters=[USER_ID],
        request=NotificationSerializer,
        responses={
            201: NotificationSerializer,
            **STAFF_ONLY,
            **refusals(s404="No such user."),
        },
    )
    @idempotent
    def post(self, request: Request) -> HttpResponseBase:
        query = request._request.GET
        owner_id = integer_parameter(query, "user_id", 0, minimum=1, maximum=LARGEST_ID)
        content = checked(NotificationSerializer, request.data)
        sent = sending.send_direct(
            sender=self.request.user,
            owner_id=owner_id or None,
            note=sending.direct_note(sender_id=self.request.user.pk, **content),
        )
        headers = {"Location": f"{settings.API_PREFIX}notify/{sent.pk}"}
        return json_response(shown(NotificationSerializer, sent), status=201, headers=headers)


class NotificationViewSet(ListRows, GenericViewSet[Notification]):
    request: SignedInRequest
    serializer_class = NotificationSerializer
    filterset_class = NotificationFilter
    lookup_url_kwarg = "notification_id"
    default_limit = 50
    is_compiled = True
    queryset = Notification.objects.none()
    wants_archived = wants_unread = False

    def get_mine(self) -> NotificationQuerySet:
        return Notification.objects.visible_to(self.request.user)

    def get_queryset(self) -> NotificationQuerySet:
        mine = self.get_mine().saying_whether_read().order_by("-pk")
        mine = mine.archived() if self.wants_archived else mine.not_archived()
        return mine.filter(read_at=None) if self.wants_unread else mine

    @extend_schema(
        operation_id="notify_history",
        summary="Your notifications, newest first",
        parameters=[UNREAD_ONLY, ARCHIVED],
    )
    def list(self, request: Request, **kwargs: Any) -> HttpResponseBase:
        query = request._request.GET
        self.wants_archived = boolean_parameter(query, "archived")
        self.wants_unread = boolean_parameter(query, "unread_only")
        return super().list(request, **kwargs)

    @extend_schema(operation_id="notify_get", summary="One notification")
    def retrieve(self, request: Request, notification_id: int) -> HttpResponseBase:
        row = self.get_mine().saying_whether_read().filter(pk=notification_id)
        found = json_row(row, NotificationSerializer, extra="id")
        if found is None:
            raise NotFound
        body, pk = found
        return conditional_json(request._request, body, etag_of(pk, body=body))

    @extend_schema(
        operation_id="notify_read",
        summary="Mark a notification as read",
        description="When it was first read stays.",
        request=None,
    )
    def read(self, request: Request, notification_id: int) -> HttpResponse:
        return self.changed(inbox.mark_read, notification_id)

    @extend_schema(
        operation_id="notify_unread", summary="Mark a notification as unread again", request=None
    )
    def unread(self, request: Request, notification_id: int) -> HttpResponse:
        return self.changed(inbox.mark_unread, notification_id)

    @extend_schema(
        operation_id="notify_archive",
        summary="Put a notification away",
        description="It leaves the list and no longer counts as unread.",
        request=None,
    )
    def archive(self, request: Request, notification_id: int) -> HttpResponse:
        return self.changed(inbox.archive, notification_id)

    @extend_schema(
        operation_id="notify_unarchive",
        summary="Put a notification back into the list",
        request=None,
    )
    def unarchive(self, request: Request, notification_id: int) -> HttpResponse:
        return self.changed(inbox.unarchive, notification_id)

    @extend_schema(
        operation_id="notify_delete",
        summary="Delete a notification",
        description="Mails and calls that are still owed of it go with it.",
        responses={204: None},
    )
    def destroy(self, request: Request, notification_id: int) -> Response:
        inbox.delete(notifications=self.get_mine(), notification_id=notification_id)
        return Response(status=204)

    def changed(self, change: Callable[..., Notification], notification_id: int) -> HttpResponse:
        row = change(notifications=self.get_mine(), notification_id=notification_id)
        return json_response(shown(NotificationSerializer, row))


class MarkAllReadView(APIView):
    request: SignedInRequest

    @extend_schema(
        operation_id="notify_mark_all_read",
        summary="Mark all your notifications as read",
        request=None,
        responses=UpdatedSerializer,
    )
    def post(self, request: Request) -> HttpResponse:
        return json_response({"updated": inbox.mark_all_read(owner_id=self.request.user.pk)})


class UnreadCountView(APIView):
    request: SignedInRequest

    @extend_schema(
        operation_id="notify_unread_count",
        summary="How many of your notifications are unread",
        responses=UnreadSerializer,
    )
    def get(self, request: Request) -> HttpResponse:
        owner_id = self.request.user.pk
        return json_response({"unread": selectors.unread_counts([owner_id])[owner_id]})
