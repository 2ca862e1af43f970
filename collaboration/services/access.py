"""Who may read and write in a room: one question to the database, one answer."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db.models import Exists, FilteredRelation, OuterRef, Q

from accounts.models import User
from alice.common.compiled import Statement
from alice.common.errors import Forbidden, NotFound
from collaboration.models import ROOM_ID_PATTERN, MemberRole, Room

WELL_FORMED_ID = re.compile(ROOM_ID_PATTERN.replace("$", r"\Z"))
# They stand where a room's id does in the paths of the API, or never arrive there: clients take
# the dots for directories (RFC 3986, 5.2.4).
RESERVED_IDS = frozenset({"rooms", "send", "messages", ".", ".."})
# Stand for the user and the room while the statement is built. Neither will ever be there.
USER_STAND_IN, ROOM_STAND_IN = 2**62 + 1, "/"
READ_ONLY = "This room is shared with you to read, not to write."


@dataclass(frozen=True, slots=True)
class Standing:
    """A room, and where somebody stands in it; `role` is None for who is no member."""

    room_pk: int
    room_id: str
    title: str
    is_private: bool
    last_seq: int
    username: str
    is_visible: bool
    can_write: bool
    role: str | None
    read_seq: int | None

    @property
    def is_owner(self) -> bool:
        return self.role == MemberRole.OWNER

    @property
    def can_moderate(self) -> bool:
        return self.role in {MemberRole.OWNER, MemberRole.MODERATOR}


def standing_of(*, user_id: int, room_id: str) -> Standing | None:
    """Where a user stands in a room, None where there is no such room yet.

    Raises `NotFound` for a private room of others, and for what cannot be the id of a room.
    """
    if not is_room_id(room_id):
        raise NotFound
    statement = _statement()
    row = statement.fetch_one(filled(statement.params, user_id=user_id, room_id=room_id))
    if row is None:
        return None
    standing = Standing(*row)
    if not standing.is_visible:
        raise NotFound
    return standing


def require_standing(*, user_id: int, room_id: str) -> Standing:
    """As `standing_of`; a room that is not there yet is `NotFound` too."""
    standing = standing_of(user_id=user_id, room_id=room_id)
    if standing is None:
        raise NotFound
    return standing


def require_writer(*, user_id: int, room_id: str) -> Standing:
    """As `require_standing`, of who may write; `Forbidden` for who may only read."""
    standing = require_standing(user_id=user_id, room_id=room_id)
    if not standing.can_write:
        raise Forbidden(READ_ONLY)
    return standing


def is_room_id(text: str) -> bool:
    """Whether a room can have this id."""
    return bool(WELL_FORMED_ID.match(text)) and text not in RESERVED_IDS


def filled(params: tuple[Any, ...], *, user_id: int, room_id: str) -> tuple[Any, ...]:
    """The parameters of a statement that was built for the stand-ins, for a real request."""
    values = {USER_STAND_IN: user_id, ROOM_STAND_IN: room_id}
    return tuple(values.get(value, value) for value in params)


@cache
def _statement() -> Statement:
    nobody = User(pk=USER_STAND_IN)
    this = Q(pk=OuterRef("pk"))
    rooms = (
        Room.objects.filter(room_id=ROOM_STAND_IN)
        .annotate(
            username=User.objects.filter(pk=USER_STAND_IN).values("username"),
            is_visible=Exists(Room.objects.visible_to(nobody).filter(this)),
            can_write=Exists(Room.objects.writable_by(nobody).filter(this)),
            mine=FilteredRelation("members", condition=Q(members__user_id=USER_STAND_IN)),
        )
        .order_by()
        .values_list(
            "pk",
            "room_id",
            "title",
            "is_private",
            "last_seq",
            "username",
            "is_visible",
            "can_write",
            "mine__role",
            "mine__read_seq",
        )
    )
    return Statement(*rooms.query.sql_with_params(), rooms.db)
