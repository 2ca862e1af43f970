from accounts.events import SessionsEnded
from alice.common.events import subscribe
from alice.common.realtime.groups import user_group
from alice.common.realtime.push import push
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
from notifications.services.news import SECURITY_NEWS
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
        tasks.tell_mentioned.delay(event.message_id, list(event.mentioned_ids))


@subscribe(ShareMade)
def notify_holder(event: ShareMade) -> None:
    if event.holder_id is not None:
        tasks.tell_holder.delay(event.share_id)


@subscribe(JobEnded)
def notify_job_owner(event: JobEnded) -> None:
    if event.owner_id is not None and event.status != JobStatus.CANCELLED:
        tasks.tell_job_owner.delay(event.job_id)


@subscribe(SessionsEnded)
def notify_of_ended_sessions(event: SessionsEnded) -> None:
    if event.reason in SECURITY_NEWS:
        tasks.tell_of_ended_sessions.delay(event.user_id, event.reason, min(event.session_ids))


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
