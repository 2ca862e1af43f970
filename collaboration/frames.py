"""What is said and heard at /ws/chat/{room_id}."""

from typing import Any

from rest_framework import serializers

from alice.common.realtime.described import FrameKind, SocketKind, describe_socket
from collaboration.models import MemberRole
from collaboration.serializers.chat import (
    PERSON,
    SHOWN,
    WRITTEN,
    DraftSerializer,
    MessageSerializer,
    PersonSerializer,
    ResumeSerializer,
    SeqSerializer,
    TypingSerializer,
)

SAID = {name: value for name, value in WRITTEN.items() if name != "room_id"}
DELETED_AT = "2026-03-31T12:05:00.000000Z"


class ChatHelloFrameSerializer(serializers.Serializer[Any]):
    seq = serializers.IntegerField(help_text="Of the newest message; what follows comes live.")
    room_id = serializers.CharField()
    title = serializers.CharField()
    private = serializers.BooleanField()
    user_id = serializers.IntegerField(help_text="You.")
    username = serializers.CharField()
    role = serializers.ChoiceField(
        choices=MemberRole.choices, allow_null=True, help_text="Null for who is no member."
    )
    can_write = serializers.BooleanField()
    read_seq = serializers.IntegerField(allow_null=True, help_text="How far you have read.")
    online = PersonSerializer(many=True, help_text="At most 500.")
    typing = PersonSerializer(many=True)


class ResumedFrameSerializer(serializers.Serializer[Any]):
    seq = serializers.IntegerField(help_text="Up to where it has been sent.")
    more = serializers.BooleanField(help_text="True: resume again from there.")


class TypingFrameSerializer(PersonSerializer):
    typing = serializers.BooleanField(help_text="False: stopped.")
    seconds = serializers.IntegerField(help_text="For how long it holds if nothing more comes.")


class PresenceFrameSerializer(PersonSerializer):
    online = serializers.BooleanField()


class RoomFrameSerializer(serializers.Serializer[Any]):
    room_id = serializers.CharField()
    title = serializers.CharField()
    private = serializers.BooleanField()


class ReadFrameSerializer(PersonSerializer):
    seq = serializers.IntegerField(help_text="Read up to this message.")


RECEIVED = [
    FrameKind(
        name="message",
        summary="Says something. It comes back as to everybody in the room.",
        fields=DraftSerializer,
        example=SAID,
    ),
    FrameKind(
        name="typing",
        summary="You are typing: for 8 s, or until you stop.",
        fields=TypingSerializer,
        example={"typing": True},
    ),
    FrameKind(
        name="read",
        summary="You have read up to a message. What you have read never becomes less.",
        fields=SeqSerializer,
        example={"seq": 12},
    ),
    FrameKind(
        name="resume",
        summary="Asks for what came after a message, oldest first.",
        fields=ResumeSerializer,
        example={"after_seq": 10},
    ),
]
SENT = [
    FrameKind(
        name="hello",
        summary="You are signed in, and hear the room from `seq` on.",
        fields=ChatHelloFrameSerializer,
        example={
            "seq": 12,
            "room_id": "garden",
            "title": "The garden",
            "private": True,
            "user_id": 7,
            "username": "ada",
            "role": "owner",
            "can_write": True,
            "read_seq": 10,
            "online": [{"user_id": 7, "username": "ada"}, PERSON],
            "typing": [PERSON],
        },
    ),
    FrameKind(
        name="message",
        summary="A message, once each and in the order of `seq`.",
        fields=MessageSerializer,
        example=SHOWN,
    ),
    FrameKind(
        name="edited",
        summary="A message was changed: this is how it reads now.",
        fields=MessageSerializer,
        example={**SHOWN, "message": "They are out.", "edited_at": DELETED_AT},
    ),
    FrameKind(
        name="deleted",
        summary="A message was deleted: this is what is left of it.",
        fields=MessageSerializer,
        example={
            **SHOWN,
            "message": "",
            "attachments": [],
            "reactions": {},
            "deleted_at": DELETED_AT,
        },
    ),
    FrameKind(
        name="reactions",
        summary="The reactions to a message have changed.",
        fields=MessageSerializer,
        example=SHOWN,
    ),
    FrameKind(
        name="typing",
        summary="Somebody types, or has stopped. Told anew every 3 s while it goes on.",
        fields=TypingFrameSerializer,
        example={**PERSON, "typing": True, "seconds": 8},
    ),
    FrameKind(
        name="presence",
        summary="Somebody came or went, with all their sockets.",
        fields=PresenceFrameSerializer,
        example={**PERSON, "online": True},
    ),
    FrameKind(
        name="read",
        summary="Somebody has read up to a message.",
        fields=ReadFrameSerializer,
        example={**PERSON, "seq": 12},
    ),
    FrameKind(
        name="room",
        summary="An owner has changed the room.",
        fields=RoomFrameSerializer,
        example={"room_id": "garden", "title": "The rose garden", "private": True},
    ),
    FrameKind(
        name="resumed",
        summary="All that you asked for by resume has been sent, or as much as is sent at once.",
        fields=ResumedFrameSerializer,
        example={"seq": 12, "more": False},
    ),
]

describe_socket(
    "chat",
    SocketKind(
        address="/ws/chat/{room_id}",
        summary="One room: what is said there, who is there and who types.",
        parameters={"room_id": "1 to 100 of letters, digits and - _ . :"},
        received=RECEIVED,
        sent=SENT,
    ),
)
