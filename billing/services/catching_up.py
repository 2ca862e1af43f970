"""After a time in which Stripe's messages did not arrive: ask for what they would have told."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
import stripe
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from djstripe.models import Event, Subscription

from alice.common.errors import DomainError
from billing.models import Standing
from billing.selectors import SubscriptionFacts
from billing.services import webhooks
from billing.services.locks import lock_customer
from billing.services.mirroring import mirror_subscription
from billing.stripe_api import GoneAtStripe, calling

logger = logging.getLogger("alice.stripe")

USUAL_LOOK_BACK = timedelta(hours=2)
OVERLAP = timedelta(hours=1)
KEPT_BY_STRIPE = timedelta(days=30)
STALE_BATCH = 100


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """How many events there were, how many of them were news, and how many failed."""

    seen: int
    processed: int
    failed: int
    reread: int


def catch_up(*, since: datetime | None = None) -> CaughtUp:
    """Process the events that Stripe has and we do not, oldest first.

    By default those since the newest that arrived, and of two hours at least; Stripe keeps 30
    days. Then subscriptions whose renewal is overdue are read anew. One event that fails does
    not keep the others. Raises `BillingOff` or `StripeUnavailable`.
    """
    found = _events_since(since or _last_heard())
    outcomes = [_process(event) for event in reversed(found)]
    return CaughtUp(
        seen=len(found),
        processed=outcomes.count(True),
        failed=outcomes.count(None),
        reread=_reread_overdue(),
    )


def _last_heard() -> datetime:
    now = timezone.now()
    newest = Event.objects.aggregate(newest=Max("created"))["newest"]
    heard = newest - OVERLAP if newest else now - KEPT_BY_STRIPE
    return max(min(heard, now - USUAL_LOOK_BACK), now - KEPT_BY_STRIPE)


def _events_since(moment: datetime) -> list[webhooks.IncomingEvent]:
    with calling() as key:
        listed = stripe.Event.list(
            created={"gte": int(moment.timestamp())},
            types=sorted(webhooks.HANDLED),
            limit=100,
            api_key=key,
        )
        events = listed.auto_paging_iter()
        return [webhooks.read_event(orjson.loads(str(event))) for event in events]


def _process(event: webhooks.IncomingEvent) -> bool | None:
    try:
        return webhooks.handle(event)
    except DomainError as error:
        logger.warning("A Stripe event failed", extra={"event": event.id, "why": error.code})
    except Exception:
        logger.exception("A Stripe event failed", extra={"event": event.id})
    return None


def _reread_overdue() -> int:
    """Ask for subscriptions that should have been renewed or ended by now."""
    overdue = Standing.objects.run_out(timezone.now()).values("subscription_id")
    rows = Subscription.objects.filter(pk__in=overdue)[:STALE_BATCH]
    return sum(_reread(SubscriptionFacts.of(row)) for row in rows)


def _reread(facts: SubscriptionFacts) -> bool:
    try:
        with calling() as key, transaction.atomic():
            lock_customer(facts.customer_id)
            mirror_subscription(stripe.Subscription.retrieve(facts.stripe_id, api_key=key), key)
    except GoneAtStripe:
        return False
    return True
