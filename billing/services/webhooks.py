"""What Stripe tells: believed when it is signed and fresh, done once, and one by one.

dj-stripe's handlers read the object anew from Stripe and ignore what the event says of it, so
events may come in any order, as long as those of one customer do not overtake each other.
"""

import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson
import stripe
from django.conf import settings
from django.db import transaction
from djstripe.models import Event

from accounts.models import User
from alice.common.errors import Invalid, Unavailable
from billing.services.locks import lock_customer
from billing.services.mirroring import forget_former_keys
from billing.stripe_api import GoneAtStripe, StripeBusy, calling, secret_key, without_nul
from system.services import audit

logger = logging.getLogger("alice.stripe")

TOLERANCE_SECONDS = 300
ID_MAX, TYPE_MAX = 255, 250
HANDLED = frozenset(
    {
        "checkout.session.completed",
        "customer.deleted",
        "invoice.finalized",
        "invoice.paid",
        "invoice.payment_failed",
        *(
            f"customer.subscription.{verb}"
            for verb in ("created", "updated", "deleted", "paused", "resumed")
        ),
    }
)


class WebhookOff(Unavailable):
    code = "webhook_off"
    detail = "Webhooks are not set up here: STRIPE_WEBHOOK_SECRET is not set."


class SignatureInvalid(Invalid):
    code = "signature_invalid"
    detail = "This is not a fresh message of Stripe's."


class EventInvalid(Invalid):
    code = "event_invalid"
    detail = "This is no event."


@dataclass(frozen=True, slots=True)
class IncomingEvent:
    """A genuine event, of which only these are relied on; `content` is stored."""

    id: str
    type: str
    is_live: bool
    customer_id: str
    content: dict[str, Any]

    @property
    def is_for_us(self) -> bool:
        """Whether anything here depends on it. Test events at a live site do not count."""
        return self.is_live == settings.STRIPE_LIVE_MODE and self.type in HANDLED


def receive(*, body: bytes, signature: str) -> None:
    """Do what a delivery of Stripe's asks for; when this returns, it is committed.

    A second delivery does nothing. Raises `BillingOff`, `WebhookOff`, `SignatureInvalid`,
    `EventInvalid`, or what `handle` raises, and then has stored nothing: Stripe delivers again
    for three days.
    """
    secret_key()
    if not settings.STRIPE_WEBHOOK_SECRETS:
        raise WebhookOff
    require_genuine(body, signature)
    handle(parse(body))


def require_genuine(body: bytes, signature: str) -> None:
    """Raise `SignatureInvalid` unless one of our secrets signed `body` within five minutes.

    https://docs.stripe.com/webhooks#verify-manually; its library lets any future time pass.
    """
    fits = any(_is_signed(body, signature, secret) for secret in settings.STRIPE_WEBHOOK_SECRETS)
    if not fits or _signed_at(signature) > time.time() + TOLERANCE_SECONDS:
        raise SignatureInvalid


def _is_signed(body: bytes, signature: str, secret: str) -> bool:
    # Beyond what it names, odd headers make the library trip over their types.
    with suppress(stripe.SignatureVerificationError, ValueError, TypeError):
        stripe.WebhookSignature.verify_header(body, signature, secret, TOLERANCE_SECONDS)
        return True
    return False


def _signed_at(signature: str) -> float:
    parts = [part.partition("=") for part in signature.split(",")]
    return float(next(value for name, _, value in parts if name == "t"))


def parse(body: bytes) -> IncomingEvent:
    """The event in `body`; raises `EventInvalid`. NULs, which no column can hold, are left out."""
    try:
        return read_event(orjson.loads(without_nul(body)))
    except (orjson.JSONDecodeError, UnicodeDecodeError) as error:
        raise EventInvalid from error


def read_event(content: Any) -> IncomingEvent:
    """What an event says of itself; raises `EventInvalid` for what is none."""
    try:
        about = content["data"]["object"]
        event_id, event_type = content["id"], content["type"]
        customer = about.get("id") if about["object"] == "customer" else about.get("customer")
    except (KeyError, TypeError, AttributeError) as error:
        raise EventInvalid from error
    if content.get("object") != "event" or not _is_text(event_id, ID_MAX):
        raise EventInvalid
    if not _is_text(event_type, TYPE_MAX):
        raise EventInvalid
    customer_id = customer.get("id") if isinstance(customer, Mapping) else customer
    return IncomingEvent(
        id=event_id,
        type=event_type,
        is_live=bool(content.get("livemode")),
        customer_id=str(customer_id or event_id),
        content=content,
    )


def _is_text(value: Any, longest: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= longest


def handle(event: IncomingEvent) -> bool:
    """Mirror what an event is about, once; False when there was nothing to do.

    Raises `StripeUnavailable` or `BillingOff`, with nothing stored.
    """
    if not event.is_for_us or _is_done(event):
        return False
    try:
        with calling() as key, transaction.atomic():
            lock_customer(event.customer_id)
            forget_former_keys(key)
            Event.process(event.content, api_key=key)
    except GoneAtStripe:
        # Delivering it again would not bring the object back.
        logger.warning("A Stripe event is about what is gone", extra={"event": event.id})
        return False
    except StripeBusy:
        # Perhaps it was copies of itself that it waited for.
        if _is_done(event):
            return False
        raise
    return True


def _is_done(event: IncomingEvent) -> bool:
    return bool(Event.objects.filter(id=event.id).exists())


def replay_as_staff(*, event_id: int, actor: User) -> None:
    """Have an event that is stored take its effect again, and note who asked. For staff.

    It reads from Stripe what the event is about, so an old one does no harm.
    """
    event = Event.objects.get(pk=event_id)
    incoming = read_event({**event.stripe_data, "data": event.data, "object": "event"})
    with calling() as key, transaction.atomic():
        lock_customer(incoming.customer_id)
        forget_former_keys(key)
        event.invoke_webhook_handlers()
        audit.record(
            action="stripe_event.replayed_by_staff",
            target=f"stripe_event:{event.pk}",
            actor_id=actor.pk,
            actor_name=actor.username,
            stripe_id=event.id,
            type=event.type,
        )
