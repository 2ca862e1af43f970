import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Self

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Exists, F, Func, OuterRef, Q
from django.db.models.functions import Cast, Length, Now
from django.db.models.lookups import LessThanOrEqual
from django.utils import timezone

from alice.common.json_columns import JsonDecoder, JsonEncoder

ROOM_ID_PATTERN = "^[A-Za-z0-9._:-]{1,100}$"
ROOM_ID_MAX = 100
TITLE_MAX = 200
MESSAGE_MAX = 4000
METADATA_MAX_BYTES = 16 * 1024
# PostgreSQL writes 1e308 out as 309 digits: what fits on the way in may be longer on the way out.
METADATA_WRITTEN_OUT_MAX_BYTES = 2 * METADATA_MAX_BYTES
CLIENT_ID_MAX = 64
EMOJI_MAX = 32


class MemberRole(models.TextChoices):
    OWNER = "owner", "Owner"
    MODERATOR = "moderator", "Moderator"
    MEMBER = "member", "Member"


class MessageType(models.TextChoices):
    TEXT = "text", "Text"
    IMAGE = "image", "Image"
    FILE = "file", "File"
    SYSTEM = "system", "System"


class ResourceType(models.TextChoices):
    """What can be shared; each is registered by the app that owns it."""

    ITEM = "item", "Item"
    FILE = "file", "File"
    MEDIA = "media", "Media"
    ROOM = "room", "Room"


class Permission(models.TextChoices):
    VIEW = "view", "View"
    EDIT = "edit", "Edit"


class RoomQuerySet(models.QuerySet["Room"]):
    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """Open rooms, and private ones of which the user is a member or that are shared."""
        return self._open_to(user, Permission.values)

    def writable_by(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """As `visible_to`, without private rooms that are shared only to be looked at."""
        return self._open_to(user, [Permission.EDIT.value])

    def _open_to(self, user: AbstractBaseUser | AnonymousUser, permissions: Sequence[str]) -> Self:
        if user.is_anonymous:
            return self.none()
        member = Member.objects.filter(room=OuterRef("pk"), user_id=user.pk)
        shared = Share.objects.live().held_by(user).of(ResourceType.ROOM).still_owned()
        ids = shared.filter(permission__in=permissions).values("resource_id")
        return self.filter(Q(is_private=False) | Exists(member) | Q(pk__in=ids))

    def owned_by(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """The rooms in which the user has the role of owner."""
        if user.is_anonymous:
            return self.none()
        return self.filter(members__user_id=user.pk, members__role=MemberRole.OWNER)


class Room(models.Model):
    """A place to talk. An open one that nobody made comes to be with its first message."""

    room_id = models.CharField(max_length=ROOM_ID_MAX, unique=True, help_text="Its name in paths.")
    title = models.CharField(max_length=TITLE_MAX, blank=True, default="")
    is_private = models.BooleanField(default=False, help_text="Whether it is for members only.")
    creator = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="+", null=True
    )
    last_seq = models.PositiveBigIntegerField(default=0, help_text="Of its newest message.")
    version = models.PositiveIntegerField(db_default=1, editable=False)
    created_at = models.DateTimeField(default=timezone.now)

    objects = RoomQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(room_id__regex=ROOM_ID_PATTERN), name="room_id_pattern"
            ),
        ]

    def __str__(self) -> str:
        return self.room_id


class Member(models.Model):
    """Somebody's place in a room: the role, and how far they have read.

    In an open room it comes to be when somebody first sends or reads there.
    """

    room = models.ForeignKey(
        Room, on_delete=models.CASCADE, related_name="members", db_index=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    role = models.CharField(max_length=9, choices=MemberRole, default=MemberRole.MEMBER)
    read_seq = models.PositiveBigIntegerField(default=0, help_text="Read up to this message.")
    is_muted = models.BooleanField(default=False, help_text="Whether mentions do not notify.")
    joined_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["room", "user"], name="member_once_per_room"),
            models.CheckConstraint(
                condition=Q(role__in=MemberRole.values), name="member_role_known"
            ),
        ]
        indexes = [models.Index(fields=["user", "room"], name="member_by_user")]

    def __str__(self) -> str:
        return f"user {self.user_id} in room {self.room_id}"


class MessageQuerySet(models.QuerySet["Message"]):
    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """What was said in the rooms that a user may read."""
        return self.filter(room__in=Room.objects.visible_to(user))


class Message(models.Model):
    """What was said. Its `seq` is given under the lock of the room's row, without gaps."""

    room = models.ForeignKey(
        Room, on_delete=models.CASCADE, related_name="messages", db_index=False
    )
    seq = models.PositiveBigIntegerField()
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="+", null=True
    )
    message = models.TextField(blank=True, help_text="Empty once deleted.")
    message_type = models.CharField(max_length=6, choices=MessageType, default=MessageType.TEXT)
    metadata = models.JSONField(default=dict, blank=True, encoder=JsonEncoder, decoder=JsonDecoder)
    client_id = models.CharField(
        max_length=CLIENT_ID_MAX,
        blank=True,
        default="",
        help_text="The sender's own, for retries.",
    )
    reply_to = models.ForeignKey(
        "self", on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    created_at = models.DateTimeField(default=timezone.now)
    edited_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True, help_text="A tombstone from then on.")
    version = models.PositiveIntegerField(db_default=1, editable=False)

    objects = MessageQuerySet.as_manager()

    class Meta:
        ordering = ["room", "-seq"]
        constraints = [
            models.UniqueConstraint(fields=["room", "seq"], name="message_seq_once_per_room"),
            models.UniqueConstraint(
                fields=["room", "author", "client_id"],
                name="message_client_id_once",
                condition=~Q(client_id=""),
            ),
            models.CheckConstraint(
                condition=Q(message_type__in=MessageType.values), name="message_type_known"
            ),
            models.CheckConstraint(
                condition=LessThanOrEqual(Length("message"), MESSAGE_MAX), name="message_length"
            ),
            models.CheckConstraint(
                condition=~Q(message="") | Q(deleted_at__isnull=False),
                name="message_not_empty_unless_deleted",
            ),
            models.CheckConstraint(
                condition=LessThanOrEqual(
                    Func(
                        Cast(F("metadata"), models.TextField()),
                        function="octet_length",
                        output_field=models.IntegerField(),
                    ),
                    METADATA_WRITTEN_OUT_MAX_BYTES,
                ),
                name="message_metadata_bounded",
            ),
        ]
        # Ids rise with `seq`; pages before and after an id walk along this.
        indexes = [models.Index(fields=["room", "-id"], name="message_by_room")]

    def __str__(self) -> str:
        return f"message {self.seq} of room {self.room_id}"


class Attachment(models.Model):
    """A file or media object in a message: whoever may read the room may open it."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="attachments")
    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="+", db_index=False)
    resource_type = models.CharField(max_length=5, choices=ResourceType)
    resource_id = models.BigIntegerField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["message", "resource_type", "resource_id"], name="attachment_once"
            ),
            models.CheckConstraint(
                condition=Q(resource_type__in=["file", "media"]), name="attachment_type_known"
            ),
        ]
        indexes = [
            models.Index(
                fields=["resource_type", "resource_id", "room"], name="attachment_by_resource"
            )
        ]

    def __str__(self) -> str:
        return f"{self.resource_type} {self.resource_id} in message {self.message_id}"


class Reaction(models.Model):
    """An emoji that somebody put on a message."""

    message = models.ForeignKey(
        Message, on_delete=models.CASCADE, related_name="reactions", db_index=False
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    emoji = models.CharField(max_length=EMOJI_MAX)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["message", "user", "emoji"], name="reaction_once_per_user"
            ),
            models.CheckConstraint(condition=~Q(emoji=""), name="reaction_not_empty"),
        ]

    def __str__(self) -> str:
        return f"{self.emoji} of user {self.user_id} on message {self.message_id}"


class ShareQuerySet(models.QuerySet["Share"]):
    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """The shares a user made."""
        return self.none() if user.is_anonymous else self.filter(owner_id=user.pk)

    def live(self) -> Self:
        """Neither revoked nor over, of owners who are still active; by the database's clock."""
        return self.filter(
            Q(expires_at=None) | Q(expires_at__gt=Now()), revoked_at=None, owner__is_active=True
        )

    def of(self, resource_type: str) -> Self:
        return self.filter(resource_type=resource_type)

    def still_owned(self) -> Self:
        """Without those of rooms that whoever shared them does not own any more.

        Items, files and media have one owner for good; of a room another may become it.
        """
        owner = Member.objects.filter(
            room_id=OuterRef("resource_id"), user_id=OuterRef("owner_id"), role=MemberRole.OWNER
        )
        return self.filter(~Q(resource_type=ResourceType.ROOM) | Exists(owner))

    def held_by(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """Made for this user, or links that the user redeemed."""
        redeemed = Redemption.objects.filter(user_id=user.pk or 0).values("share_id")
        return self.filter(Q(shared_with_id=user.pk) | Q(pk__in=redeemed))


class Share(models.Model):
    """What an owner lets somebody, or whoever has the link, see or change."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    resource_type = models.CharField(max_length=5, choices=ResourceType)
    resource_id = models.BigIntegerField()
    shared_with = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        null=True,
        blank=True,
        help_text="Null: whoever has the link.",
    )
    permission = models.CharField(max_length=4, choices=Permission, default=Permission.VIEW)
    token = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    open_count = models.PositiveIntegerField(
        default=0, help_text="How often its link was opened; of many at one moment, some."
    )

    objects = ShareQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(resource_type__in=ResourceType.values), name="share_type_known"
            ),
            models.CheckConstraint(
                condition=Q(permission__in=Permission.values), name="share_permission_known"
            ),
        ]
        indexes = [
            models.Index(fields=["owner", "-id"], name="share_by_owner"),
            models.Index(fields=["resource_type", "resource_id"], name="share_by_resource"),
        ]

    def __str__(self) -> str:
        return f"{self.permission} of {self.resource_type} {self.resource_id}"

    def is_over(self, now: datetime) -> bool:
        """Whether it ended by itself or was revoked."""
        expired = self.expires_at is not None and self.expires_at <= now
        return expired or self.revoked_at is not None


class Redemption(models.Model):
    """A user took up a share that was a link: now it is among what is shared with them."""

    share = models.ForeignKey(
        Share, on_delete=models.CASCADE, related_name="redemptions", db_index=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["share", "user"], name="redemption_once_per_user"),
        ]
        indexes = [models.Index(fields=["user", "share"], name="redemption_by_user")]

    def __str__(self) -> str:
        return f"share {self.share_id} by user {self.user_id}"
