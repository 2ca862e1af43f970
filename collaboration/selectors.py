"""Who may see and change what others own: by shares, and by what is attached in their rooms.

And rooms and messages as they are shown.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, ClassVar, Self, TypeVar
from uuid import UUID

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import (
    BigIntegerField,
    BooleanField,
    Exists,
    ExpressionWrapper,
    F,
    FilteredRelation,
    Func,
    JSONField,
    Model,
    OuterRef,
    Q,
    QuerySet,
    TextField,
    Value,
)
from django.db.models.functions import Cast, Concat, Now

from accounts.models import User
from alice.common.compiled import Statement
from collaboration.models import (
    Attachment,
    Member,
    Message,
    MessageQuerySet,
    Permission,
    ResourceType,
    Room,
    RoomQuerySet,
    Share,
    ShareQuerySet,
)

Row = TypeVar("Row", bound=Model)
EXPORT_COLUMNS = (
    "id",
    "resource_type",
    "resource_id",
    "shared_with_id",
    "permission",
    "created_at",
    "expires_at",
    "revoked_at",
    "open_count",
)
ROOM_COLUMNS = ("room__room_id", "room__title", "role", "read_seq", "is_muted", "joined_at")
MESSAGE_COLUMNS = (
    "id",
    "room__room_id",
    "seq",
    "message",
    "message_type",
    "metadata",
    "client_id",
    "reply_to_id",
    "created_at",
    "edited_at",
    "deleted_at",
)
LIVE_COLUMNS = (
    "id",
    "owner_id",
    "owner__username",
    "shared_with_id",
    "resource_type",
    "resource_id",
    "permission",
    "expires_at",
)
# Stands for a token while the statement is built. No share will ever have it.
TOKEN_STAND_IN = UUID(int=0)
ROWS_AT_ONCE = 100
# What is beside a row of messages or rooms, as JSON that PostgreSQL writes.
REACTIONS = """(
    SELECT coalesce(json_object_agg(emoji, user_ids), '{}') FROM (
        SELECT emoji, json_agg(user_id ORDER BY id) AS user_ids FROM collaboration_reaction
        WHERE message_id = %(expressions)s GROUP BY emoji ORDER BY min(id)
    ) AS put)"""
ATTACHMENTS = """(
    SELECT coalesce(
        json_agg(json_build_object('type', resource_type, 'id', resource_id) ORDER BY id), '[]'
    ) FROM collaboration_attachment WHERE message_id = %(expressions)s)"""
LAST_MESSAGE = """(
    SELECT row_to_json(last) FROM (
        SELECT said.id, said.seq, said.author_id AS user_id, author.username, said.message,
            said.message_type,
            to_char(said.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
                AS created_at,
            said.deleted_at IS NOT NULL AS deleted
        FROM collaboration_message AS said
        LEFT JOIN accounts_user AS author ON author.id = said.author_id
        WHERE (said.room_id, said.seq) = (%(expressions)s)
    ) AS last)"""
LAST_MESSAGE_ID = """(
    SELECT said.id FROM collaboration_message AS said
    WHERE (said.room_id, said.seq) = (%(expressions)s))"""


@dataclass(frozen=True, slots=True)
class LiveShare:
    """A share that opens now; its fields are in the order of LIVE_COLUMNS."""

    id: int
    owner_id: int
    owner_username: str
    shared_with_id: int | None
    resource_type: str
    resource_id: int
    permission: str
    expires_at: datetime | None


class ShareableQuerySet(QuerySet[Row]):
    """Rows with an `owner` that can be shared: the rules for items, files and media alike."""

    resource_type: ClassVar[str]
    is_attachable: ClassVar[bool] = False

    def owned_by(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """The user's own. Lists begin here, and what only an owner may do."""
        return self.none() if user.is_anonymous else self.filter(owner_id=user.pk)

    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """The user's own and what others let them see. Reading one row begins here."""
        if user.is_anonymous:
            return self.none()
        return self.filter(Q(owner_id=user.pk) | self._seen_through_others(user.pk))

    def shared_with(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """What others let a user see, and nothing of the user's own."""
        if user.is_anonymous:
            return self.none()
        return self.filter(~Q(owner_id=user.pk), self._seen_through_others(user.pk))

    def editable_by(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """The user's own and what others let them change. Changing a row begins here."""
        if user.is_anonymous:
            return self.none()
        shared = is_shared(user.pk, self.resource_type, permission=Permission.EDIT)
        return self.filter(Q(owner_id=user.pk) | Q(shared))

    def _seen_through_others(self, user_id: int) -> Q:
        seen = Q(is_shared(user_id, self.resource_type))
        return seen | Q(is_attached(user_id, self.resource_type)) if self.is_attachable else seen


def shared_ids(
    user_id: int, resource_type: str, *, permission: str | None = None
) -> QuerySet[Share, Any]:
    """The ids of what is shared with a user now, for `pk__in`; with `permission` only by that.

    By shares with the user, and by links that the user has redeemed.
    """
    return _held(user_id, resource_type, permission).values("resource_id")


def is_shared(user_id: int, resource_type: str, *, permission: str | None = None) -> Exists:
    """As `shared_ids`, asked for one row of an outer queryset: few shares are looked at."""
    held = _held(user_id, resource_type, permission)
    return Exists(held.filter(resource_id=OuterRef("pk")))


def attached_ids(user_id: int, resource_type: str) -> QuerySet[Attachment, Any]:
    """The ids of the files or media in messages of rooms that a user may read."""
    return _attached(user_id, resource_type).values("resource_id")


def is_attached(user_id: int, resource_type: str) -> Exists:
    """As `attached_ids`, asked for one row of an outer queryset."""
    return Exists(_attached(user_id, resource_type).filter(resource_id=OuterRef("pk")))


def shares_made(user: AbstractBaseUser, *, is_live: bool = True) -> ShareQuerySet:
    """The shares that a user made, newest first, with their address; without the ended ones."""
    shares = Share.objects.visible_to(user)
    over = Q(expires_at__isnull=False, expires_at__lte=Now())
    address = Value(share_url(""), output_field=TextField())
    return (
        (shares.live() if is_live else shares)
        .annotate(
            share_url=Concat(address, Cast("token", TextField())),
            expired=ExpressionWrapper(over, output_field=BooleanField()),
        )
        .order_by("-pk")
    )


def shares_held(user: AbstractBaseUser) -> ShareQuerySet:
    """The shares by which others let a user see or change something now, newest first."""
    return Share.objects.live().still_owned().held_by(user).order_by("-pk")


def live_share(token: UUID) -> LiveShare | None:
    """The share that a token opens now; None for any other. One query, its SQL built once."""
    statement = _live_by_token()
    params = tuple(token if value == TOKEN_STAND_IN else value for value in statement.params)
    row = statement.fetch_one(params)
    return LiveShare(*row) if row else None


def share_url(token: object) -> str:
    """The address at which a share opens."""
    return f"{settings.PUBLIC_URL}/shared/{token}"


def shown_messages(messages: MessageQuerySet) -> MessageQuerySet:
    """Messages with their `shown_reactions` and `shown_attachments`, newest first."""
    return messages.annotate(
        shown_reactions=Func("pk", template=REACTIONS, output_field=JSONField()),
        shown_attachments=Func("pk", template=ATTACHMENTS, output_field=JSONField()),
    ).order_by("-pk")


def shown_rooms(user: AbstractBaseUser) -> RoomQuerySet:
    """The rooms a user may read: `mine` is the membership there, if any, and what is unread."""
    return (
        Room.objects.visible_to(user)
        .annotate(
            mine=FilteredRelation("members", condition=Q(members__user_id=user.pk)),
            unread_count=F("last_seq") - F("mine__read_seq"),
            last_message=Func("pk", "last_seq", template=LAST_MESSAGE, output_field=JSONField()),
            can_write=Exists(Room.objects.writable_by(user).filter(pk=OuterRef("pk"))),
        )
        .order_by("-pk")
    )


def rooms_of(user: AbstractBaseUser) -> RoomQuerySet:
    """Of `shown_rooms` those a user has joined, or that are shared; where most is new first."""
    last_id = Func(
        "pk", "last_seq", template=LAST_MESSAGE_ID, output_field=BigIntegerField(null=True)
    )
    joined = Q(mine__isnull=False) | Q(pk__in=shared_ids(user.pk, ResourceType.ROOM))
    return shown_rooms(user).filter(joined).order_by(last_id.desc(nulls_last=True), "-pk")


def room_rows(user_id: int) -> Iterator[dict[str, Any]]:
    """The rooms in which a user is, in flat memory."""
    rows = Member.objects.filter(user_id=user_id).order_by("pk").values(*ROOM_COLUMNS)
    yield from rows.iterator(chunk_size=ROWS_AT_ONCE)


def message_rows(user_id: int) -> Iterator[dict[str, Any]]:
    """What a user has said, in flat memory."""
    rows = Message.objects.filter(author_id=user_id).order_by("pk").values(*MESSAGE_COLUMNS)
    yield from rows.iterator(chunk_size=ROWS_AT_ONCE)


def share_rows(user_id: int) -> Iterator[dict[str, Any]]:
    """The shares a user made, without the tokens that open them, in flat memory."""
    rows = Share.objects.filter(owner_id=user_id).order_by("pk").values(*EXPORT_COLUMNS)
    yield from rows.iterator(chunk_size=ROWS_AT_ONCE)


def _held(user_id: int, resource_type: str, permission: str | None) -> ShareQuerySet:
    held = Share.objects.live().held_by(User(pk=user_id)).of(resource_type)
    if resource_type == ResourceType.ROOM:
        held = held.still_owned()
    return held if permission is None else held.filter(permission=permission)


@cache
def _live_by_token() -> Statement:
    live = Share.objects.live().still_owned().filter(token=TOKEN_STAND_IN).order_by()
    return Statement(*live.values_list(*LIVE_COLUMNS).query.sql_with_params(), live.db)


def _attached(user_id: int, resource_type: str) -> QuerySet[Attachment]:
    return Attachment.objects.filter(
        resource_type=resource_type,
        message__deleted_at=None,
        room__in=Room.objects.visible_to(User(pk=user_id)),
    )
