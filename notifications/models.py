from datetime import datetime
from typing import Self

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils import timezone

from alice.common.json_columns import JsonDecoder, JsonEncoder
from alice.common.secrets import EncryptedTextField

TITLE_MAX = 200
MESSAGE_MAX = 5000
URL_MAX = 2000
TOPIC_MAX = 50
# Web addresses, and paths of our own; a second slash or a backslash would lead to another host.
ACTION_URL_PATTERN = r"^($|https?://|/($|[^/\\]))"


class NotificationType(models.TextChoices):
    INFO = "info", "Info"
    SUCCESS = "success", "Success"
    WARNING = "warning", "Warning"
    ERROR = "error", "Error"


class Channel(models.TextChoices):
    IN_APP = "in_app", "In the app"
    EMAIL = "email", "E-mail"
    WEBHOOK = "webhook", "Webhook"


class Digest(models.TextChoices):
    """How mails come: each at once, or gathered."""

    NONE = "none", "Each at once"
    HOURLY = "hourly", "Once an hour"
    DAILY = "daily", "Once a day"


class DeliveryStatus(models.TextChoices):
    PENDING = "pending", "Pending"
    DELIVERED = "delivered", "Delivered"
    FAILED = "failed", "Failed"


class Content(models.Model):
    """What somebody is told."""

    topic = models.CharField(
        max_length=TOPIC_MAX, default="direct", help_text="What it is about: chat.mention, say."
    )
    title = models.CharField(max_length=TITLE_MAX)
    message = models.TextField(max_length=MESSAGE_MAX, blank=True, default="")
    notification_type = models.CharField(
        max_length=7, choices=NotificationType, default=NotificationType.INFO
    )
    action_url = models.CharField(
        max_length=URL_MAX, blank=True, default="", help_text="http, https or a path."
    )
    metadata = models.JSONField(default=dict, blank=True, encoder=JsonEncoder, decoder=JsonDecoder)
    sender_id = models.BigIntegerField(null=True, blank=True, help_text="Null: the product.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(condition=~Q(title=""), name="%(class)s_title_not_blank"),
            models.CheckConstraint(
                condition=Q(notification_type__in=NotificationType.values),
                name="%(class)s_type_known",
            ),
            models.CheckConstraint(
                condition=Q(action_url__regex=ACTION_URL_PATTERN), name="%(class)s_url_harmless"
            ),
        ]


class NotificationQuerySet(models.QuerySet["Notification"]):
    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """Those a user was sent and sees in the app."""
        if user.is_anonymous:
            return self.none()
        return self.filter(owner_id=user.pk, is_shown=True)

    def archived(self) -> Self:
        return self.filter(archived_at__isnull=False)

    def not_archived(self) -> Self:
        return self.filter(archived_at=None)

    def unread(self) -> Self:
        """Those a bell counts."""
        return self.filter(read_at=None, archived_at=None, is_shown=True)

    def done_with_since(self, moment: datetime) -> Self:
        """Sent before `moment`, and read, archived or never shown."""
        is_done = Q(read_at__isnull=False) | Q(archived_at__isnull=False) | Q(is_shown=False)
        return self.filter(is_done, created_at__lt=moment)

    def saying_whether_read(self) -> Self:
        """With a column `is_read`, for lists that PostgreSQL writes."""
        return self.annotate(is_read=Q(read_at__isnull=False))


class Notification(Content):
    """Something a user is told."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    source = models.CharField(
        max_length=100,
        blank=True,
        default="",
        help_text="What it tells of, such as share:7: nobody is told of it twice.",
    )
    is_shown = models.BooleanField(
        default=True, help_text="Whether it is listed: not where only a mail was wanted."
    )
    read_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = NotificationQuerySet.as_manager()

    class Meta(Content.Meta):
        abstract = False
        ordering = ["-pk"]
        constraints = [
            *Content.Meta.constraints,
            models.UniqueConstraint(
                fields=["owner", "source"],
                name="notification_source_once",
                condition=~Q(source=""),
            ),
        ]
        indexes = [
            models.Index(fields=["owner", "-id"], name="notification_by_owner"),
            models.Index(
                fields=["owner"],
                name="notification_unread",
                condition=Q(read_at=None, archived_at=None, is_shown=True),
            ),
            models.Index(fields=["created_at"], name="notification_by_age"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_read(self) -> bool:
        return self.read_at is not None


class Broadcast(Content):
    """Something that staff tells every active user; sent in batches by a job."""

    job_id = models.BigIntegerField(null=True, help_text="The job that sends it.")
    last_owner_id = models.BigIntegerField(
        default=0, help_text="Users are told in the order of their ids: this far it is."
    )
    reached_count = models.PositiveIntegerField(default=0)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta(Content.Meta):
        abstract = False
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.title


class Preference(models.Model):
    """Whether a user wants one topic on one channel; without a row, the topic's default."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    topic = models.CharField(max_length=TOPIC_MAX)
    channel = models.CharField(max_length=7, choices=Channel)
    is_wanted = models.BooleanField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "topic", "channel"], name="preference_once_per_channel"
            ),
            models.CheckConstraint(
                condition=Q(channel__in=Channel.values), name="preference_channel_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.topic} by {self.channel}: {self.is_wanted}"


class MailSettings(models.Model):
    """How a user's mails are gathered."""

    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    digest = models.CharField(max_length=6, choices=Digest, default=Digest.NONE)

    class Meta:
        ordering = ["pk"]
        verbose_name_plural = "mail settings"
        constraints = [
            models.CheckConstraint(condition=Q(digest__in=Digest.values), name="digest_known"),
        ]

    def __str__(self) -> str:
        return f"mails of user {self.owner_id}: {self.digest}"


class EndpointQuerySet(models.QuerySet["Endpoint"]):
    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """The endpoints of a user."""
        return self.none() if user.is_anonymous else self.filter(owner_id=user.pk)


class Endpoint(models.Model):
    """Where a user has notifications posted to (Standard Webhooks)."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    url = models.CharField(max_length=URL_MAX)
    secret = EncryptedTextField(help_text="whsec_ and base64; signs what is sent.")
    former_secret = EncryptedTextField(null=True, help_text="Signs too for a day after a change.")
    rotated_at = models.DateTimeField(null=True, blank=True, help_text="When the secret changed.")
    is_enabled = models.BooleanField(default=True, help_text="Off once it answered 410.")
    paused_until = models.DateTimeField(
        null=True, blank=True, help_text="Left alone until then, since it failed."
    )
    created_at = models.DateTimeField(default=timezone.now)

    objects = EndpointQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "url"], name="endpoint_once_per_owner"),
        ]

    def __str__(self) -> str:
        return self.url


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def due(self, now: datetime) -> Self:
        return self.filter(status=DeliveryStatus.PENDING, due_at__lte=now)

    def by(self, channel: str) -> Self:
        return self.filter(channel=channel)


class Delivery(models.Model):
    """One notification on one outside channel: owed, tried, delivered or given up.

    While one is tried, `due_at` is when it is taken for lost and tried again.
    """

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    notification = models.ForeignKey(
        Notification, on_delete=models.CASCADE, related_name="deliveries", db_index=False
    )
    channel = models.CharField(max_length=7, choices=Channel)
    endpoint = models.ForeignKey(
        Endpoint,
        on_delete=models.CASCADE,
        related_name="deliveries",
        null=True,
        blank=True,
        db_index=False,
    )
    status = models.CharField(max_length=9, choices=DeliveryStatus, default=DeliveryStatus.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    message_id = models.UUIDField(
        null=True, blank=True, help_text="Of the mail or call it goes by, the same at every try."
    )
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(default=timezone.now)
    delivered_at = models.DateTimeField(null=True, blank=True)
    response_status = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="What the endpoint answered last."
    )
    error = models.CharField(max_length=200, blank=True, default="")

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["notification", "channel", "endpoint"],
                name="delivery_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(channel="email", endpoint=None)
                | Q(channel="webhook", endpoint__isnull=False),
                name="delivery_goes_somewhere",
            ),
            models.CheckConstraint(
                condition=Q(status__in=DeliveryStatus.values), name="delivery_status_known"
            ),
        ]
        indexes = [
            models.Index(
                fields=["channel", "due_at"], name="delivery_due", condition=Q(status="pending")
            ),
            models.Index(fields=["owner"], name="delivery_owed", condition=Q(status="pending")),
            models.Index(fields=["endpoint", "-id"], name="delivery_by_endpoint"),
        ]

    def __str__(self) -> str:
        return f"{self.channel} of notification {self.notification_id}: {self.status}"
