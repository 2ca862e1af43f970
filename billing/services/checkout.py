"""Subscribing: a checkout at Stripe, and never two that could both be paid."""

import hashlib
from dataclasses import dataclass
from typing import Any

import stripe
from django.db import transaction

from alice.common.errors import DomainError
from billing import selectors
from billing.services import plans
from billing.services.customers import customer_for
from billing.services.locks import lock_buyer
from billing.services.return_urls import require_own_url
from billing.services.tiers import BEGUN_STATUSES
from billing.stripe_api import calling, secret_key

REQUEST = "alice_request"


class AlreadySubscribed(DomainError):
    code = "already_subscribed"
    detail = "You have a subscription. Change it in the portal, or cancel it first."


class CheckoutCompleting(DomainError):
    code = "checkout_completing"
    detail = "A checkout of yours is being paid at this moment. Look at your subscription."


@dataclass(frozen=True, slots=True)
class Checkout:
    """A page of Stripe's on which the user pays."""

    session_id: str
    url: str


@dataclass(frozen=True, slots=True)
class Wish:
    """What a user wants to buy, and where the pages after it are."""

    owner_id: int
    success_url: str
    cancel_url: str
    plan: str = ""
    price_id: str = ""
    request_key: str = ""

    @property
    def request_id(self) -> str:
        """The same for a request that is sent again; "" for one that cannot be."""
        told = f"{self.owner_id} {self.request_key} {self}"
        return hashlib.sha256(told.encode()).hexdigest() if self.request_key else ""

    def is_behind(self, session: stripe.checkout.Session) -> bool:
        """Whether this very request made `session` before."""
        metadata = session.metadata.to_dict() if session.metadata else {}
        return bool(self.request_id) and metadata.get(REQUEST) == self.request_id


def open_checkout(wish: Wish) -> Checkout:
    """A checkout session for a plan. Those the user left open before are closed.

    With a `request_key`, the session that a lost answer told of is found again. Raises `Invalid`,
    `AlreadySubscribed`, `CheckoutCompleting`, `NoPlan`, `BillingOff` and what Stripe's calls do.
    """
    secret_key()
    require_own_url("success_url", wish.success_url)
    require_own_url("cancel_url", wish.cancel_url)
    price_id = plans.chosen(plan=wish.plan, price_id=wish.price_id).price_id
    with calling() as key, transaction.atomic():
        lock_buyer(wish.owner_id)
        _require_none(wish.owner_id)
        customer, is_new = customer_for(wish.owner_id)
        session = None if is_new else _session_left_open(customer.id, wish, key)
        session = session or _new_session(customer.id, price_id, wish, key)
    return Checkout(session.id, session.url or "")


def _require_none(owner_id: int) -> None:
    subscription = selectors.current_subscription(owner_id)
    if subscription is not None and subscription.stripe_data.get("status") in BEGUN_STATUSES:
        raise AlreadySubscribed


def _session_left_open(customer_id: str, wish: Wish, key: str) -> stripe.checkout.Session | None:
    """The session of this very request, if it is there; all others are closed.

    What was paid a moment ago may not have been told to us yet: that is asked last, when no
    session is open any more.
    """
    found = None
    sessions = stripe.checkout.Session.list(
        customer=customer_id, status="open", limit=100, api_key=key
    )
    for session in sessions.data:
        if found is None and wish.is_behind(session):
            found = session
        else:
            _expire(session.id, key)
    _require_none_at_stripe(customer_id, key)
    return found


def _expire(session_id: str, key: str) -> None:
    try:
        stripe.checkout.Session.expire(session_id, api_key=key)
    except stripe.InvalidRequestError as error:
        raise CheckoutCompleting from error


def _require_none_at_stripe(customer_id: str, key: str) -> None:
    for subscription in stripe.Subscription.list(customer=customer_id, limit=10, api_key=key).data:
        if subscription.status in BEGUN_STATUSES:
            raise AlreadySubscribed


def _new_session(customer_id: str, price_id: str, wish: Wish, key: str) -> stripe.checkout.Session:
    """A session made now: an answer that Stripe kept may be of one that was closed since."""
    wanted: dict[str, Any] = {
        "mode": "subscription",
        "customer": customer_id,
        "line_items": [{"price": price_id, "quantity": 1}],
        "success_url": wish.success_url,
        "cancel_url": wish.cancel_url,
        "client_reference_id": str(wish.owner_id),
    }
    if not wish.request_id:
        return stripe.checkout.Session.create(api_key=key, **wanted)
    wanted["metadata"] = {REQUEST: wish.request_id}
    name = f"checkout-{wish.request_id}"
    session = stripe.checkout.Session.create(api_key=key, idempotency_key=name, **wanted)
    if not _is_replayed(session):
        return session
    session = stripe.checkout.Session.retrieve(session.id, api_key=key)
    if session.status == "open":
        return session
    return stripe.checkout.Session.create(api_key=key, **wanted)


def _is_replayed(session: stripe.checkout.Session) -> bool:
    headers = session.last_response.headers if session.last_response else {}
    return str(headers.get("Idempotent-Replayed", "")).lower() == "true"
