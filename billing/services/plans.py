"""The prices a user can subscribe to, as they stand at Stripe."""

import hashlib
from dataclasses import asdict, dataclass
from typing import Any, cast

import orjson
import stripe
from django.conf import settings

from alice.common.errors import Invalid, Unavailable
from alice.common.redis_client import RedisDown, breaker, client
from billing.models import PRO_TIER
from billing.selectors import major_units
from billing.stripe_api import GoneAtStripe, calling, secret_key

KEPT_SECONDS = 600


class NoPlan(Unavailable):
    code = "no_plan"
    detail = (
        "There is nothing to subscribe to: set STRIPE_PRICE_ID, or give an active price at Stripe"
        " the look-up key pro_monthly."
    )


@dataclass(frozen=True, slots=True)
class Plan:
    """`plan` is what checkout takes: the price's look-up key, or its id where it has none."""

    plan: str
    price_id: str
    name: str
    tier: str
    price: float
    currency: str
    interval: str
    interval_count: int


def plans() -> list[Plan]:
    """What can be subscribed to, the default first; remembered in Redis for ten minutes.

    Raises `BillingOff`, `NoPlan`, or what `stripe_api.calling` raises.
    """
    name = _cache_key()
    kept = _kept(name)
    if kept is None:
        kept = [asdict(plan) for plan in _asked()]
        _keep(name, kept)
    if not kept:
        raise NoPlan
    return [Plan(**row) for row in kept]


def chosen(*, plan: str = "", price_id: str = "") -> Plan:
    """The plan of that name or price, or the default. Raises `Invalid` and what `plans` does."""
    offered = plans()
    if not plan and not price_id:
        return offered[0]
    for one in offered:
        if plan in {"", one.plan} and price_id in {"", one.price_id}:
            return one
    field = "plan" if plan else "price_id"
    sentence = f"Choose one of {', '.join(getattr(one, field) for one in offered)}."
    raise Invalid(f"{field}: {sentence}", errors={field: [sentence]})


def _asked() -> list[Plan]:
    with calling() as key:
        return [plan for plan in map(_plan_of, _prices(key)) if plan is not None]


def _prices(key: str) -> list[stripe.Price]:
    if settings.STRIPE_PRICE_ID:
        try:
            price = settings.STRIPE_PRICE_ID
            return [stripe.Price.retrieve(price, expand=["product"], api_key=key)]
        except stripe.InvalidRequestError as error:
            if error.code == GoneAtStripe.at_stripe:
                return []
            raise
    names = settings.STRIPE_LOOKUP_KEYS
    found = stripe.Price.list(lookup_keys=names, active=True, expand=["data.product"], api_key=key)
    return sorted(found.data, key=lambda price: names.index(price.lookup_key or ""))


def _plan_of(price: stripe.Price) -> Plan | None:
    if price.recurring is None or not price.active:
        return None
    return Plan(
        plan=price.lookup_key or price.id,
        price_id=price.id,
        name=price.nickname or str(getattr(price.product, "name", "")),
        tier=PRO_TIER,
        price=major_units(price.unit_amount or 0, price.currency),
        currency=price.currency,
        interval=price.recurring.interval,
        interval_count=price.recurring.interval_count,
    )


def _cache_key() -> str:
    # Another key or price is another answer.
    told = f"{secret_key()} {settings.STRIPE_PRICE_ID} {settings.STRIPE_API_BASE}"
    return f"billing:plans:{hashlib.sha256(told.encode()).hexdigest()[:16]}"


def _kept(name: str) -> list[dict[str, Any]] | None:
    try:
        text = cast("bytes | None", breaker.call(lambda: client().get(name)))
    except RedisDown:
        return None
    return orjson.loads(text) if text else None


def _keep(name: str, rows: list[dict[str, Any]]) -> None:
    # What is not there yet may be there in a minute.
    seconds = KEPT_SECONDS if rows else 1
    try:
        breaker.call(lambda: client().set(name, orjson.dumps(rows), ex=seconds))
    except RedisDown:
        return
