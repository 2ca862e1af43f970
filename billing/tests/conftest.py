"""Billing against the stand-in for Stripe, over real HTTP on loopback."""

from collections.abc import Iterator

import pytest
import stripe as stripe_sdk

from billing.tests.fake_stripe.fake import FakeStripe

WEBHOOK_PATH = "/api/billing/webhook"


@pytest.fixture(scope="session")
def fake_stripe_server() -> Iterator[FakeStripe]:
    fake = FakeStripe()
    fake.start()
    yield fake
    fake.stop()


@pytest.fixture
def stripe(fake_stripe_server, settings, monkeypatch) -> Iterator[FakeStripe]:
    """Stripe, with an empty account and the settings that lead to it.

    The test fails when a call came that the stand-in does not know, or at which it broke.
    """
    fake = fake_stripe_server
    fake.reset()
    settings.STRIPE_SECRET_KEY = fake.secret_key
    settings.STRIPE_LIVE_MODE = False
    settings.STRIPE_WEBHOOK_SECRETS = [fake.webhook_secret]
    settings.STRIPE_API_BASE = fake.url
    monkeypatch.setattr(stripe_sdk, "api_base", fake.url)
    yield fake
    fake.faults.clear()
    assert fake.api.unserved == []
    assert fake.api.crashes == []


@pytest.fixture
def deliver(stripe):
    """`deliver(client, *events)`: hand signed events to the webhook; returns the answers."""

    def deliver_to(client, *events):
        return [post_event(client, *stripe.signed(event)) for event in events]

    return deliver_to


def post_event(client, body, headers):
    """One delivery, of any body and headers."""
    return client.generic(
        "POST", WEBHOOK_PATH, body, content_type="application/json", headers=headers
    )


@pytest.fixture
def sdk(stripe) -> stripe_sdk.StripeClient:
    """Stripe's own client, without retries, pointed at the stand-in."""
    return stripe_sdk.StripeClient(
        stripe.secret_key, base_addresses={"api": stripe.url}, max_network_retries=0
    )
