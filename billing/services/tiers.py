"""From mirrored subscriptions to what a user may do: the only place that writes a `Standing`."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.db import transaction
from django.forms.models import model_to_dict
from django.utils import timezone
from djstripe.models import Customer, Subscription

from alice.common.events import publish
from alice.common.tiers import DEFAULT_TIER
from billing.events import (
    CancelScheduled,
    CancelWithdrawn,
    GraceEnded,
    PaymentFailed,
    PaymentRecovered,
    SubscriptionChanged,
    SubscriptionEnded,
    SubscriptionStarted,
    TierChanged,
)
from billing.models import Standing
from billing.selectors import (
    LIVE_STATUSES,
    OPEN_STATUSES,
    PAID_STATUSES,
    PAST_DUE,
    SubscriptionFacts,
    current_subscription,
)

# How late the news of a renewal may be: Stripe delivers for three days.
RENEWAL_SLACK = timedelta(days=3)
# Of one that somebody has paid for, or tried.
BEGUN_STATUSES = tuple(status for status in OPEN_STATUSES if status != "incomplete")
BATCH = 500


@dataclass(frozen=True, slots=True)
class _State:
    """What of a standing is told to others, before or after a change."""

    subscription_id: int | None
    status: str
    tier: str
    is_cancel_scheduled: bool
    ends_at: datetime | None
    past_due_since: datetime | None
    grace_ends_at: datetime | None

    @classmethod
    def of(cls, standing: Standing) -> Self:
        return cls(*(getattr(standing, name) for name in cls.__slots__))

    @property
    def is_live(self) -> bool:
        return self.status in LIVE_STATUSES


def refresh_of_customer(*, customer_id: str) -> None:
    """Bring the standing of everybody concerned up to date with a customer's subscriptions.

    Concerned is also whom the customer stood for until now.
    """
    theirs = Subscription.objects.filter(customer_id=customer_id).values("pk")
    until_now = Standing.objects.filter(subscription_id__in=theirs).order_by()
    from_now_on = Customer.objects.filter(id=customer_id, subscriber__isnull=False).order_by()
    concerned = from_now_on.values_list("subscriber_id").union(until_now.values_list("pk"))
    for (user_id,) in sorted(concerned):
        refresh(user_id=user_id)


@transaction.atomic(savepoint=False)
def refresh(*, user_id: int) -> Standing | None:
    """Derive a user's standing from the mirrored subscriptions, and announce what changed.

    None for a user who never subscribed. Twice in a row changes and announces nothing.
    """
    standing = _locked(user_id)
    if standing is None:
        return None
    before, until_now = _State.of(standing), model_to_dict(standing)
    _derive(standing, current_subscription(user_id), timezone.now())
    after = _State.of(standing)
    if (before.status, before.tier) != (after.status, after.tier):
        standing.changed_at = timezone.now()
    if model_to_dict(standing) != until_now:
        standing.save()
    if before != after:
        _announce(user_id, before, after)
    return standing


def _locked(user_id: int) -> Standing | None:
    locked = Standing.objects.select_for_update().filter(pk=user_id)
    standing = locked.first()
    if standing is None and current_subscription(user_id) is not None:
        Standing.objects.get_or_create(user_id=user_id, defaults={"changed_at": timezone.now()})
        standing = locked.first()
    return standing


def _derive(standing: Standing, subscription: Subscription | None, now: datetime) -> None:
    facts = SubscriptionFacts.of(subscription) if subscription else None
    is_same = facts is not None and standing.subscription_id == facts.id
    standing.subscription_id = facts.id if facts else None
    standing.status = facts.status if facts else ""
    standing.is_cancel_scheduled = facts is not None and facts.cancel_at_period_end
    standing.ends_at = facts.ends_at if facts else None
    if standing.status != PAST_DUE:
        standing.past_due_since = standing.grace_ends_at = standing.grace_ended_at = None
    elif not is_same or standing.grace_ends_at is None:
        standing.past_due_since, standing.grace_ended_at = now, None
        standing.grace_ends_at = now + settings.BILLING_GRACE
    standing.pro_until = _pro_until(standing, facts)
    standing.tier = standing.tier_at(now)


def _pro_until(standing: Standing, facts: SubscriptionFacts | None) -> datetime | None:
    if facts is None or facts.status not in LIVE_STATUSES:
        return None
    if facts.status == PAST_DUE:
        return standing.grace_ends_at
    # An end that was asked for needs no news to be an end.
    if facts.ends_at is not None:
        return facts.ends_at
    return facts.current_period_end and facts.current_period_end + RENEWAL_SLACK


def _announce(user_id: int, before: _State, after: _State) -> None:
    _announce_change(user_id, after.tier, after.status, has_new_tier=before.tier != after.tier)
    _announce_life(user_id, before, after)
    if after.is_live:
        _announce_payment(user_id, before, after)


def _announce_change(user_id: int, tier: str, status: str, *, has_new_tier: bool) -> None:
    if has_new_tier:
        publish(TierChanged(user_id=user_id, tier=tier, status=status))
    publish(SubscriptionChanged(user_id=user_id, tier=tier, status=status))


def _announce_life(user_id: int, before: _State, after: _State) -> None:
    is_same = before.subscription_id == after.subscription_id
    if after.subscription_id is not None and after.is_live:
        named = {"user_id": user_id, "subscription_id": after.subscription_id}
        was_scheduled = is_same and before.is_cancel_scheduled
        if before.status not in BEGUN_STATUSES:
            publish(SubscriptionStarted(**named))
        if after.is_cancel_scheduled and not was_scheduled:
            publish(CancelScheduled(**named, ends_at=after.ends_at))
        if was_scheduled and not after.is_cancel_scheduled:
            publish(CancelWithdrawn(**named))
    is_over = before.status in BEGUN_STATUSES and after.status not in OPEN_STATUSES
    if is_over and before.subscription_id is not None:
        publish(SubscriptionEnded(user_id=user_id, subscription_id=before.subscription_id))


def _announce_payment(user_id: int, before: _State, after: _State) -> None:
    if after.subscription_id is None:
        return
    is_new = after.past_due_since is not None and after.past_due_since != before.past_due_since
    if is_new and after.grace_ends_at is not None:
        publish(
            PaymentFailed(
                user_id=user_id,
                subscription_id=after.subscription_id,
                grace_ends_at=after.grace_ends_at,
            )
        )
    if before.status == PAST_DUE and after.status in PAID_STATUSES:
        publish(PaymentRecovered(user_id=user_id, subscription_id=after.subscription_id))


def end_grace() -> int:
    """Take the tier from whose grace is over, and from whom no news came; return of how many.

    The tier itself ended with the moment, by the row: this tells of it, once.
    """
    now = timezone.now()
    due = [*Standing.objects.past_grace(now)[:BATCH], *Standing.objects.run_out(now)[:BATCH]]
    return sum(_end_overdue(standing.pk, now) for standing in due)


@transaction.atomic
def _end_overdue(user_id: int, now: datetime) -> bool:
    standing = Standing.objects.select_for_update().filter(pk=user_id).first()
    if standing is None or standing.tier_at(now) != DEFAULT_TIER:
        return False
    is_past_grace = standing.grace_ends_at is not None and standing.grace_ended_at is None
    if standing.tier != DEFAULT_TIER:
        _announce_change(user_id, DEFAULT_TIER, standing.status, has_new_tier=True)
        standing.changed_at = now
    if is_past_grace and standing.subscription_id is not None:
        standing.grace_ended_at = now
        publish(GraceEnded(user_id=user_id, subscription_id=standing.subscription_id))
    standing.tier = DEFAULT_TIER
    standing.save(update_fields=["tier", "grace_ended_at", "changed_at"])
    return True
