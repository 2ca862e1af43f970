"""What a user's subscription is, read from the mirrored rows.

Periods stand in the items of a subscription since Stripe's API of 2025-03-31; dj-stripe's own
properties look where they no longer are.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Self

from django.conf import settings
from django.utils import timezone
from djstripe.models import Customer, Subscription

from billing.models import PRO_TIER, Standing

PAID_STATUSES = ("active", "trialing")
PAST_DUE = "past_due"
LIVE_STATUSES = (*PAID_STATUSES, PAST_DUE)
OPEN_STATUSES = (*LIVE_STATUSES, "unpaid", "paused", "incomplete")
SUBSCRIPTIONS_LOOKED_AT = 50

# https://docs.stripe.com/currencies: amounts without, and with three, decimal places.
ZERO_DECIMALS = {
    *("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga"),
    *("pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf"),
}
THREE_DECIMALS = {"bhd", "jod", "kwd", "omr", "tnd"}


@dataclass(frozen=True, slots=True)
class SubscriptionFacts:
    """A mirrored subscription as the rest of the project sees it."""

    id: int
    stripe_id: str
    customer_id: str
    status: str
    current_period_start: datetime | None
    current_period_end: datetime | None
    cancel_at_period_end: bool
    ends_at: datetime | None
    price: float
    currency: str
    price_id: str
    interval: str

    @classmethod
    def of(cls, subscription: Subscription) -> Self:
        """Read from what Stripe sent: periods over all items, the price of the first."""
        data = subscription.stripe_data
        items = (data.get("items") or {}).get("data") or []
        price = items[0].get("price") or {} if items else {}
        start = min(_times(data, items, "current_period_start"), default=None)
        end = max(_times(data, items, "current_period_end"), default=None)
        ends_at = _moment(data.get("cancel_at"))
        is_ending = bool(data.get("cancel_at_period_end")) or ends_at is not None
        return cls(
            id=subscription.pk,
            stripe_id=subscription.id,
            customer_id=subscription.customer_id,
            status=data.get("status") or "",
            current_period_start=start,
            current_period_end=end,
            cancel_at_period_end=is_ending,
            ends_at=(ends_at or end) if is_ending else None,
            price=major_units(price.get("unit_amount") or 0, price.get("currency") or ""),
            currency=price.get("currency") or "",
            price_id=price.get("id") or "",
            interval=(price.get("recurring") or {}).get("interval") or "",
        )


def _times(data: dict[str, Any], items: list[dict[str, Any]], name: str) -> list[datetime]:
    stamps = [item.get(name) for item in items] + [data.get(name)]
    return [moment for stamp in stamps if (moment := _moment(stamp))]


def _moment(stamp: int | None) -> datetime | None:
    return datetime.fromtimestamp(stamp, UTC) if stamp else None


def major_units(amount: int, currency: str) -> float:
    """An amount of Stripe's in the currency's own unit: 4999 and usd are 49.99."""
    places = 0 if currency in ZERO_DECIMALS else 3 if currency in THREE_DECIMALS else 2
    return float(Decimal(amount).scaleb(-places))


def of_this_mode() -> dict[str, bool]:
    """The filter that leaves test rows out of a live site, and live ones out of a test site."""
    return {"livemode": settings.STRIPE_LIVE_MODE} if settings.STRIPE_SECRET_KEY else {}


def customer_of(user_id: int) -> Customer | None:
    """The customer at Stripe that stands for a user, unless it was deleted there."""
    mine = Customer.objects.filter(subscriber_id=user_id, date_purged=None, **of_this_mode())
    return mine.order_by("-pk").first()


def current_subscription(user_id: int) -> Subscription | None:
    """The subscription that counts: one that is paid before any other, then the newest.

    Ended ones only when there is nothing else. One query.
    """
    mine = Subscription.objects.filter(customer__subscriber_id=user_id, **of_this_mode())
    newest = mine.order_by("-created", "-pk")[:SUBSCRIPTIONS_LOOKED_AT]
    return min(newest, key=_rank, default=None)


def _rank(subscription: Subscription) -> int:
    status = subscription.stripe_data.get("status")
    groups = [PAID_STATUSES, (PAST_DUE,), OPEN_STATUSES]
    return next((index for index, group in enumerate(groups) if status in group), len(groups))


def tiers_of_users(user_ids: Collection[int]) -> dict[int, str]:
    """`pro` for those who have it at this moment. One query, and never a call of Stripe."""
    pro = Standing.objects.pro(timezone.now()).filter(pk__in=user_ids)
    return dict.fromkeys(pro.order_by().values_list("pk", flat=True), PRO_TIER)


def subscription_rows(user_id: int) -> Iterator[dict[str, Any]]:
    """A user's subscriptions, for the export of the account."""
    mine = Subscription.objects.filter(customer__subscriber_id=user_id).order_by("pk")
    for subscription in mine.iterator():
        facts = SubscriptionFacts.of(subscription)
        yield {
            "id": facts.id,
            "stripe_id": facts.stripe_id,
            "status": facts.status,
            "created_at": subscription.created,
            "current_period_start": facts.current_period_start,
            "current_period_end": facts.current_period_end,
            "price": facts.price,
            "currency": facts.currency,
        }
