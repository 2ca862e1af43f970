"""What a webhook of Stripe's costs the web processes, and the same one a second time."""

import http.client
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from benchmarks.client import PATIENCE_SECONDS, Client
from benchmarks.processes import cpu_seconds
from benchmarks.readings import Reading
from benchmarks.requests import PASSWORD
from benchmarks.server import CannotMeasure, Server, Variant, new_server
from benchmarks.telling import tell
from billing.tests.fake_stripe.fake import FakeStripe

EVENTS = 100
WARMING = 20
ROUNDS = 3
WEBHOOK_MS, DUPLICATE_MS = 40, 5
WEBHOOK = "/api/billing/webhook"
URLS = {"success_url": "https://app.example/", "cancel_url": "https://app.example/"}

Message = tuple[bytes, dict[str, str]]


def measure_webhooks(server: Server) -> list[Reading]:
    """Deliver changes of a subscription, each twice, to a server that has a stand-in for Stripe.

    The stand-in runs in this process, so what it does costs the web processes nothing.
    """
    Client(server.port, server.users[0].token).require("/api/billing/invoices")
    with stand_in() as stripe, new_server(with_stripe(server, stripe)) as own:
        own.start()
        own.settle()
        subscription = subscribe(own, stripe)
        deliver(own.port, changes(stripe, subscription, WARMING))
        figures = [measure_round(own, stripe, subscription) for _ in range(ROUNDS)]
    return [
        Reading("webhook, warm: CPU of web, ms", min(new for new, _ in figures), WEBHOOK_MS),
        Reading("its duplicate: CPU of web, ms", min(old for _, old in figures), DUPLICATE_MS),
    ]


@contextmanager
def stand_in() -> Iterator[FakeStripe]:
    """A stand-in for Stripe for the time of the block."""
    stripe = FakeStripe()
    stripe.start()
    try:
        yield stripe
    finally:
        stripe.stop()


def with_stripe(server: Server, stripe: FakeStripe) -> Variant:
    """The variant that is measured, told where Stripe is."""
    told = {
        "STRIPE_API_BASE": stripe.url,
        "STRIPE_SECRET_KEY": stripe.secret_key,
        "STRIPE_WEBHOOK_SECRET": stripe.webhook_secret,
    }
    return replace(server.variant, environ=server.variant.environ | told)


def subscribe(server: Server, stripe: FakeStripe) -> str:
    """Have a new user subscribe; returns the id of the subscription at Stripe."""
    name = f"payer-{secrets.token_hex(4)}"
    fields = {"username": name, "email": f"{name}@example.com", "password": PASSWORD}
    token = Client(server.port, "").post("/api/auth/register", fields, status=201)["access_token"]
    session = Client(server.port, token).post("/api/billing/checkout", URLS)["session_id"]
    events = stripe.pay(session)
    deliver(server.port, [stripe.signed(event) for event in events])
    return str(stripe.get(session)["subscription"])


def changes(stripe: FakeStripe, subscription: str, number: int) -> list[Message]:
    """So many signed messages that the subscription was updated."""
    return [
        stripe.signed(event)
        for _ in range(number)
        for event in stripe.set_subscription(subscription, description=secrets.token_hex(8))
    ]


def measure_round(server: Server, stripe: FakeStripe, subscription: str) -> tuple[float, float]:
    """CPU milliseconds of the web processes for a message, and for the same one again."""
    messages = changes(stripe, subscription, EVENTS)
    new, again = (cpu_of(server, messages) for _ in range(2))
    tell(f"webhook {new:.1f} ms CPU, again {again:.1f} ms")
    return new, again


def cpu_of(server: Server, messages: Sequence[Message]) -> float:
    """CPU milliseconds of the web processes for each message."""
    web = server.groups()["web"]
    before = cpu_seconds(web)
    deliver(server.port, messages)
    return (cpu_seconds(web) - before) * 1000 / len(messages)


def deliver(port: int, messages: Sequence[Message]) -> None:
    """Post messages, one after the other on one connection, each of which must be taken."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        for body, headers in messages:
            connection.request("POST", WEBHOOK, body, headers)
            response = connection.getresponse()
            said = response.read()
            if response.status != 200:
                raise CannotMeasure(f"A webhook was answered {response.status}: {said[:300]!r}")
    finally:
        connection.close()
