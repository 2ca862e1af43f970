from contextlib import suppress
from typing import Any

from celery import Task
from kombu.exceptions import OperationalError

from accounts.events import EmailChanged, PasswordChanged, SessionsEnded
from alice.common.events import subscribe
from alice.common.realtime.groups import user_group
from alice.common.realtime.push import push
from alice.common.redis_client import breaker
from billing.events import (
    CancelScheduled,
    GraceEnded,
    PaymentFailed,
    PaymentRecovered,
    SubscriptionEnded,
    SubscriptionStarted,
)
from collaboration.events import MessageSent, ShareMade
from notifications import selectors, tasks
from notifications.events import DeliveriesDue, NotificationSent, UnreadChanged
from notifications.services import billing_news
from notifications.services.news import EMAIL_CHANGED, PASSWORD_CHANGED, SECURITY_NEWS
from notifications.services.payloads import payload_of
from system.events import JobEnded
from system.models import JobStatus


@subscribe(NotificationSent)
def ring_the_bell(event: NotificationSent) -> None:
    rows = selectors.shown_among(event.notification_ids)
    unread = selectors.unread_counts({row.owner_id for row in rows})
    for row in rows:
        push(user_group(row.owner_id), {"type": "notification", **payload_of(row)})
        push(user_group(row.owner_id), {"type": "unread", "unread": unread[row.owner_id]})


@subscribe(UnreadChanged)
def tell_the_number(event: UnreadChanged) -> None:
    unread = selectors.unread_counts([event.owner_id])[event.owner_id]
    push(user_group(event.owner_id), {"type": "unread", "unread": unread})


@subscribe(DeliveriesDue)
def wake_a_worker(event: DeliveriesDue) -> None:
    tasks.deliver.delay(event.channel)


@subscribe(MessageSent)
def notify_mentioned(event: MessageSent) -> None:
    if event.mentioned_ids:
        by_a_worker(tasks.tell_mentioned, event.message_id, list(event.mentioned_ids))


@subscribe(ShareMade)
def notify_holder(event: ShareMade) -> None:
    if event.holder_id is not None:
        by_a_worker(tasks.tell_holder, event.share_id)


@subscribe(JobEnded)
def notify_job_owner(event: JobEnded) -> None:
    if event.owner_id is not None and event.status != JobStatus.CANCELLED:
        by_a_worker(tasks.tell_job_owner, event.job_id)


@subscribe(PasswordChanged)
def notify_of_a_new_password(event: PasswordChanged) -> None:
    by_a_worker(tasks.tell_of_security, event.user_id, PASSWORD_CHANGED, f"audit:{event.audit_id}")


@subscribe(EmailChanged)
def notify_of_a_new_address(event: EmailChanged) -> None:
    by_a_worker(tasks.tell_of_security, event.user_id, EMAIL_CHANGED, f"audit:{event.audit_id}")


@subscribe(SessionsEnded)
def notify_of_ended_sessions(event: SessionsEnded) -> None:
    if event.reason in SECURITY_NEWS:
        source = f"session:{min(event.session_ids)}"
        by_a_worker(tasks.tell_of_security, event.user_id, event.reason, source)


def by_a_worker(task: "Task[Any, int]", *args: Any) -> None:
    """Have a worker run `task`, or run it here while Redis is away: no row keeps what it tells."""
    with suppress(OperationalError):
        if not breaker.is_open:
            task.delay(*args)
            return
    task(*args)


# What concerns money is owed by a row at once: no queue in between could lose it.


@subscribe(PaymentFailed)
def notify_of_failed_payment(event: PaymentFailed) -> None:
    billing_news.tell_of_failed_payment(
        user_id=event.user_id,
        subscription_id=event.subscription_id,
        grace_ends_at=event.grace_ends_at,
    )


@subscribe(PaymentRecovered)
def notify_of_recovered_payment(event: PaymentRecovered) -> None:
    billing_news.tell_of_recovered_payment(
        user_id=event.user_id, subscription_id=event.subscription_id
    )


@subscribe(GraceEnded)
def notify_of_ended_grace(event: GraceEnded) -> None:
    billing_news.tell_of_ended_grace(user_id=event.user_id, subscription_id=event.subscription_id)


@subscribe(SubscriptionStarted)
def notify_of_start(event: SubscriptionStarted) -> None:
    billing_news.tell_of_start(user_id=event.user_id, subscription_id=event.subscription_id)


@subscribe(CancelScheduled)
def notify_of_scheduled_end(event: CancelScheduled) -> None:
    billing_news.tell_of_scheduled_end(
        user_id=event.user_id, subscription_id=event.subscription_id, ends_at=event.ends_at
    )


@subscribe(SubscriptionEnded)
def notify_of_end(event: SubscriptionEnded) -> None:
    billing_news.tell_of_end(user_id=event.user_id, subscription_id=event.subscription_id)
