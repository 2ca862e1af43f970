"""What is owed outside of the app: rows that workers claim, try, settle, or try again later.

A claim is one conditional UPDATE that moves `due_at` on, so a row whose worker dies becomes due
again by itself; `attempts` tells an earlier claim from a later one.
"""

import random
import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from alice.common.errors import DomainError, NotFound
from alice.common.events import publish
from notifications.events import DeliveriesDue
from notifications.models import (
    Channel,
    Delivery,
    DeliveryQuerySet,
    DeliveryStatus,
    Digest,
    Endpoint,
    MailSettings,
    Notification,
)
from notifications.services.preferences import mail_due_at
from system.services import audit

LEASE = timedelta(minutes=2)
DIGEST_MAX = 1000
RETRIES = {
    Channel.EMAIL: [
        timedelta(minutes=1),
        timedelta(minutes=5),
        timedelta(minutes=30),
        timedelta(hours=2),
        timedelta(hours=6),
    ],
    # https://www.standardwebhooks.com: exponential, over a day.
    Channel.WEBHOOK: [
        timedelta(seconds=5),
        timedelta(minutes=5),
        timedelta(minutes=30),
        timedelta(hours=2),
        timedelta(hours=4),
        timedelta(hours=8),
        timedelta(hours=10),
    ],
}
JITTER = 0.1
PAUSE_MAX = timedelta(minutes=30)
WAITING_MAX = timedelta(days=3)
ERROR_MAX = 200
WORKER_LOST = "It was given up: its worker was lost each time."

dice = random.SystemRandom()


class DeliveryPending(DomainError):
    code = "delivery_pending"
    detail = "This delivery is still being tried."


class EndpointDisabled(DomainError):
    code = "endpoint_disabled"
    detail = "This endpoint is disabled. Enable it first."


def owe(
    *,
    mails: Sequence[Notification],
    calls: Sequence[tuple[Notification, Endpoint]],
    now: datetime,
) -> None:
    """Note what is owed of new notifications, in the caller's transaction, and wake a worker.

    Mails wait for their owner's digest, calls for an endpoint that is paused.
    """
    digests = _digests({row.owner_id for row in mails})
    rows = [_mail(row, mail_due_at(digests[row.owner_id], now)) for row in mails]
    rows += [_call(row, endpoint, now) for row, endpoint in calls]
    if rows:
        Delivery.objects.bulk_create(rows)
    for channel in {row.channel for row in rows if row.due_at <= now}:
        publish(DeliveriesDue(channel=channel))


def wake_for_due() -> int:
    """Wake a worker for each channel on which something is due; return how many."""
    due = [channel for channel in RETRIES if is_any_due(channel)]
    for channel in due:
        publish(DeliveriesDue(channel=channel))
    return len(due)


def is_any_due(channel: str) -> bool:
    """Whether something waits to be claimed."""
    return Delivery.objects.by(channel).due(timezone.now()).exists()


def claim_call() -> Delivery | None:
    """Take the call that is due for longest, None when none is."""
    now = timezone.now()
    while (pk := _oldest_due(Channel.WEBHOOK, now)) is not None:
        row = Delivery.objects.filter(pk=pk)
        if _claim(row, now) and (mine := row.select_related("endpoint", "notification").first()):
            return mine
    return None


def claim_mail() -> list[Delivery]:
    """Take what goes by the next mail: one notification, or all that a digest gathers.

    What was once together in a mail stays so, under one message id, however often it is tried.
    Empty when nothing is due.
    """
    now = timezone.now()
    while (pk := _oldest_due(Channel.EMAIL, now)) is not None:
        message_id = _claim_mail_of(pk, now)
        same_mail = Delivery.objects.filter(message_id=message_id, status=DeliveryStatus.PENDING)
        mine = same_mail.select_related("notification", "owner").order_by("pk")
        if message_id and (claimed := list(mine)):
            return claimed
    return []


def settle_delivered(claimed: Sequence[Delivery], *, response_status: int | None = None) -> None:
    """Note that these went out."""
    _still_claimed(claimed).update(
        status=DeliveryStatus.DELIVERED,
        delivered_at=timezone.now(),
        response_status=response_status,
        error="",
    )


def settle_failed(
    claimed: Sequence[Delivery], error: str, *, response_status: int | None = None
) -> None:
    """Note that these will not go out, whatever is tried."""
    _still_claimed(claimed).update(
        status=DeliveryStatus.FAILED, response_status=response_status, error=error[:ERROR_MAX]
    )


def settle_for_now(
    claimed: Sequence[Delivery],
    error: str,
    *,
    response_status: int | None = None,
    not_before: timedelta = timedelta(),
) -> timedelta | None:
    """Note that these did not go out; they are tried again after what is answered.

    None when their tries are spent or they have waited for three days: then they have failed.
    """
    delay = _delay_before_next(claimed[0])
    if delay is None:
        settle_failed(claimed, error, response_status=response_status)
        return None
    delay = max(delay, not_before)
    _still_claimed(claimed).update(
        due_at=timezone.now() + delay, response_status=response_status, error=error[:ERROR_MAX]
    )
    return delay


def pause(endpoint_id: int, delay: timedelta) -> None:
    """Leave an endpoint that failed alone for as long, half an hour at most.

    So one that never answers costs a worker a call now and then, not one for each notification.
    """
    until = timezone.now() + min(delay, PAUSE_MAX)
    Endpoint.objects.filter(pk=endpoint_id).update(paused_until=until)
    waiting = Delivery.objects.filter(endpoint_id=endpoint_id, status=DeliveryStatus.PENDING)
    waiting.filter(due_at__lt=until).update(due_at=until)


@transaction.atomic
def redeliver(*, deliveries: DeliveryQuerySet, delivery_id: int) -> Delivery:
    """Owe one of `deliveries` anew, with all its tries before it.

    An endpoint is called under the same message id. Raises `NotFound`, `DeliveryPending` and
    `EndpointDisabled`.
    """
    delivery = deliveries.filter(pk=delivery_id).select_for_update(of=("self",)).first()
    if delivery is None:
        raise NotFound
    if delivery.status == DeliveryStatus.PENDING:
        raise DeliveryPending
    if delivery.endpoint_id and not delivery.endpoint.is_enabled:  # type: ignore[union-attr]  # by its id it is there
        raise EndpointDisabled
    delivery.status = DeliveryStatus.PENDING
    delivery.attempts, delivery.error, delivery.delivered_at = 0, "", None
    delivery.due_at = timezone.now()
    if delivery.channel == Channel.EMAIL:
        # Alone this time, whatever it was gathered with.
        delivery.message_id = None
    changed = ["status", "attempts", "error", "delivered_at", "due_at", "message_id"]
    delivery.save(update_fields=changed)
    publish(DeliveriesDue(channel=delivery.channel))
    return delivery


@transaction.atomic
def redeliver_as_staff(*, delivery_id: int, actor_id: int, actor_name: str) -> Delivery:
    """As `redeliver` for anybody's, noted in the audit log. For staff."""
    delivery = redeliver(deliveries=Delivery.objects.all(), delivery_id=delivery_id)
    audit.record(
        action="delivery.repeated_by_staff",
        target=f"delivery:{delivery_id}",
        actor_id=actor_id,
        actor_name=actor_name,
        notification_id=delivery.notification_id,
    )
    return delivery


def _digests(owner_ids: set[int]) -> defaultdict[int, Digest]:
    digests: defaultdict[int, Digest] = defaultdict(lambda: Digest.NONE)
    if owner_ids:
        kept = MailSettings.objects.filter(owner_id__in=owner_ids)
        digests.update((row.owner_id, Digest(row.digest)) for row in kept)
    return digests


def _mail(row: Notification, due_at: datetime) -> Delivery:
    return Delivery(owner_id=row.owner_id, notification=row, channel=Channel.EMAIL, due_at=due_at)


def _call(row: Notification, endpoint: Endpoint, now: datetime) -> Delivery:
    return Delivery(
        owner_id=row.owner_id,
        notification=row,
        channel=Channel.WEBHOOK,
        endpoint=endpoint,
        message_id=uuid.uuid4(),
        due_at=max(now, endpoint.paused_until or now),
    )


def _oldest_due(channel: str, now: datetime) -> int | None:
    due = Delivery.objects.by(channel).due(now).order_by("due_at", "pk")
    return due.values_list("pk", flat=True).first()


def _claim(deliveries: DeliveryQuerySet, now: datetime, **changes: Any) -> int:
    """Take those of the rows that are still due, alone even among many who try."""
    return deliveries.due(now).update(due_at=now + LEASE, attempts=F("attempts") + 1, **changes)


@transaction.atomic
def _claim_mail_of(pk: int, now: datetime) -> uuid.UUID | None:
    first = Delivery.objects.filter(pk=pk).first()
    if first is None:
        return None
    if first.message_id:
        same_mail = Delivery.objects.filter(message_id=first.message_id)
        return first.message_id if _claim(same_mail, now) else None
    # Locked, so that two workers do not make two mails of one digest.
    kept = MailSettings.objects.filter(owner_id=first.owner_id).select_for_update().first()
    is_digest = kept is not None and kept.digest != Digest.NONE
    pks = _oldest_mails_of(first.owner_id, now) if is_digest else [pk]
    new_id = uuid.uuid4()
    gathered = Delivery.objects.filter(pk__in=pks, message_id=None)
    return new_id if _claim(gathered, now, message_id=new_id) else None


def _oldest_mails_of(owner_id: int, now: datetime) -> list[int]:
    unsent = Delivery.objects.by(Channel.EMAIL).due(now).filter(owner_id=owner_id, message_id=None)
    return list(unsent.order_by("pk").values_list("pk", flat=True)[:DIGEST_MAX])


def _still_claimed(claimed: Sequence[Delivery]) -> DeliveryQuerySet:
    """Those that nobody has claimed since."""
    return Delivery.objects.filter(
        pk__in=[delivery.pk for delivery in claimed],
        status=DeliveryStatus.PENDING,
        attempts=claimed[0].attempts,
    )


def is_lost(delivery: Delivery) -> bool:
    """Whether it was claimed more often than it may be tried: then its workers died of it."""
    return delivery.attempts > len(RETRIES[Channel(delivery.channel)]) + 1


def _delay_before_next(delivery: Delivery) -> timedelta | None:
    delays = RETRIES[Channel(delivery.channel)]
    is_too_old = timezone.now() - delivery.created_at > WAITING_MAX
    if delivery.attempts > len(delays) or is_too_old:
        return None
    return delays[delivery.attempts - 1] * dice.uniform(1, 1 + JITTER)
