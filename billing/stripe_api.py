"""The one door to Stripe: whose key, how long at most, and what its errors mean here.

Nothing else in the project may hold a key or let an error of Stripe's out: the library answers
with texts that quote keys, sends requests without one, and waits for minutes.
"""

import logging
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import stripe
from django.conf import settings

from alice.common.errors import DomainError, Unavailable

logger = logging.getLogger("alice.stripe")

CONNECT_SECONDS, ANSWER_SECONDS = 3.05, 10.0
SLOT_SECONDS = 5.0
# A NUL as JSON writes it, after an even number of backslashes. PostgreSQL cannot keep one.
NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


class BillingOff(Unavailable):
    code = "billing_off"
    detail = "Billing is not set up here: STRIPE_SECRET_KEY is not set."


class StripeUnavailable(Unavailable):
    code = "stripe_unavailable"
    detail = "The payment service does not answer. Nothing was changed; try again shortly."


class StripeBusy(StripeUnavailable):
    detail = "The payment service is slow at the moment. Try again shortly."


class StripeRefused(DomainError):
    """Stripe does not accept what was asked; `stripe_code` is its own word for why."""

    code = "stripe_refused"
    status = 400
    detail = "The payment service does not accept this."

    def __init__(self, detail: str | None = None, *, stripe_code: str = "") -> None:
        self.stripe_code = stripe_code
        super().__init__(detail)


class GoneAtStripe(StripeRefused):
    at_stripe = "resource_missing"  # its word for it
    code = "gone_at_stripe"
    detail = "The payment service does not know this any more."


class PaymentRefused(DomainError):
    code = "payment_refused"
    status = 402
    detail = "The payment was refused. Use another card, or ask your bank."


class _Call(threading.local):
    """Until when the calls of this thread have to be done."""

    ends_at: float | None = None

    def seconds_left(self) -> float:
        return ANSWER_SECONDS if self.ends_at is None else self.ends_at - time.monotonic()


_call = _Call()


class BoundedClient(stripe.RequestsClient):
    """Stripe's HTTP client, for which no request is longer than what is left of the time."""

    def request(self, *args: Any, **kwargs: Any) -> Any:
        if _call.seconds_left() <= 0:
            raise stripe.APIConnectionError("The time is over.")  # type: ignore[no-untyped-call]
        content, status, headers = super().request(*args, **kwargs)
        return without_nul(content), status, headers

    @property
    def _timeout(self) -> tuple[float, float]:
        left = max(0.1, _call.seconds_left())
        return min(CONNECT_SECONDS, left), min(ANSWER_SECONDS, left)

    @_timeout.setter
    def _timeout(self, value: object) -> None:
        """What the constructor would set."""

    def _should_retry(
        self, response: Any, api_connection_error: Any, num_retries: int, limit: int | None
    ) -> bool:
        wanted = super()._should_retry(response, api_connection_error, num_retries, limit)
        return wanted and _call.seconds_left() > 1


def install() -> None:
    """Set up Stripe's library for this process: bounded, one retry, nothing told about us."""
    stripe.default_http_client = BoundedClient()
    stripe.max_network_retries = 1
    stripe.enable_telemetry = False
    if settings.STRIPE_API_BASE:
        stripe.api_base = settings.STRIPE_API_BASE


def without_nul(text: bytes) -> bytes:
    """JSON without the NUL characters in its strings, which no column can hold."""
    return NUL.sub(rb"\1", text) if b"\\u0000" in text else text


def secret_key() -> str:
    """The key of this installation. Raises `BillingOff`: the library would call without one."""
    key: str = settings.STRIPE_SECRET_KEY
    if not key:
        raise BillingOff
    return key


@cache
def _slots(size: int) -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(size)


@contextmanager
def calling() -> Iterator[str]:
    """Within the block Stripe may be called, with the key that it yields.

    All calls together take at most `STRIPE_CALL_SECONDS`, and only some threads of a process may
    be inside: a Stripe that hangs must not take the others along. Raises `BillingOff`,
    `StripeUnavailable`, `StripeRefused`, `GoneAtStripe` or `PaymentRefused`.
    """
    key = secret_key()
    if _call.ends_at is not None:
        yield key
        return
    slots = _slots(settings.STRIPE_CALLS_AT_ONCE)
    if not slots.acquire(timeout=SLOT_SECONDS):
        raise StripeBusy
    _call.ends_at = time.monotonic() + settings.STRIPE_CALL_SECONDS
    try:
        yield key
    except stripe.StripeError as error:
        raise _known(error) from error
    finally:
        _call.ends_at = None
        slots.release()


def _known(error: stripe.StripeError) -> DomainError:
    facts = {
        "fault": type(error).__name__,
        "stripe_code": error.code,
        "stripe_status": error.http_status,
        "stripe_request": error.request_id,
        "parameter": getattr(error, "param", None),
    }
    if isinstance(error, stripe.CardError):
        return PaymentRefused()
    if isinstance(error, stripe.InvalidRequestError | stripe.IdempotencyError):
        logger.warning("Stripe refused a request", extra=facts)
        kind = GoneAtStripe if error.code == GoneAtStripe.at_stripe else StripeRefused
        return kind(stripe_code=error.code or "")
    logger.error("Stripe cannot be used", extra=facts)
    return StripeUnavailable()
