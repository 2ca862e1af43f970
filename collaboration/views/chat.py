"""What is said in rooms, over REST."""

from functools import cache

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts.requests import SignedInRequest
from alice.common.compiled import Compiled, compiled
from alice.common.conditional import conditional_json, etag_of, if_match_of
from alice.common.converters import LARGEST_ID
from alice.common.errors import Invalid, NotFound
from alice.common.idempotency import idempotent
from alice.common.json_rows import json_row, json_rows, page_statement
from alice.common.openapi import IF_MATCH, IF_NONE_MATCH, refusals
from alice.common.pagination import (
    PLAIN_PAGE,
    PageRequest,
    compiled_list_response,
    integer_parameter,
    list_response,
)
from alice.common.serializing import checked, json_response
from collaboration.models import Message, MessageQuerySet
from collaboration.selectors import shown_messages
from collaboration.serializers.chat import (
    EditSerializer,
    MessageSerializer,
    PresenceSerializer,
    ReadSerializer,
    SendSerializer,
    SeqSerializer,
    TypingSerializer,
)
from collaboration.services import edits, presence, rooms
from collaboration.services.access import require_standing, require_writer, standing_of
from collaboration.services.messages import Draft, send_message

HISTORY_LIMIT = 50
AFTER_SEQ = "after_seq"
NOT_WITH_AFTER_SEQ = ("skip", "before", "after", "count")
ROOM_ID = OpenApiParameter("room_id", str, OpenApiParameter.PATH, description="Its name.")
MESSAGE_ID = OpenApiParameter("message_id", int, OpenApiParameter.PATH)
EMOJI = OpenApiParameter("emoji", str, OpenApiParameter.PATH, description="Percent-encoded.")
CATCH_UP = OpenApiParameter(
    AFTER_SEQ,
    int,
    description="What came after this `seq`, oldest first, to catch up. Only with `limit`.",
)
READ_ONLY = refusals(s403="It is shared with you only to read.")
DELETED = refusals(s409="The message was deleted.")


class SendView(APIView):
    request: SignedInRequest

    @extend_schema(
        operation_id="chat_send",
        summary="Say something in a room",
        description=(
            "A room that nobody made is open to everybody and comes to be with its first message."
            " 200 with the stored message when its `client_id` was sent before."
        ),
        request=SendSerializer,
        responses={
            201: MessageSerializer,
            200: MessageSerializer,
            **READ_ONLY,
            **refusals(s404="A private room of others."),
        },
    )
    @idempotent
    def post(self, request: Request) -> HttpResponseBase:
        fields = checked(SendSerializer, request.data)
        room_id = fields.pop("room_id")
        author_id = self.request.user.pk
        sent = send_message(author_id=author_id, room_id=room_id, draft=Draft(**fields))
        if sent.shown is not None:
            return json_response(sent.shown, status=201)
        return message_response(Message.objects.all(), sent.message_id)


class HistoryViewSet(GenericViewSet[Message]):
    request: SignedInRequest
    serializer_class = MessageSerializer
    default_limit = HISTORY_LIMIT
    queryset = Message.objects.none()

    @extend_schema(
        operation_id="chat_history",
        summary="What was said in a room, newest first",
        description=(
            "Deleted messages stay as tombstones without text, so that `seq` has no gaps. A room"
            " in which nothing was said yet is empty; a private one of others is not there."
        ),
        parameters=[ROOM_ID, CATCH_UP],
        responses=MessageSerializer(many=True),
    )
    def list(self, request: Request, room_id: str) -> HttpResponse:
        standing = standing_of(user_id=self.request.user.pk, room_id=room_id)
        room_pk = standing.room_pk if standing else 0
        query = request.query_params
        if PLAIN_PAGE.issuperset(query):
            page = _history()
            return compiled_list_response(request, page, default_limit=HISTORY_LIMIT, key=room_pk)
        messages = shown_messages(Message.objects.filter(room_id=room_pk))
        if AFTER_SEQ in query:
            return catch_up_response(request, messages)
        return list_response(request, messages, MessageSerializer, default_limit=HISTORY_LIMIT)


class MessageView(APIView):
    request: SignedInRequest

    def get_queryset(self) -> MessageQuerySet:
        return Message.objects.visible_to(self.request.user)

    @extend_schema(
        operation_id="chat_message_get",
        summary="One message",
        parameters=[MESSAGE_ID, IF_NONE_MATCH],
        responses=MessageSerializer,
    )
    def get(self, request: Request, message_id: int) -> HttpResponseBase:
        body, version = message_json(self.get_queryset(), message_id)
        return conditional_json(request._request, body, etag_of(version, body=body))

    @extend_schema(
        operation_id="chat_message_edit",
        summary="Edit your own message",
        description="What the body leaves out stays.",
        parameters=[MESSAGE_ID, IF_MATCH],
        request=EditSerializer,
        responses={
            200: MessageSerializer,
            **refusals(s403="It is not yours, or you may only read."),
            **DELETED,
        },
    )
    def patch(self, request: Request, message_id: int) -> HttpResponse:
        changes = checked(EditSerializer, request.data)
        edits.edit_message(
            editor_id=self.request.user.pk,
            message_id=message_id,
            if_match=if_match_of(request._request),
            **changes,
        )
        return message_response(self.get_queryset(), message_id)

    @extend_schema(
        operation_id="chat_message_delete",
        summary="Delete a message",
        description=(
            "Your own, or as owner or moderator of the room any. A tombstone without text,"
            " attachments and reactions stays in its place. Again: nothing more happens."
        ),
        parameters=[MESSAGE_ID, IF_MATCH],
        responses={204: None, **refusals(s403="Neither yours nor are you a moderator.")},
    )
    def delete(self, request: Request, message_id: int) -> Response:
        if_match = if_match_of(request._request)
        edits.delete_message(
            actor_id=self.request.user.pk, message_id=message_id, if_match=if_match
        )
        return Response(status=204)


class ReactionView(APIView):
    request: SignedInRequest

    @extend_schema(
        operation_id="chat_reaction_add",
        summary="Put an emoji on a message",
        description="Again: nothing more happens. 20 different ones and 1,000 in all at most.",
        parameters=[MESSAGE_ID, EMOJI],
        request=None,
        responses={
            200: MessageSerializer,
            **READ_ONLY,
            **refusals(s409="The message was deleted, or has too many reactions."),
        },
    )
    def put(self, request: Request, message_id: int, emoji: str) -> HttpResponse:
        reader = self.request.user
        edits.add_reaction(user_id=reader.pk, message_id=message_id, emoji=emoji)
        return message_response(Message.objects.visible_to(reader), message_id)

    @extend_schema(
        operation_id="chat_reaction_remove",
        summary="Take your emoji off a message",
        parameters=[MESSAGE_ID, EMOJI],
        responses={200: MessageSerializer},
    )
    def delete(self, request: Request, message_id: int, emoji: str) -> HttpResponse:
        reader = self.request.user
        edits.remove_reaction(user_id=reader.pk, message_id=message_id, emoji=emoji)
        return message_response(Message.objects.visible_to(reader), message_id)


class ReadView(APIView):
    request: SignedInRequest

    @extend_schema(
        operation_id="chat_read",
        summary="Say how far you have read",
        description="Up to this `seq`. It never goes back, and not beyond the newest message.",
        parameters=[ROOM_ID],
        request=SeqSerializer,
        responses=ReadSerializer,
    )
    def post(self, request: Request, room_id: str) -> HttpResponse:
        seq = checked(SeqSerializer, request.data)["seq"]
        read_seq = rooms.mark_read(reader_id=self.request.user.pk, room_id=room_id, seq=seq)
        return json_response({"room_id": room_id, "read_seq": read_seq})


class TypingView(APIView):
    request: SignedInRequest

    @extend_schema(
        operation_id="chat_typing",
        summary="Say that you are typing",
        description="For 8 seconds, or until you say that you stopped.",
        parameters=[ROOM_ID],
        request=TypingSerializer,
        responses={204: None, **READ_ONLY},
    )
    def post(self, request: Request, room_id: str) -> Response:
        is_typing = checked(TypingSerializer, request.data)["typing"]
        standing = require_writer(user_id=self.request.user.pk, room_id=room_id)
        tell = presence.start_typing if is_typing else presence.stop_typing
        tell(
            room_pk=standing.room_pk,
            user_id=self.request.user.pk,
            username=standing.username,
        )
        return Response(status=204)


class PresenceView(APIView):
    request: SignedInRequest

    @extend_schema(
        operation_id="chat_presence",
        summary="Who is in a room now, and who is typing",
        description="At most 500 of each.",
        parameters=[ROOM_ID],
        responses=PresenceSerializer,
    )
    def get(self, request: Request, room_id: str) -> HttpResponse:
        standing = require_standing(user_id=self.request.user.pk, room_id=room_id)
        return json_response(
            {
                "online": presence.online_in(standing.room_pk),
                "typing": presence.typing_in(standing.room_pk),
            }
        )


def message_json(messages: MessageQuerySet, message_id: int) -> tuple[bytes, int]:
    """A message of `messages` as it is shown everywhere, and its version; raises `NotFound`."""
    row = shown_messages(messages.filter(pk=message_id))
    found = json_row(row, MessageSerializer, extra="version")
    if found is None:
        raise NotFound
    return found


def message_response(messages: MessageQuerySet, message_id: int) -> HttpResponse:
    body, version = message_json(messages, message_id)
    headers = {"ETag": etag_of(version, body=body)}
    return HttpResponse(body, content_type="application/json", headers=headers)


def catch_up_response(request: Request, messages: MessageQuerySet) -> HttpResponse:
    """The messages after a `seq`, oldest first, with the way to those after them."""
    query = request._request.GET
    if any(name in query for name in NOT_WITH_AFTER_SEQ):
        raise Invalid(f"{AFTER_SEQ}: Give it alone, or with limit.")
    after = integer_parameter(query, AFTER_SEQ, 0, maximum=LARGEST_ID)
    limit = PageRequest.of(query, HISTORY_LIMIT).limit
    rows = messages.filter(seq__gt=after).order_by("seq")
    page = json_rows(rows, MessageSerializer, limit=limit)
    response = HttpResponse(page.text, content_type="application/json")
    if page.has_more and page.count:
        # No seq is left out in a room.
        base = request.build_absolute_uri(request.path)
        address = f"{base}?{AFTER_SEQ}={after + page.count}&limit={limit}"
        response.headers["Link"] = f'<{address}>; rel="next"'
    return response


@cache
def _history() -> Compiled:
    return compiled(
        lambda _user_id, key: page_statement(
            shown_messages(Message.objects.filter(room_id=key)), MessageSerializer
        )
    )
