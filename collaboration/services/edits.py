"""What becomes of a message once it is there: edited, deleted, reacted to."""

import unicodedata
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from alice.common.conditional import ANY_VERSION, IfMatch, etag_of
from alice.common.errors import DomainError, Forbidden, Invalid, NotFound
from alice.common.events import publish
from collaboration.events import MessageDeleted, MessageEdited, MessageReacted
from collaboration.models import EMOJI_MAX, Member, MemberRole, Message, Reaction, Room
from collaboration.services.access import READ_ONLY
from collaboration.services.messages import refusals_named

EMOJI_PER_MESSAGE = 20
REACTIONS_PER_MESSAGE = 1000
# Blanks, line ends, control characters and what no font has; of the unseen ones only those that
# join emoji or mark flags.
NOT_IN_EMOJI = {"Cc", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"}
JOINERS = {"\u200d", *map(chr, range(0xE0020, 0xE0080))}


class MessageGone(DomainError):
    code = "message_deleted"
    detail = "This message was deleted."


class TooManyReactions(DomainError):
    code = "reaction_limit_reached"


@transaction.atomic
def edit_message(
    *,
    editor_id: int,
    message_id: int,
    message: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    if_match: IfMatch = ANY_VERSION,
) -> None:
    """Change what is not None of one's own message, announced by `MessageEdited`.

    What is equal to before is no edit. Raises `NotFound`, `Forbidden`, `MessageGone`, `Invalid`
    and `PreconditionFailed`.
    """
    row = _locked(editor_id, message_id)
    if row.author_id != editor_id:
        raise Forbidden("Only its author may edit a message.")
    _require_writable(editor_id, row)
    if_match.require(etag_of(row.version))
    before = (row.message, row.metadata)
    row.message = row.message if message is None else message
    row.metadata = row.metadata if metadata is None else metadata
    if (row.message, row.metadata) == before:
        return
    row.edited_at = timezone.now()
    row.version += 1
    with refusals_named():
        row.save(update_fields=["message", "metadata", "edited_at", "version"])
    publish(MessageEdited(message_id=row.pk, room_id=row.room.room_id))


@transaction.atomic
def delete_message(*, actor_id: int, message_id: int, if_match: IfMatch = ANY_VERSION) -> None:
    """Leave a tombstone of a message, announced by `MessageDeleted`; once is as good as twice.

    For its author, and for owners and moderators of the room. Raises `NotFound`, `Forbidden` and
    `PreconditionFailed`.
    """
    row = _visible_and_locked(actor_id, message_id)
    if row.author_id != actor_id and not _may_moderate(actor_id, row.room_id):
        raise Forbidden("Only its author, owners and moderators may delete a message.")
    if_match.require(etag_of(row.version))
    _bury(row)


@transaction.atomic
def delete_message_as_staff(*, message_id: int) -> None:
    """As `delete_message`, in any room. Raises `NotFound`."""
    rows = Message.objects.select_related("room").select_for_update(no_key=True, of=("self",))
    row = rows.filter(pk=message_id).first()
    if row is None:
        raise NotFound
    _bury(row)


@transaction.atomic
def add_reaction(*, user_id: int, message_id: int, emoji: str) -> None:
    """Put an emoji on a message, announced by `MessageReacted`; once is as good as twice.

    Raises `NotFound`, `Forbidden` for who may only read, `MessageGone`, `Invalid` for what is no
    emoji, and `TooManyReactions`.
    """
    _require_emoji(emoji)
    row = _locked(user_id, message_id)
    _require_writable(user_id, row)
    present = list(row.reactions.values_list("user_id", "emoji"))
    if (user_id, emoji) in present:
        return
    kinds = {kind for _, kind in present} | {emoji}
    if len(kinds) > EMOJI_PER_MESSAGE or len(present) >= REACTIONS_PER_MESSAGE:
        raise TooManyReactions(
            f"A message has at most {EMOJI_PER_MESSAGE} different emoji"
            f" and {REACTIONS_PER_MESSAGE} reactions."
        )
    Reaction.objects.create(message=row, user_id=user_id, emoji=emoji)
    publish(MessageReacted(message_id=row.pk, room_id=row.room.room_id))


@transaction.atomic
def remove_reaction(*, user_id: int, message_id: int, emoji: str) -> None:
    """Take one's emoji off a message; without effect where it is not. Raises `NotFound`."""
    row = _visible_and_locked(user_id, message_id)
    deleted, _ = row.reactions.filter(user_id=user_id, emoji=emoji).delete()
    if deleted:
        publish(MessageReacted(message_id=row.pk, room_id=row.room.room_id))


def _locked(user_id: int, message_id: int) -> Message:
    row = _visible_and_locked(user_id, message_id)
    if row.deleted_at is not None:
        raise MessageGone
    return row


def _visible_and_locked(user_id: int, message_id: int) -> Message:
    rows = Message.objects.visible_to(User(pk=user_id)).select_related("room")
    row = rows.select_for_update(no_key=True, of=("self",)).filter(pk=message_id).first()
    if row is None:
        raise NotFound
    return row


def _require_writable(user_id: int, row: Message) -> None:
    if not Room.objects.writable_by(User(pk=user_id)).filter(pk=row.room_id).exists():
        raise Forbidden(READ_ONLY)


def _may_moderate(user_id: int, room_pk: int) -> bool:
    roles = [MemberRole.OWNER, MemberRole.MODERATOR]
    return Member.objects.filter(room_id=room_pk, user_id=user_id, role__in=roles).exists()


def _bury(row: Message) -> None:
    if row.deleted_at is not None:
        return
    row.message, row.metadata, row.deleted_at = "", {}, timezone.now()
    row.version += 1
    row.save(update_fields=["message", "metadata", "deleted_at", "version"])
    row.attachments.all().delete()
    row.reactions.all().delete()
    publish(MessageDeleted(message_id=row.pk, room_id=row.room.room_id))


def _require_emoji(emoji: str) -> None:
    is_shown = all(
        char in JOINERS or unicodedata.category(char) not in NOT_IN_EMOJI | {"Cf"}
        for char in emoji
    )
    if not 1 <= len(emoji) <= EMOJI_MAX or not is_shown:
        raise Invalid(f"Give an emoji of at most {EMOJI_MAX} characters.")
