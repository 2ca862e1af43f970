from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class MessageSent:
    """A message is stored.

    `mentioned_ids` are the users named in it who may read the room and did not mute it.
    """

    message_id: int
    room_id: str
    seq: int
    author_id: int
    mentioned_ids: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class MessageStored:
    """The same as `MessageSent`, for those in the room: the message as the API shows it."""

    room_pk: int
    message: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class MessageEdited:
    message_id: int
    room_id: str


@dataclass(frozen=True, kw_only=True)
class MessageDeleted:
    message_id: int
    room_id: str


@dataclass(frozen=True, kw_only=True)
class MessageReacted:
    """The reactions of a message have changed."""

    message_id: int
    room_id: str


@dataclass(frozen=True, kw_only=True)
class RoomRead:
    room_id: str
    user_id: int
    seq: int


@dataclass(frozen=True, kw_only=True)
class RoomTold:
    """Something passing that those in the room see now or never: typing, presence, reading."""

    room_pk: int
    frame: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class RoomShut:
    """Sockets that a user (None: anybody) has in the room close.

    Not for good where some of them may come again at once.
    """

    room_pk: int
    user_id: int | None
    is_for_good: bool = True


@dataclass(frozen=True, kw_only=True)
class RoomDeleted:
    room_pk: int
    room_id: str


@dataclass(frozen=True, kw_only=True)
class MemberAdded:
    room_id: str
    user_id: int
    actor_id: int


@dataclass(frozen=True, kw_only=True)
class MemberRemoved:
    """Somebody left a room or was removed; open sockets of a private room close."""

    room_id: str
    user_id: int


@dataclass(frozen=True, kw_only=True)
class ShareMade:
    """`holder_id` None is whoever has the link."""

    share_id: int
    owner_id: int
    holder_id: int | None
    resource_type: str
    resource_id: int


@dataclass(frozen=True, kw_only=True)
class ShareRevoked:
    """`holder_ids` lost what the share gave them."""

    share_id: int
    holder_ids: tuple[int, ...]
    resource_type: str
    resource_id: int
