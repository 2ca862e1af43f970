"""/ws/chat/{room_id}: what REST does, and at once."""

import secrets
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from alice.common.errors import NotFound
from alice.common.json_rows import json_row, json_rows
from alice.common.realtime.consumers import SocketConsumer
from alice.common.realtime.groups import member_group, room_group
from alice.common.realtime.sockets import Admission, SignedSocket
from alice.common.serializing import checked
from collaboration.models import Message
from collaboration.selectors import shown_messages
from collaboration.serializers.chat import (
    DraftSerializer,
    MessageSerializer,
    ResumeSerializer,
    SeqSerializer,
    TypingSerializer,
)
from collaboration.services import presence, rooms
from collaboration.services.access import (
    Standing,
    require_standing,
    require_writer,
    standing_of,
)
from collaboration.services.messages import Draft, send_message

Frames = Iterable[tuple[int, Mapping[str, Any]]]

RESUMED_AT_ONCE = 500
RESUMED_BYTES = 256 * 1024


def missed_messages(room_pk: int, after_seq: int) -> Frames:
    """The messages of a room after a `seq` as frames, in their order; at most 500."""
    rows = shown_messages(Message.objects.filter(room_id=room_pk, seq__gt=after_seq))
    page = json_rows(rows.order_by("seq"), MessageSerializer, limit=RESUMED_AT_ONCE)
    for message in orjson.loads(page.text):
        yield message["seq"], {"type": "message", **message}


def say(socket: SignedSocket, frame: dict[str, Any]) -> Mapping[str, Any] | None:
    draft = Draft(**checked(DraftSerializer, frame))
    sent = send_message(author_id=socket.user_id, room_id=_room_id(socket), draft=draft)
    if sent.shown is not None:
        return None  # it comes as to everybody in the room
    rows = shown_messages(Message.objects.filter(pk=sent.message_id))
    found = json_row(rows, MessageSerializer, extra="id")
    return {"type": "message", **orjson.loads(found[0])} if found else None


def tell_typing(socket: SignedSocket, frame: dict[str, Any]) -> None:
    is_typing = checked(TypingSerializer, frame)["typing"]
    standing = require_writer(user_id=socket.user_id, room_id=_room_id(socket))
    tell = presence.start_typing if is_typing else presence.stop_typing
    tell(room_pk=standing.room_pk, user_id=socket.user_id, username=standing.username)


def mark_read(socket: SignedSocket, frame: dict[str, Any]) -> None:
    seq = checked(SeqSerializer, frame)["seq"]
    rooms.mark_read(reader_id=socket.user_id, room_id=_room_id(socket), seq=seq)


def resume(socket: SignedSocket, frame: dict[str, Any]) -> Mapping[str, Any]:
    """Send what came after a seq, oldest first; `more` says that it was too much for once."""
    after_seq = checked(ResumeSerializer, frame)["after_seq"]
    standing = require_standing(user_id=socket.user_id, room_id=_room_id(socket))
    missed = list(_without_choking(missed_messages(standing.room_pk, after_seq)))
    for _seq, message in missed:
        socket.send(message)
    reached = missed[-1][0] if missed else after_seq
    return {"type": "resumed", "seq": reached, "more": reached < standing.last_seq}


def _without_choking(frames: Frames) -> Frames:
    """The first of `frames`, for as much as a socket takes at once."""
    sent_bytes = 0
    for seq, frame in frames:
        if sent_bytes > RESUMED_BYTES:
            return
        sent_bytes += len(orjson.dumps(frame))
        yield seq, frame


class ChatConsumer(SocketConsumer):
    """One room. `authorize` makes it where nobody did: it is open to whoever looks in."""

    frame_handlers = {"message": say, "typing": tell_typing, "read": mark_read, "resume": resume}
    visit: presence.Visit | None = None

    def authorize(self, user_id: int, url_kwargs: Mapping[str, str]) -> Admission:
        room_id = url_kwargs["room_id"]
        standing = standing_of(user_id=user_id, room_id=room_id)
        if self.visit is None:
            standing = standing or self._opened(user_id, room_id)
        elif standing is None or standing.room_pk != self.visit.room_pk:
            raise NotFound
        return Admission(
            groups=(room_group(standing.room_pk),),
            close_groups=(member_group(standing.room_pk, user_id),),
            sequence=room_group(standing.room_pk),
        )

    def _opened(self, user_id: int, room_id: str) -> Standing:
        rooms.open_room(visitor_id=user_id, room_id=room_id)
        return require_standing(user_id=user_id, room_id=room_id)

    def hello(self) -> Mapping[str, Any]:
        socket = self.socket
        standing = require_standing(user_id=socket.user_id, room_id=_room_id(socket))
        self.visit = presence.Visit(
            socket_id=secrets.token_hex(8),  # the socket's own is what its client wanted
            room_pk=standing.room_pk,
            user_id=socket.user_id,
            username=standing.username,
            is_guest=standing.is_private and standing.role is None,
        )
        presence.arrive(self.visit)
        return {
            "type": "hello",
            "seq": standing.last_seq,
            "room_id": standing.room_id,
            "title": standing.title,
            "private": standing.is_private,
            "user_id": socket.user_id,
            "username": standing.username,
            "role": standing.role,
            "can_write": standing.can_write,
            "read_seq": standing.read_seq,
            "online": presence.online_in(standing.room_pk),
            "typing": presence.typing_in(standing.room_pk),
        }

    def on_leave(self) -> None:
        if self.visit is not None:
            presence.leave(self.visit)


def _room_id(socket: SignedSocket) -> str:
    return socket.url_kwargs["room_id"]
