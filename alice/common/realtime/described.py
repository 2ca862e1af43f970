"""What sockets say and hear, told to others: each app names its frames in its `frames.py`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.module_loading import autodiscover_modules
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from alice.common.realtime import close_codes

EVENTS = "events"


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameKind:
    """The frames of one type; `fields` has all their other fields, `example` their values."""

    name: str
    summary: str
    fields: type[serializers.Serializer[Any]]
    example: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class SocketKind:
    """One path of sockets: what clients may send there, and what the server sends."""

    address: str
    summary: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    received: list[FrameKind] = field(default_factory=list)
    sent: list[FrameKind] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class CloseCode:
    """Why the server closes, and what a client does then."""

    code: int
    meaning: str
    then: str


class EmptyFrameSerializer(serializers.Serializer[Any]):
    pass


class AuthFrameSerializer(serializers.Serializer[Any]):
    token = serializers.CharField(help_text="An access token.")


@extend_schema_field({"oneOf": [{"type": "string"}, {"type": "integer"}]})
class RefField(serializers.Field[str | int, Any, Any, Any]):
    pass


class PongFrameSerializer(serializers.Serializer[Any]):
    ref = RefField(required=False, help_text="That of the ping.")


class ErrorFrameSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="Stable, for programs; as in the answers of the API.")
    detail = serializers.CharField(help_text="One sentence for a person.")
    ref = RefField(required=False, help_text="The `ref` or `client_id` of the frame it is about.")


def received_anywhere() -> list[FrameKind]:
    """What every socket takes."""
    return [
        FrameKind(
            name="auth",
            summary="Signs in, as the first frame of a socket that showed nothing else.",
            fields=AuthFrameSerializer,
            example={"token": "eyJhbGciOiJIUzI1NiJ9.e30.c2ln"},
        ),
        FrameKind(
            name="ping",
            summary="Asks for a pong.",
            fields=EmptyFrameSerializer,
            example={"ref": 1},
        ),
    ]


def sent_anywhere() -> list[FrameKind]:
    """What every socket may be sent."""
    return [
        FrameKind(
            name="pong", summary="Answers a ping.", fields=PongFrameSerializer, example={"ref": 1}
        ),
        FrameKind(
            name="error",
            summary="A frame was refused, or the socket is about to be closed.",
            fields=ErrorFrameSerializer,
            example={
                "code": "invalid",
                "detail": "message: This field may not be blank.",
                "ref": "6f1c9d1e",
            },
        ),
        FrameKind(
            name="resync",
            summary="Frames without a `seq` may have been missed: ask the API for what they tell.",
            fields=EmptyFrameSerializer,
        ),
    ]


CLOSE_CODES = [
    CloseCode(1002, "A frame that breaks the protocol (RFC 6455)", "Repair the client."),
    CloseCode(1007, "Text that is not UTF-8", "Repair the client."),
    CloseCode(close_codes.TOO_LARGE, "A frame above 64 KiB", "Send less at once."),
    CloseCode(1011, "A fault of the server, or no pong for 20 s", "Connect again and resume."),
    CloseCode(
        close_codes.RESTARTING,
        "The server restarts, or who may read the room has changed",
        "Connect again and resume.",
    ),
    CloseCode(1013, "A part that is needed is away", "Connect again later and resume."),
    CloseCode(close_codes.BAD_FRAME, "Ten bad frames in a row", "Repair the client."),
    CloseCode(
        close_codes.SIGNED_OUT,
        "Not signed in, or the session has ended",
        "Refresh the token once; if that is refused, sign in.",
    ),
    CloseCode(close_codes.NOT_ALLOWED, "Not allowed", "Stay away."),
    CloseCode(close_codes.NOT_FOUND, "No such room, or not any more", "Leave the room."),
    CloseCode(close_codes.SIGN_IN_TOO_SLOW, "No sign-in within 10 s", "Sign in sooner."),
    CloseCode(close_codes.SLOW_READER, "1 MiB was not read", "Connect again and resume."),
    CloseCode(close_codes.TOO_FAST, "Too many frames or sockets", "Wait, then connect again."),
]

_sockets: dict[str, SocketKind] = {
    EVENTS: SocketKind(
        address="/ws/events",
        summary="What happens to a user: notifications and the progress of jobs.",
    )
}


def describe_socket(name: str, socket: SocketKind) -> None:
    """Make a path of sockets known; to be called from an app's `frames.py`."""
    _sockets[name] = socket


def describe_frames(name: str, *, sent: Sequence[FrameKind]) -> None:
    """Make known what else is sent to the sockets of that name."""
    _sockets[name].sent.extend(sent)


def _is_later(kind: FrameKind) -> bool:
    return kind.name != "hello"


def described_sockets() -> dict[str, SocketKind]:
    """All sockets by name, with what the apps have named."""
    autodiscover_modules("frames")
    return {
        name: SocketKind(
            address=socket.address,
            summary=socket.summary,
            parameters=socket.parameters,
            received=[*received_anywhere(), *socket.received],
            sent=[*sorted(socket.sent, key=_is_later), *sent_anywhere()],
        )
        for name, socket in sorted(_sockets.items())
    }
