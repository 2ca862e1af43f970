"""Rooms and who is in them."""

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts.models import User
from accounts.requests import SignedInRequest
from alice.common.conditional import conditional_json, etag_of, if_match_of
from alice.common.errors import NotFound
from alice.common.idempotency import idempotent
from alice.common.json_rows import json_row
from alice.common.openapi import IF_MATCH, IF_NONE_MATCH, refusals
from alice.common.serializing import checked
from alice.common.views import ListRows
from collaboration.filters import RoomFilter
from collaboration.models import Member, Room, RoomQuerySet
from collaboration.selectors import rooms_of, shown_rooms
from collaboration.serializers.chat import (
    MemberSerializer,
    NewMemberSerializer,
    NewRoomSerializer,
    RoleSerializer,
    RoomChangesSerializer,
    RoomSerializer,
)
from collaboration.services import rooms
from collaboration.services.access import require_standing

ROOM_ID = OpenApiParameter("room_id", str, OpenApiParameter.PATH, description="Its name.")
USER_ID = OpenApiParameter("user_id", int, OpenApiParameter.PATH)
NOT_YOUR_ROLE = refusals(s403="Your role in the room is not enough.")
LAST_OWNER = refusals(s409="The last owner makes somebody else one first.")
NO_MEMBER = refusals(s409="You are no member.")


@extend_schema_view(
    list=extend_schema(
        operation_id="chat_rooms_list",
        summary="Your rooms, the one with the newest message first",
        description=(
            "Those that you joined, made, were added to or wrote in, and those shared with you;"
            " each with what is unread and with its last message."
        ),
        responses=RoomSerializer(many=True),
    )
)
class RoomsViewSet(ListRows, GenericViewSet[Room]):
    request: SignedInRequest
    serializer_class = RoomSerializer
    filterset_class = RoomFilter
    is_compiled = True
    queryset = Room.objects.none()

    def get_queryset(self) -> RoomQuerySet:
        return rooms_of(self.request.user)

    @extend_schema(
        operation_id="chat_rooms_create",
        summary="Make a room",
        description=(
            "You own it. A private one is not there for anybody but its members. Members are"
            " named by id or username. 409 when the id is taken."
        ),
        request=NewRoomSerializer,
        responses={201: RoomSerializer},
    )
    @idempotent
    def create(self, request: Request) -> HttpResponseBase:
        fields = checked(NewRoomSerializer, request.data)
        owner = self.request.user
        room = rooms.create_room(creator_id=owner.pk, **fields)
        response = room_response(owner, room.room_id, status=201)
        response.headers["Location"] = f"{settings.API_PREFIX}chat/rooms/{room.room_id}"
        return response


class RoomView(APIView):
    request: SignedInRequest

    @extend_schema(
        operation_id="chat_room_get",
        summary="One room",
        parameters=[ROOM_ID, IF_NONE_MATCH],
        responses=RoomSerializer,
    )
    def get(self, request: Request, room_id: str) -> HttpResponseBase:
        body, version = room_json(self.request.user, room_id)
        return conditional_json(request._request, body, etag_of(version, body=body))

    @extend_schema(
        operation_id="chat_room_update",
        summary="Rename a room, or make it private or open",
        description="For its owners. When it becomes private, whoever joined or wrote stays in.",
        parameters=[ROOM_ID, IF_MATCH],
        request=RoomChangesSerializer,
        responses={200: RoomSerializer, **NOT_YOUR_ROLE},
    )
    def patch(self, request: Request, room_id: str) -> HttpResponse:
        changes = checked(RoomChangesSerializer, request.data)
        rooms.update_room(
            editor_id=self.request.user.pk,
            room_id=room_id,
            if_match=if_match_of(request._request),
            **changes,
        )
        return room_response(self.request.user, room_id)

    @extend_schema(
        operation_id="chat_room_delete",
        summary="Delete a room and all that was said in it",
        description="For its owners.",
        parameters=[ROOM_ID, IF_MATCH],
        responses={204: None, **NOT_YOUR_ROLE},
    )
    def delete(self, request: Request, room_id: str) -> Response:
        if_match = if_match_of(request._request)
        rooms.delete_room(owner_id=self.request.user.pk, room_id=room_id, if_match=if_match)
        return Response(status=204)


class LeaveView(APIView):
    request: SignedInRequest

    @extend_schema(
        operation_id="chat_room_leave",
        summary="Leave a room",
        description=(
            "The last owner makes somebody else one first (409). A private room goes with its"
            " last member."
        ),
        parameters=[ROOM_ID],
        request=None,
        responses={204: None, **LAST_OWNER},
    )
    def post(self, request: Request, room_id: str) -> Response:
        rooms.leave_room(member_id=self.request.user.pk, room_id=room_id)
        return Response(status=204)


class MuteView(APIView):
    request: SignedInRequest

    @extend_schema(
        operation_id="chat_room_mute",
        summary="Mute a room: being mentioned there does not notify you",
        parameters=[ROOM_ID],
        request=None,
        responses={204: None, **NO_MEMBER},
    )
    def put(self, request: Request, room_id: str) -> Response:
        rooms.set_muted(member_id=self.request.user.pk, room_id=room_id, is_muted=True)
        return Response(status=204)

    @extend_schema(
        operation_id="chat_room_unmute",
        summary="Be notified again of mentions in a room",
        parameters=[ROOM_ID],
        responses={204: None, **NO_MEMBER},
    )
    def delete(self, request: Request, room_id: str) -> Response:
        rooms.set_muted(member_id=self.request.user.pk, room_id=room_id, is_muted=False)
        return Response(status=204)


@extend_schema_view(
    list=extend_schema(
        operation_id="chat_members_list",
        summary="The members of a room, newest first",
        description="With how far each has read.",
        parameters=[ROOM_ID],
    )
)
class MembersViewSet(ListRows, GenericViewSet[Member]):
    request: SignedInRequest
    serializer_class = MemberSerializer
    queryset = Member.objects.none()

    def get_queryset(self) -> QuerySet[Member]:
        reader = self.request.user
        standing = require_standing(user_id=reader.pk, room_id=self.kwargs["room_id"])
        return Member.objects.filter(room_id=standing.room_pk).order_by("-pk")

    @extend_schema(
        operation_id="chat_members_add",
        summary="Let somebody into a room",
        description=(
            "For owners and moderators; only owners give a role. 200 when they are in already,"
            " and then they keep their role."
        ),
        parameters=[ROOM_ID],
        request=NewMemberSerializer,
        responses={201: MemberSerializer, 200: MemberSerializer, **NOT_YOUR_ROLE},
    )
    @idempotent
    def create(self, request: Request, room_id: str) -> HttpResponseBase:
        fields = checked(NewMemberSerializer, request.data)
        actor_id = self.request.user.pk
        member, is_new = rooms.add_member(actor_id=actor_id, room_id=room_id, **fields)
        return member_response(member, status=201 if is_new else 200)


class MemberView(APIView):
    request: SignedInRequest

    @extend_schema(
        operation_id="chat_member_update",
        summary="Give a member another role",
        description="For owners, who may step down themselves unless they are the last (409).",
        parameters=[ROOM_ID, USER_ID],
        request=RoleSerializer,
        responses={200: MemberSerializer, **NOT_YOUR_ROLE, **LAST_OWNER},
    )
    def patch(self, request: Request, room_id: str, user_id: int) -> HttpResponse:
        role = checked(RoleSerializer, request.data)["role"]
        actor_id = self.request.user.pk
        member = rooms.set_role(actor_id=actor_id, room_id=room_id, user_id=user_id, role=role)
        return member_response(member)

    @extend_schema(
        operation_id="chat_member_remove",
        summary="Take somebody out of a room, or leave it",
        description="Moderators remove plain members, owners anybody.",
        parameters=[ROOM_ID, USER_ID],
        responses={204: None, **NOT_YOUR_ROLE, **LAST_OWNER},
    )
    def delete(self, request: Request, room_id: str, user_id: int) -> Response:
        rooms.remove_member(actor_id=self.request.user.pk, room_id=room_id, user_id=user_id)
        return Response(status=204)


def room_json(reader: User, room_id: str) -> tuple[bytes, int]:
    found = json_row(shown_rooms(reader).filter(room_id=room_id), RoomSerializer, extra="version")
    if found is None:
        raise NotFound
    return found


def room_response(reader: User, room_id: str, *, status: int = 200) -> HttpResponse:
    body, version = room_json(reader, room_id)
    response = HttpResponse(body, status=status, content_type="application/json")
    response.headers["ETag"] = etag_of(version, body=body)
    return response


def member_response(member: Member, *, status: int = 200) -> HttpResponse:
    found = json_row(Member.objects.filter(pk=member.pk), MemberSerializer, extra="id")
    if found is None:
        raise NotFound
    return HttpResponse(found[0], status=status, content_type="application/json")
