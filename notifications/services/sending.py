"""Telling users something, on every channel on which they want to hear of it."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from alice.common import windows
from alice.common.errors import Forbidden, NotFound, TooManyRequests
from alice.common.events import publish
from notifications.events import NotificationSent
from notifications.models import Channel, Endpoint, Notification, NotificationType
from notifications.services import deliveries
from notifications.services.action_urls import require_harmless
from notifications.services.preferences import wanted_channels
from notifications.services.topics import DIRECT, topic_named
from system.services import audit

WINDOW_SECONDS = 60


class TooManyNotifications(TooManyRequests):
    code = "too_many_notifications"


@dataclass(frozen=True, kw_only=True)
class Note:
    """What is told. Nobody is told twice of the same `source`, such as share:7, if it has one."""

    topic: str
    title: str
    message: str = ""
    notification_type: str = NotificationType.INFO
    action_url: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    sender_id: int | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Reach:
    """Where one owner is told."""

    is_shown: bool
    is_mailed: bool
    endpoints: list[Endpoint]

    def is_anywhere(self) -> bool:
        return self.is_shown or self.is_mailed or bool(self.endpoints)


@transaction.atomic
def notify(*, owner_id: int, note: Note) -> Notification | None:
    """Tell one user, announced by `NotificationSent`; what goes out of the app is owed by rows.

    None when the owner wants to hear of the topic nowhere, or was told of the source before.
    Raises `Invalid` for an action_url that may not be followed. The owner must exist.
    """
    sent = _tell([owner_id], note)
    return sent[0] if sent else None


@transaction.atomic
def notify_many(*, owner_ids: Collection[int], note: Note) -> list[Notification]:
    """Tell those of the users who are there and active, in a fixed number of queries.

    Else as `notify`. The users stay locked against deletion up to the commit.
    """
    active = User.objects.active().filter(pk__in=owner_ids).order_by("pk")
    locked = active.select_for_update(no_key=True).values_list("pk", flat=True)
    return _tell(list(locked), note)


def send_direct(*, sender: User, owner_id: int | None, note: Note) -> Notification:
    """What a user sends by hand: to themselves, or as staff to anybody who is active.

    Raises `Forbidden` for others, `NotFound` and `TooManyNotifications`.
    """
    if owner_id is not None and not sender.is_staff:
        raise Forbidden("Only staff may send notifications to a user. Leave user_id out.")
    _count(sender)
    if owner_id is not None and not User.objects.active().filter(pk=owner_id).exists():
        raise NotFound("There is no such user.")
    sent = notify(owner_id=owner_id or sender.pk, note=note)
    if sent is None:
        raise ValueError("A direct notification is always shown.")
    return sent


@transaction.atomic
def send_as_staff(*, owner_id: int, note: Note, actor: User) -> Notification:
    """As `send_direct` to somebody, noted in the audit log. For the admin."""
    sent = send_direct(sender=actor, owner_id=owner_id, note=note)
    audit.record(
        action="notification.sent_by_staff",
        target=f"user:{owner_id}",
        actor_id=actor.pk,
        actor_name=actor.username,
        title=note.title,
    )
    return sent


def direct_note(*, sender_id: int, **content: Any) -> Note:
    """A note of one user's own words."""
    return Note(topic=DIRECT, sender_id=sender_id, **content)


def reach_of(owner_ids: Collection[int], topic_name: str) -> dict[int, Reach]:
    """Per owner where they are told of a topic. Two queries at most."""
    wanted = wanted_channels(owner_ids=owner_ids, topic=topic_named(topic_name))
    by_webhook = [owner for owner, channels in wanted.items() if Channel.WEBHOOK in channels]
    endpoints: defaultdict[int, list[Endpoint]] = defaultdict(list)
    enabled = Endpoint.objects.filter(owner_id__in=by_webhook, is_enabled=True)
    for endpoint in enabled.only("pk", "owner_id", "paused_until"):
        endpoints[endpoint.owner_id].append(endpoint)
    return {
        owner_id: Reach(Channel.IN_APP in channels, Channel.EMAIL in channels, endpoints[owner_id])
        for owner_id, channels in wanted.items()
    }


def _count(sender: User) -> None:
    limit = settings.NOTIFICATIONS_PER_MINUTE
    if sender.is_staff:
        limit = settings.NOTIFICATIONS_PER_MINUTE_STAFF
    window = windows.spend(f"notify:{sender.pk}", limit=limit, seconds=WINDOW_SECONDS)
    if window.is_exceeded:
        sentence = f"More than {window.limit} notifications in a minute. Wait a little."
        raise TooManyNotifications(sentence, retry_after=window.reset_seconds)


def _tell(owner_ids: list[int], note: Note) -> list[Notification]:
    require_harmless(note.action_url)
    reach = reach_of(_not_yet_told(owner_ids, note.source), note.topic)
    now = timezone.now()
    sent = Notification.objects.bulk_create(
        _row(owner_id, note, now, is_shown=where.is_shown)
        for owner_id, where in reach.items()
        if where.is_anywhere()
    )
    if sent:
        deliveries.owe(
            mails=[row for row in sent if reach[row.owner_id].is_mailed],
            calls=[(row, end) for row in sent for end in reach[row.owner_id].endpoints],
            now=now,
        )
        publish(NotificationSent(notification_ids=tuple(row.pk for row in sent)))
    return sent


def _not_yet_told(owner_ids: list[int], source: str) -> list[int]:
    if not source:
        return owner_ids
    # Of two that tell the same at once the second fails on the constraint, and finds this later.
    told = Notification.objects.filter(owner_id__in=owner_ids, source=source)
    told_ids = set(told.values_list("owner_id", flat=True))
    return [owner_id for owner_id in owner_ids if owner_id not in told_ids]


def _row(owner_id: int, note: Note, now: datetime, *, is_shown: bool) -> Notification:
    return Notification(
        owner_id=owner_id,
        topic=note.topic,
        title=note.title,
        message=note.message,
        notification_type=note.notification_type,
        action_url=note.action_url,
        metadata=dict(note.metadata),
        sender_id=note.sender_id,
        source=note.source,
        is_shown=is_shown,
        created_at=now,
    )
