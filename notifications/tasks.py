from celery import shared_task
from django.db import IntegrityError

from alice.common.events import publish
from notifications.events import DeliveriesDue
from notifications.services import deliveries, draining, endpoints, news, retention
from system.services import slots

# In one worker process; the other threads stay free for other work.
DRAINS_AT_ONCE = 2


@shared_task
def deliver(channel: str) -> None:
    """Deliver what is due on a channel. Safe to run twice or late: rows are claimed one by one.

    Where this process delivers with as many threads as it may, those do it.
    """
    with slots.slot(f"notifications.{channel}", DRAINS_AT_ONCE) as is_free:
        if not is_free:
            return
        draining.deliver_due(channel)
    # Only now, with the slot given back: whoever found none free before is seen here as due.
    if deliveries.is_any_due(channel):
        publish(DeliveriesDue(channel=channel))


@shared_task
def deliver_due() -> int:
    """Find what is due: tries after a failure, digests, and what no worker was told of."""
    return deliveries.wake_for_due()


@shared_task
def clear_old() -> int:
    """Delete notifications past their time, and secrets that sign no more."""
    endpoints.forget_former_secrets()
    return retention.delete_old()


@shared_task
def trim() -> int:
    """Keep the number of each user's notifications bounded."""
    return retention.trim()


# Each of these tells nobody twice: a second run at the same time fails, and then finds it done.


@shared_task(autoretry_for=(IntegrityError,), max_retries=3, retry_backoff=True)
def tell_mentioned(message_id: int, mentioned_ids: list[int]) -> int:
    """Tell those whom a chat message names."""
    return news.tell_mentioned(message_id=message_id, mentioned_ids=mentioned_ids)


@shared_task(autoretry_for=(IntegrityError,), max_retries=3, retry_backoff=True)
def tell_holder(share_id: int) -> int:
    """Tell whom something was shared with."""
    return news.tell_holder(share_id=share_id)


@shared_task(autoretry_for=(IntegrityError,), max_retries=3, retry_backoff=True)
def tell_job_owner(job_id: int) -> int:
    """Tell whoever started a job how it ended."""
    return news.tell_job_owner(job_id=job_id)


@shared_task(autoretry_for=(IntegrityError,), max_retries=3, retry_backoff=True)
def tell_of_security(user_id: int, reason: str, source: str) -> int:
    """Tell a user of what concerns the security of their account."""
    return news.tell_of_security(user_id=user_id, reason=reason, source=source)
