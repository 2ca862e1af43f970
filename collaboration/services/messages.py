"""What is said in rooms: stored first, in one order for all, then told."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import orjson
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Coalesce, Now

from accounts.models import User
from alice.common import windows
from alice.common.compiled import Statement
from alice.common.database import wrapper_for
from alice.common.errors import Invalid, NotFound, TooManyRequests
from alice.common.events import publish
from collaboration.events import MessageSent, MessageStored
from collaboration.models import Attachment, Member, Message, MessageType, Reaction, Room
from collaboration.services.access import (
    ROOM_STAND_IN,
    USER_STAND_IN,
    filled,
    require_writer,
    standing_of,
)
from collaboration.services.rooms import open_room
from collaboration.services.shareables import shareable_of

MENTIONS_MAX = 20
MENTION = re.compile(r"(?<![\w.@-])@([A-Za-z0-9][A-Za-z0-9._-]{1,63})")
TWIN = "message_client_id_once"
METADATA = "message_metadata_bounded"
# Everything in one statement, which is a transaction of its own: the row lock of the room that
# gives out `seq` is held for no longer than it takes. In a private room only a place that is
# there is marked as read: an insert could bring back who is being removed just now.
SEND = """
    WITH room AS (
        UPDATE collaboration_room SET last_seq = last_seq + 1 WHERE id = ({writable})
        RETURNING id, last_seq, is_private
    ),
    said AS (
        INSERT INTO collaboration_message
            (room_id, seq, author_id, message, message_type, metadata, client_id, reply_to_id,
             created_at)
        SELECT id, last_seq, %s, %s::text, %s::text, %s::jsonb, %s::text, %s::bigint,
            clock_timestamp()
        FROM room
        RETURNING id, room_id, seq, author_id, created_at
    ),
    joined AS (
        INSERT INTO collaboration_member
            (room_id, user_id, role, read_seq, is_muted, joined_at)
        SELECT id, %s, 'member', last_seq, false, now() FROM room WHERE NOT is_private
        ON CONFLICT (room_id, user_id) DO UPDATE SET read_seq = EXCLUDED.read_seq
    ),
    marked AS (
        UPDATE collaboration_member AS member SET read_seq = room.last_seq FROM room
        WHERE room.is_private AND member.room_id = room.id AND member.user_id = %s
    )
    SELECT said.id, said.seq, said.room_id, author.username,
        to_char(said.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    FROM said JOIN accounts_user AS author ON author.id = said.author_id
"""


class FloodLimitReached(TooManyRequests):
    code = "flood_limit_reached"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message to be sent; its fields have passed the serializer. Attachments are (type, id)."""

    message: str
    message_type: str = MessageType.TEXT
    metadata: Mapping[str, Any] = field(default_factory=dict)
    client_id: str = ""
    reply_to: int | None = None
    attachments: Sequence[tuple[str, int]] = ()


@dataclass(frozen=True, slots=True)
class Sent:
    """The stored message; `shown` is None for one that was there already."""

    message_id: int
    shown: Mapping[str, Any] | None


def send_message(*, author_id: int, room_id: str, draft: Draft) -> Sent:
    """Store a message as the next of its room, announced by `MessageSent` and `MessageStored`.

    A room that nobody made comes to be. With a `client_id` that its author has used in this room
    the stored message is answered and nothing is announced. What the author sends counts as read.
    Raises `FloodLimitReached`, `NotFound`, `Forbidden` for who may only read, and `Invalid`.
    """
    _spend(author_id, room_id)
    if draft.reply_to is not None or draft.attachments:
        _require_good_references(author_id, room_id, draft)
    row = _stored(author_id, room_id, draft)
    if row is None:
        return Sent(_twin_id(author_id, room_id, draft.client_id), None)
    message_id, seq, room_pk, username, created_at = row
    shown = {
        "id": message_id,
        "seq": seq,
        "room_id": room_id,
        "user_id": author_id,
        "username": username,
        "message": draft.message,
        "message_type": draft.message_type,
        "metadata": draft.metadata,
        "client_id": draft.client_id,
        "reply_to": draft.reply_to,
        "attachments": [{"type": kind, "id": key} for kind, key in draft.attachments],
        "reactions": {},
        "created_at": created_at,
        "edited_at": None,
        "deleted_at": None,
    }
    publish(MessageStored(room_pk=room_pk, message=shown))
    publish(
        MessageSent(
            message_id=message_id,
            room_id=room_id,
            seq=seq,
            author_id=author_id,
            mentioned_ids=_mentioned(draft.message, room_pk, author_id),
        )
    )
    return Sent(message_id, shown)


def erase_messages(user_id: int) -> None:
    """Leave tombstones without a name of all that a user who leaves has said."""
    theirs = Message.objects.filter(author_id=user_id)
    Attachment.objects.filter(message__author_id=user_id).delete()
    Reaction.objects.filter(message__author_id=user_id).delete()
    theirs.update(
        author=None,
        message="",
        metadata={},
        client_id="",
        deleted_at=Coalesce(F("deleted_at"), Now()),
    )


def _spend(author_id: int, room_id: str) -> None:
    window = windows.spend(
        f"chat:{author_id}:{room_id}",
        limit=settings.CHAT_MESSAGES_PER_WINDOW,
        seconds=settings.CHAT_WINDOW_SECONDS,
    )
    if window.is_exceeded:
        raise FloodLimitReached(
            f"More than {window.limit} messages in {settings.CHAT_WINDOW_SECONDS} seconds.",
            retry_after=window.reset_seconds,
        )


def _require_good_references(author_id: int, room_id: str, draft: Draft) -> None:
    standing = standing_of(user_id=author_id, room_id=room_id)
    room_pk = standing.room_pk if standing else 0
    if draft.reply_to is not None:
        asked = Message.objects.filter(pk=draft.reply_to, room_id=room_pk)
        if not asked.exists():
            raise _invalid("reply_to", "There is no such message in this room.")
    for kind, key in draft.attachments:
        # Seeing it is not enough: what others share with somebody is not theirs to hand on.
        if not shareable_of(kind).is_owned(author_id, key):
            raise _invalid("attachments", f"You have no {kind} {key}.")


def _stored(author_id: int, room_id: str, draft: Draft) -> Any:
    """The row as `SEND` answers it, None where a twin is stored already."""
    statement = _send_statement()
    values = (
        author_id,
        draft.message,
        draft.message_type,
        orjson.dumps(draft.metadata).decode(),
        draft.client_id,
        draft.reply_to,
        author_id,
        author_id,
    )
    params = (*filled(statement.params, user_id=author_id, room_id=room_id), *values)
    try:
        with refusals_named(), _transaction_for(draft, statement.using):
            row = statement.fetch_one(params) or _stored_in_new_room(author_id, room_id, params)
            _attach(row, draft)
    except IntegrityError as error:
        if _constraint(error) != TWIN:
            raise
        return None
    return row


def _transaction_for(draft: Draft, using: str) -> Any:
    # One statement needs none of its own, but must not spoil the one it finds itself in.
    if draft.attachments or wrapper_for(using).in_atomic_block:
        return transaction.atomic(using)
    return nullcontext()


def _stored_in_new_room(author_id: int, room_id: str, params: tuple[Any, ...]) -> Any:
    """As `SEND` answers once the room is there, or the reason why it must not be sent."""
    if standing_of(user_id=author_id, room_id=room_id) is None:
        open_room(visitor_id=author_id, room_id=room_id)
    require_writer(user_id=author_id, room_id=room_id)
    row = _send_statement().fetch_one(params)
    if row is None:
        raise NotFound
    return row


def _attach(row: Any, draft: Draft) -> None:
    if draft.attachments:
        message_id, _seq, room_pk, *_rest = row
        Attachment.objects.bulk_create(
            Attachment(message_id=message_id, room_id=room_pk, resource_type=kind, resource_id=key)
            for kind, key in draft.attachments
        )


def _twin_id(author_id: int, room_id: str, client_id: str) -> int:
    twins = Message.objects.filter(room__room_id=room_id, author_id=author_id, client_id=client_id)
    found = twins.values_list("pk", flat=True).first()
    if found is None:
        raise NotFound
    return found


def _mentioned(text: str, room_pk: int, author_id: int) -> tuple[int, ...]:
    """Who is named in `text`, may read the room and wants to know."""
    if "@" not in text:
        return ()
    names = [name.lower() for name in MENTION.findall(text)[:MENTIONS_MAX]]
    # "@bob." may be somebody called so, or bob at the end of a sentence.
    candidates = {form for name in names for form in (name, name.rstrip("._-"))}
    people = User.objects.active().filter(username__lower__in=candidates)
    known = {name.lower(): pk for pk, name in people.values_list("pk", "username")}
    found = (known.get(name) or known.get(name.rstrip("._-")) for name in names)
    ids = {user_id for user_id in found if user_id is not None} - {author_id}
    muted = Member.objects.filter(room_id=room_pk, user_id__in=ids, is_muted=True)
    ids -= set(muted.values_list("user_id", flat=True))
    room = Room.objects.filter(pk=room_pk)
    return tuple(pk for pk in sorted(ids) if room.visible_to(User(pk=pk)).exists())


@contextmanager
def refusals_named() -> Iterator[None]:
    """Name the field when the database finds its JSON too long."""
    try:
        yield
    except IntegrityError as error:
        if _constraint(error) != METADATA:
            raise
        raise _invalid("metadata", "The numbers in it are too long written out.") from error


def _constraint(error: IntegrityError) -> str:
    diagnosis = getattr(error.__cause__, "diag", None)
    return getattr(diagnosis, "constraint_name", None) or ""


def _invalid(name: str, sentence: str) -> Invalid:
    return Invalid(f"{name}: {sentence}", errors={name: [sentence]})


@cache
def _send_statement() -> Statement:
    nobody = User(pk=USER_STAND_IN)
    rooms = Room.objects.writable_by(nobody).filter(room_id=ROOM_STAND_IN).order_by()
    sql, params = rooms.values("pk").query.sql_with_params()
    return Statement(SEND.format(writable=sql), params, rooms.db)
