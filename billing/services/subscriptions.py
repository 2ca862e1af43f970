"""What becomes of a subscription by the wish of its user, or of staff."""

import stripe
from django.db import transaction
from djstripe.models import Subscription

from accounts.models import User
from alice.common.errors import DomainError, NotFound
from billing.selectors import OPEN_STATUSES, SubscriptionFacts, current_subscription
from billing.services.locks import lock_customer
from billing.services.mirroring import mirror_subscription
from billing.stripe_api import calling
from system.services import audit


class NoSubscription(NotFound):
    code = "no_subscription"
    detail = "You have no subscription."


class CancelNotScheduled(DomainError):
    code = "cancel_not_scheduled"
    detail = "This subscription is not set to end. There is nothing to reactivate."


def subscription_of(owner_id: int) -> SubscriptionFacts:
    """The subscription that counts, an ended one if there is no other. `NoSubscription`."""
    subscription = current_subscription(owner_id)
    if subscription is None:
        raise NoSubscription
    return SubscriptionFacts.of(subscription)


def cancel(*, owner_id: int, is_immediate: bool = False) -> SubscriptionFacts:
    """End the subscription with its period, or now. Twice is no error.

    Raises `NoSubscription` when none is running, `BillingOff`, or what Stripe's calls raise. No
    idempotency key goes to Stripe: the same wish again does no harm there, and a kept answer
    would be older than what was changed since.
    """
    running = _running(owner_id)
    with calling() as key, transaction.atomic():
        lock_customer(running.customer_id)
        return _cancelled(running.stripe_id, is_immediate=is_immediate, key=key)


def reactivate(*, owner_id: int) -> SubscriptionFacts:
    """Have a subscription go on that was to end with its period.

    Raises `NoSubscription`, `CancelNotScheduled`, `BillingOff`, or what Stripe's calls raise.
    """
    running = _running(owner_id)
    if not running.cancel_at_period_end:
        raise CancelNotScheduled
    with calling() as key, transaction.atomic():
        lock_customer(running.customer_id)
        found = stripe.Subscription.retrieve(running.stripe_id, api_key=key)
        # The portal may have set a date instead of the flag; Stripe takes one change of the two.
        change = (
            {"cancel_at_period_end": False} if found.cancel_at_period_end else {"cancel_at": ""}
        )
        answer = stripe.Subscription.modify(running.stripe_id, api_key=key, **change)
        return SubscriptionFacts.of(mirror_subscription(answer, key))


def cancel_as_staff(*, subscription_id: int, is_immediate: bool, actor: User) -> SubscriptionFacts:
    """End anybody's subscription as `cancel` does, and note who did it. For staff."""
    facts = _facts_of(subscription_id)
    with calling() as key, transaction.atomic():
        lock_customer(facts.customer_id)
        ended = _cancelled(facts.stripe_id, is_immediate=is_immediate, key=key)
        _note("subscription.cancelled_by_staff", facts, actor)
    return ended


def refresh_as_staff(*, subscription_id: int, actor: User) -> SubscriptionFacts:
    """Read a subscription anew from Stripe, and note who asked. For staff."""
    facts = _facts_of(subscription_id)
    with calling() as key, transaction.atomic():
        lock_customer(facts.customer_id)
        answer = stripe.Subscription.retrieve(facts.stripe_id, api_key=key)
        fresh = SubscriptionFacts.of(mirror_subscription(answer, key))
        _note("subscription.refreshed_by_staff", facts, actor)
    return fresh


def _running(owner_id: int) -> SubscriptionFacts:
    facts = subscription_of(owner_id)
    if facts.status not in OPEN_STATUSES:
        raise NoSubscription
    return facts


def _facts_of(subscription_id: int) -> SubscriptionFacts:
    subscription = Subscription.objects.filter(pk=subscription_id).first()
    if subscription is None:
        raise NoSubscription
    return SubscriptionFacts.of(subscription)


def _cancelled(stripe_id: str, *, is_immediate: bool, key: str) -> SubscriptionFacts:
    try:
        answer = (
            stripe.Subscription.cancel(stripe_id, api_key=key)
            if is_immediate
            else stripe.Subscription.modify(stripe_id, cancel_at_period_end=True, api_key=key)
        )
    except stripe.InvalidRequestError:
        # It has ended meanwhile, which is what was asked for; if not, the error is told.
        answer = stripe.Subscription.retrieve(stripe_id, api_key=key)
        if answer.status in OPEN_STATUSES:
            raise
    return SubscriptionFacts.of(mirror_subscription(answer, key))


def _note(action: str, facts: SubscriptionFacts, actor: User) -> None:
    audit.record(
        action=action,
        target=f"subscription:{facts.id}",
        actor_id=actor.pk,
        actor_name=actor.username,
        stripe_id=facts.stripe_id,
    )
