from typing import Any

import orjson

from accounts.models import User
from alice.common.events import publish, subscribe
from alice.common.json_rows import json_row
from alice.common.realtime.close_codes import NOT_FOUND, RESTARTING
from alice.common.realtime.groups import member_group, room_group
from alice.common.realtime.push import close_group, push
from collaboration.events import (
    MessageDeleted,
    MessageEdited,
    MessageReacted,
    MessageStored,
    RoomShut,
    RoomTold,
    ShareRevoked,
)
from collaboration.models import Message, ResourceType, Room
from collaboration.selectors import shown_messages
from collaboration.serializers.chat import MessageSerializer

CLOSED = "You may not read this room any more."
CHANGED = "Who may read this room has changed. Connect again."


@subscribe(MessageStored)
def tell_message(event: MessageStored) -> None:
    frame = {"type": "message", **event.message}
    push(room_group(event.room_pk), frame, seq=event.message["seq"])


@subscribe(MessageEdited)
def tell_edit(event: MessageEdited) -> None:
    _tell_message_again("edited", event.message_id)


@subscribe(MessageDeleted)
def tell_deletion(event: MessageDeleted) -> None:
    _tell_message_again("deleted", event.message_id)


@subscribe(MessageReacted)
def tell_reactions(event: MessageReacted) -> None:
    _tell_message_again("reactions", event.message_id)


@subscribe(RoomTold)
def tell_in_passing(event: RoomTold) -> None:
    push(room_group(event.room_pk), event.frame)


@subscribe(RoomShut)
def close_sockets(event: RoomShut) -> None:
    whole, user_id = room_group(event.room_pk), event.user_id
    group = whole if user_id is None else member_group(event.room_pk, user_id)
    code, reason = (NOT_FOUND, CLOSED) if event.is_for_good else (RESTARTING, CHANGED)
    close_group(group, code, reason)


@subscribe(ShareRevoked)
def shut_out_holders(event: ShareRevoked) -> None:
    if event.resource_type != ResourceType.ROOM:
        return
    room = Room.objects.filter(pk=event.resource_id)
    for user_id in event.holder_ids:
        if not room.visible_to(User(pk=user_id)).exists():
            publish(RoomShut(room_pk=event.resource_id, user_id=user_id))


def _tell_message_again(kind: str, message_id: int) -> None:
    # Read anew: of two changes at once the later one is told last.
    rows = shown_messages(Message.objects.filter(pk=message_id))
    found = json_row(rows, MessageSerializer, extra="room_id")
    if found is None:
        return
    text, room_pk = found
    message: dict[str, Any] = orjson.loads(text)
    push(room_group(room_pk), {"type": kind, **message})
