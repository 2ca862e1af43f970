"""Rooms and who is in them."""

from collections.abc import Sequence

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import User
from alice.common import windows
from alice.common.conditional import ANY_VERSION, IfMatch, etag_of
from alice.common.database import wrapper_for
from alice.common.errors import DomainError, Forbidden, Invalid, NotFound, TooManyRequests
from alice.common.events import publish
from collaboration.events import (
    MemberAdded,
    MemberRemoved,
    RoomDeleted,
    RoomRead,
    RoomShut,
    RoomTold,
)
from collaboration.models import Member, MemberRole, ResourceType, Room
from collaboration.services.access import require_standing
from collaboration.services.shares import forget

HOUR_SECONDS = 3600
# What the room's row takes along; without loading a row of it.
DELETE_ROOM = [
    """DELETE FROM collaboration_reaction AS reaction USING collaboration_message AS message
       WHERE reaction.message_id = message.id AND message.room_id = %s""",
    "DELETE FROM collaboration_attachment WHERE room_id = %s",
    "DELETE FROM collaboration_message WHERE room_id = %s",
    "DELETE FROM collaboration_member WHERE room_id = %s",
    "DELETE FROM collaboration_room WHERE id = %s",
]


class RoomExists(DomainError):
    code = "room_exists"
    detail = "A room has this id already. Choose another."


class LastOwner(DomainError):
    code = "last_owner"
    detail = "This is the last owner. Make somebody else one first."


class RoomFull(DomainError):
    code = "room_full"


class NotAMember(DomainError):
    code = "not_a_member"
    detail = "Only members of the room can do this."


# Rooms


@transaction.atomic
def create_room(
    *,
    creator_id: int,
    room_id: str,
    title: str = "",
    is_private: bool = False,
    members: Sequence[int | str] = (),
) -> Room:
    """Make a room whose owner is the creator; `members` are named by id or username.

    Raises `RoomExists`, `Invalid` for an unknown member, `RoomFull`, and `TooManyRequests` after
    `settings.ROOMS_PER_HOUR`.
    """
    people = _people(members)
    if is_private:
        _require_places(len(people) + 1)
    _spend_room(creator_id)
    _clear_unused(room_id)
    room = Room(room_id=room_id, title=title, is_private=is_private, creator_id=creator_id)
    try:
        with transaction.atomic():
            room.save(force_insert=True)
    except IntegrityError as error:
        raise RoomExists from error
    Member.objects.create(room=room, user_id=creator_id, role=MemberRole.OWNER)
    others = [person.pk for person in people if person.pk != creator_id]
    Member.objects.bulk_create([Member(room=room, user_id=user_id) for user_id in others])
    for user_id in others:
        publish(MemberAdded(room_id=room_id, user_id=user_id, actor_id=creator_id))
    return room


def open_room(*, visitor_id: int, room_id: str) -> None:
    """Have a room that nobody made be there, open to every signed-in user.

    Without effect when it is there. Raises `TooManyRequests` as `create_room` does.
    """
    _spend_room(visitor_id)
    Room.objects.bulk_create([Room(room_id=room_id)], ignore_conflicts=True)


@transaction.atomic
def update_room(
    *,
    editor_id: int,
    room_id: str,
    title: str | None = None,
    is_private: bool | None = None,
    if_match: IfMatch = ANY_VERSION,
) -> Room:
    """Change what is not None; for owners. Members stay members when a room becomes private.

    Raises `NotFound`, `Forbidden` and `PreconditionFailed`.
    """
    room = _locked(editor_id, room_id, roles=[MemberRole.OWNER])
    if_match.require(etag_of(room.version))
    becomes_private = is_private is True and not room.is_private
    room.title = room.title if title is None else title
    room.is_private = room.is_private if is_private is None else is_private
    room.version += 1
    room.save(update_fields=["title", "is_private", "version"])
    if becomes_private:
        publish(RoomShut(room_pk=room.pk, user_id=None, is_for_good=False))
    frame = {"type": "room", "room_id": room_id, "title": room.title, "private": room.is_private}
    publish(RoomTold(room_pk=room.pk, frame=frame))
    return room


@transaction.atomic
def delete_room(*, owner_id: int, room_id: str, if_match: IfMatch = ANY_VERSION) -> None:
    """Delete a room with all that was said in it; for owners. Its sockets close.

    Raises `NotFound`, `Forbidden` and `PreconditionFailed`.
    """
    room = _locked(owner_id, room_id, roles=[MemberRole.OWNER])
    if_match.require(etag_of(room.version))
    _delete(room)


@transaction.atomic
def delete_room_as_staff(*, room_pk: int) -> None:
    """As `delete_room`, whoever owns it. `NotFound` when it is gone already."""
    room = Room.objects.select_for_update().filter(pk=room_pk).first()
    if room is None:
        raise NotFound
    _delete(room)


# Members


@transaction.atomic
def add_member(
    *, actor_id: int, room_id: str, person: int | str, role: str = MemberRole.MEMBER
) -> tuple[Member, bool]:
    """Let somebody, named by id or username, into a room; for owners and moderators.

    Answers the member and whether they are new: who is in already stays as they are. Only owners
    give a role. What was said before counts as read. Raises `NotFound`, `Forbidden`, `Invalid`
    for an unknown person and `RoomFull`.
    """
    is_plain = role == MemberRole.MEMBER
    roles = [MemberRole.OWNER, MemberRole.MODERATOR] if is_plain else [MemberRole.OWNER]
    room = _locked(actor_id, room_id, roles=roles)
    (user,) = _people([person])
    present = Member.objects.filter(room=room, user=user).first()
    if present is not None:
        return present, False
    if room.is_private:
        _require_places(Member.objects.filter(room=room).count() + 1)
    member = Member.objects.create(room=room, user=user, role=role, read_seq=room.last_seq)
    publish(MemberAdded(room_id=room_id, user_id=user.pk, actor_id=actor_id))
    return member, True


@transaction.atomic
def remove_member(*, actor_id: int, room_id: str, user_id: int) -> None:
    """Take somebody out of a room, or oneself; the sockets that they have in it close.

    Moderators remove plain members, owners anybody. Raises `NotFound`, `Forbidden`, `LastOwner`.
    """
    if actor_id == user_id:
        leave_room(member_id=actor_id, room_id=room_id)
        return
    room = _locked(actor_id, room_id, roles=[MemberRole.OWNER, MemberRole.MODERATOR])
    member = _member(room, user_id)
    actor = _member(room, actor_id)
    if actor.role != MemberRole.OWNER and member.role != MemberRole.MEMBER:
        raise Forbidden("Only an owner may remove an owner or a moderator.")
    _require_another_owner(member)
    _remove(room, member)


@transaction.atomic
def leave_room(*, member_id: int, room_id: str) -> None:
    """Leave a room; the last member of a private one takes it along.

    Raises `NotFound`, `NotAMember`, and `LastOwner` for the last owner among other members.
    """
    room = _locked(member_id, room_id)
    member = Member.objects.filter(room=room, user_id=member_id).first()
    if member is None:
        raise NotAMember
    if Member.objects.filter(room=room).exclude(pk=member.pk).exists():
        _require_another_owner(member)
        _remove(room, member)
    elif room.is_private:
        _delete(room)
    else:
        _remove(room, member)


@transaction.atomic
def set_role(*, actor_id: int, room_id: str, user_id: int, role: str) -> Member:
    """Make a member owner, moderator or plain; for owners, who may step down themselves.

    Raises `NotFound`, `Forbidden` and `LastOwner`.
    """
    room = _locked(actor_id, room_id, roles=[MemberRole.OWNER])
    member = _member(room, user_id)
    if role != MemberRole.OWNER:
        _require_another_owner(member)
    member.role = role
    member.save(update_fields=["role"])
    return member


def set_muted(*, member_id: int, room_id: str, is_muted: bool) -> None:
    """Have mentions in a room notify this member or not. Raises `NotFound` and `NotAMember`."""
    room_pk = require_standing(user_id=member_id, room_id=room_id).room_pk
    changed = Member.objects.filter(room_id=room_pk, user_id=member_id).update(is_muted=is_muted)
    if not changed:
        raise NotAMember


def mark_read(*, reader_id: int, room_id: str, seq: int) -> int:
    """Note that somebody has read up to `seq`, and answer up to where they have: it never falls.

    More than there is counts as all. In an open room it makes them a member; of those who read a
    private room by a share nothing is kept. Raises `NotFound`.
    """
    standing = require_standing(user_id=reader_id, room_id=room_id)
    seq = min(seq, standing.last_seq)
    if standing.role is None:
        if standing.is_private or not seq:
            return seq
        row = Member(room_id=standing.room_pk, user_id=reader_id)
        Member.objects.bulk_create([row], ignore_conflicts=True)
    mine = Member.objects.filter(room_id=standing.room_pk, user_id=reader_id)
    if mine.filter(read_seq__lt=seq).update(read_seq=seq):
        frame = {"type": "read", "user_id": reader_id, "username": standing.username, "seq": seq}
        publish(RoomRead(room_id=room_id, user_id=reader_id, seq=seq))
        publish(RoomTold(room_pk=standing.room_pk, frame=frame))
        return seq
    return max(seq, standing.read_seq or 0)


def erase_memberships(user_id: int) -> None:
    """What becomes of the rooms of a user who leaves: others own them, or they go.

    The longest-standing moderator takes the place of a last owner; where a room is private and
    has none, the longest-standing member. A private room without anybody is deleted.
    """
    places = Member.objects.filter(user_id=user_id).order_by("room_id")
    for place in places:
        room = Room.objects.select_for_update(no_key=True).get(pk=place.room_id)
        others = Member.objects.filter(room=room).exclude(user_id=user_id)
        if room.is_private and not others.exists():
            _delete(room)
        elif place.role == MemberRole.OWNER:
            _hand_over(room, others)


def _hand_over(room: Room, others: QuerySet[Member]) -> None:
    if not room.is_private:
        others = others.exclude(role=MemberRole.MEMBER)
    # Owner, moderator, member: by chance that is the alphabet backwards.
    heir = others.order_by("-role", "pk").first()
    if heir is not None and heir.role != MemberRole.OWNER:
        Member.objects.filter(pk=heir.pk).update(role=MemberRole.OWNER)


def _spend_room(user_id: int) -> None:
    window = windows.spend(f"rooms:{user_id}", limit=settings.ROOMS_PER_HOUR, seconds=HOUR_SECONDS)
    if window.is_exceeded:
        raise TooManyRequests(
            "You made too many rooms. Try again later.", retry_after=window.reset_seconds
        )


def _require_places(count: int) -> None:
    if count > settings.ROOM_MEMBERS_MAX:
        raise RoomFull(f"A private room has at most {settings.ROOM_MEMBERS_MAX} members.")


def _people(names: Sequence[int | str]) -> list[User]:
    """The active users of these ids and usernames; `Invalid` naming who is not there."""
    ids = {name for name in names if isinstance(name, int)}
    usernames = {name.lower() for name in names if isinstance(name, str)}
    found = Q(pk__in=ids) | Q(username__lower__in=usernames)
    people = list(User.objects.active().filter(found).order_by("pk"))
    known = {person.pk for person in people} | {person.username.lower() for person in people}
    unknown = [n for n in names if (n.lower() if isinstance(n, str) else n) not in known]
    if unknown:
        sentence = f"There is no user {unknown[0]}."
        raise Invalid(f"members: {sentence}", errors={"members": [sentence]})
    return people


def _clear_unused(room_id: str) -> None:
    """Delete a room that somebody looked into, but in which nothing was ever said."""
    rooms = Room.objects.filter(room_id=room_id, creator=None, is_private=False, last_seq=0)
    empty = rooms.filter(~Exists(Member.objects.filter(room=OuterRef("pk"))))
    for room in empty.select_for_update():
        _delete(room, is_for_good=False)


def _locked(user_id: int, room_id: str, *, roles: Sequence[str] = MemberRole.values) -> Room:
    """The room, which nobody else changes until the transaction ends.

    Raises `NotFound` unless the user may see it, and `Forbidden` without one of `roles` in it;
    with all of them, whoever sees it may do it.
    """
    standing = require_standing(user_id=user_id, room_id=room_id)
    # Not a key update: it must not wait for rows that refer to the room.
    room = Room.objects.select_for_update(no_key=True).filter(pk=standing.room_pk).first()
    if room is None:
        raise NotFound
    is_for_all = len(roles) == len(MemberRole.values)
    mine = Member.objects.filter(room=room, user_id=user_id, role__in=roles)
    if not is_for_all and not mine.exists():
        raise Forbidden
    return room


def _member(room: Room, user_id: int) -> Member:
    member = Member.objects.filter(room=room, user_id=user_id).first()
    if member is None:
        raise NotFound
    return member


def _require_another_owner(member: Member) -> None:
    others = Member.objects.filter(room_id=member.room_id, role=MemberRole.OWNER)
    if member.role == MemberRole.OWNER and not others.exclude(pk=member.pk).exists():
        raise LastOwner


def _remove(room: Room, member: Member) -> None:
    member.delete()
    publish(MemberRemoved(room_id=room.room_id, user_id=member.user_id))
    if room.is_private:
        publish(RoomShut(room_pk=room.pk, user_id=member.user_id))


def _delete(room: Room, *, is_for_good: bool = True) -> None:
    forget(ResourceType.ROOM, [room.pk])
    with wrapper_for(DEFAULT_DB_ALIAS).cursor() as cursor:
        for statement in DELETE_ROOM:
            cursor.execute(statement, [room.pk])
    publish(RoomDeleted(room_pk=room.pk, room_id=room.room_id))
    publish(RoomShut(room_pk=room.pk, user_id=None, is_for_good=is_for_good))
