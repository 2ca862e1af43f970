"""Every call of the stand-in through Stripe's own client, so that its paths are Stripe's."""

import pytest

from billing.tests.fake_stripe.routing import ROUTES

NOW = 1_800_000_000


class Scene:
    """The ids that the calls below are about."""

    def __init__(self, stripe, sdk):
        self.stripe, self.sdk = stripe, sdk.v1
        clock = self.sdk.test_helpers.test_clocks.create({"frozen_time": NOW})
        customer = self.sdk.customers.create({"email": "ada@example.com", "test_clock": clock.id})
        self.clock, self.customer, self.price = clock.id, customer.id, stripe.monthly_price
        self.product = self.sdk.prices.retrieve(self.price).product
        self.session = self.sdk.checkout.sessions.create(self.order()).id
        self.other_session = self.sdk.checkout.sessions.create(self.order()).id
        stripe.pay(self.session)
        self.subscription = self.sdk.subscriptions.list({"customer": self.customer}).data[0].id
        self.invoice = self.sdk.invoices.list({"customer": self.customer}).data[0].id
        self.event = stripe.events[0]["id"]
        self.card = self.sdk.payment_methods.list({"customer": self.customer}).data[0].id

    def owed(self):
        """The invoice of a renewal that was declined."""
        self.stripe.decline_next_payment(self.customer)
        later = {"frozen_time": NOW + 32 * 24 * 3600}
        self.sdk.test_helpers.test_clocks.advance(self.clock, later)
        return self.sdk.invoices.list({"customer": self.customer, "status": "open"}).data[0].id

    def order(self):
        return {
            "mode": "subscription",
            "customer": self.customer,
            "line_items": [{"price": self.price, "quantity": 1}],
            "success_url": "https://app.example.com/done",
        }


@pytest.fixture
def scene(stripe, sdk):
    made = Scene(stripe, sdk)
    stripe.requests.clear()
    return made


CALLS = {
    "GET /v1/account": lambda s: s.sdk.accounts.retrieve_current(),
    "POST /v1/customers": lambda s: s.sdk.customers.create({"name": "Ada"}),
    "GET /v1/customers": lambda s: s.sdk.customers.list({"email": "ada@example.com"}),
    "GET /v1/customers/{customer}": lambda s: s.sdk.customers.retrieve(s.customer),
    "POST /v1/customers/{customer}": lambda s: s.sdk.customers.update(s.customer, {"name": "B"}),
    "DELETE /v1/customers/{customer}": lambda s: s.sdk.customers.delete(s.customer),
    "GET /v1/payment_methods": lambda s: s.sdk.payment_methods.list({"customer": s.customer}),
    "GET /v1/payment_methods/{payment_method}": lambda s: s.sdk.payment_methods.retrieve(s.card),
    "POST /v1/payment_methods/{payment_method}/attach": lambda s: s.sdk.payment_methods.attach(
        "pm_card_visa", {"customer": s.customer}
    ),
    "POST /v1/products": lambda s: s.sdk.products.create({"name": "Team"}),
    "GET /v1/products": lambda s: s.sdk.products.list({"active": True}),
    "GET /v1/products/{product}": lambda s: s.sdk.products.retrieve(s.product),
    "GET /v1/products/{product}/features": lambda s: s.sdk.products.features.list(s.product),
    "POST /v1/prices": lambda s: s.sdk.prices.create(
        {"currency": "usd", "unit_amount": 1, "product": s.product}
    ),
    "GET /v1/prices": lambda s: s.sdk.prices.list({"lookup_keys": ["pro_monthly"]}),
    "GET /v1/prices/{price}": lambda s: s.sdk.prices.retrieve(s.price),
    "POST /v1/prices/{price}": lambda s: s.sdk.prices.update(s.price, {"active": False}),
    "POST /v1/checkout/sessions": lambda s: s.sdk.checkout.sessions.create(s.order()),
    "GET /v1/checkout/sessions": lambda s: s.sdk.checkout.sessions.list({"status": "open"}),
    "GET /v1/checkout/sessions/{session}": lambda s: s.sdk.checkout.sessions.retrieve(s.session),
    "GET /v1/checkout/sessions/{session}/line_items": (
        lambda s: s.sdk.checkout.sessions.line_items.list(s.session)
    ),
    "POST /v1/checkout/sessions/{session}/expire": (
        lambda s: s.sdk.checkout.sessions.expire(s.other_session)
    ),
    "POST /v1/subscriptions": lambda s: s.sdk.subscriptions.create(
        {"customer": s.customer, "items": [{"price": s.price}]}
    ),
    "GET /v1/subscriptions": lambda s: s.sdk.subscriptions.list({"customer": s.customer}),
    "GET /v1/subscriptions/{subscription}": lambda s: s.sdk.subscriptions.retrieve(s.subscription),
    "POST /v1/subscriptions/{subscription}": lambda s: s.sdk.subscriptions.update(
        s.subscription, {"cancel_at_period_end": True}
    ),
    "DELETE /v1/subscriptions/{subscription}": (
        lambda s: s.sdk.subscriptions.cancel(s.subscription)
    ),
    "GET /v1/invoices": lambda s: s.sdk.invoices.list({"customer": s.customer}),
    "GET /v1/invoices/{invoice}": lambda s: s.sdk.invoices.retrieve(s.invoice),
    "GET /v1/invoices/{invoice}/lines": lambda s: s.sdk.invoices.line_items.list(s.invoice),
    "POST /v1/invoices/{invoice}/pay": lambda s: s.sdk.invoices.pay(s.owed()),
    "POST /v1/billing_portal/sessions": lambda s: s.sdk.billing_portal.sessions.create(
        {"customer": s.customer}
    ),
    "GET /v1/events": lambda s: s.sdk.events.list({"created": {"gte": NOW}}),
    "GET /v1/events/{event}": lambda s: s.sdk.events.retrieve(s.event),
    "POST /v1/test_helpers/test_clocks": lambda s: s.sdk.test_helpers.test_clocks.create(
        {"frozen_time": NOW}
    ),
    "GET /v1/test_helpers/test_clocks/{test_clock}": (
        lambda s: s.sdk.test_helpers.test_clocks.retrieve(s.clock)
    ),
    "POST /v1/test_helpers/test_clocks/{test_clock}/advance": (
        lambda s: s.sdk.test_helpers.test_clocks.advance(s.clock, {"frozen_time": NOW + 1})
    ),
    "DELETE /v1/test_helpers/test_clocks/{test_clock}": (
        lambda s: s.sdk.test_helpers.test_clocks.delete(s.clock)
    ),
}


def test_no_call_is_left_out_here():
    assert set(CALLS) == {f"{route.method} {route.path}" for route in ROUTES}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_of_the_client_comes_to_its_route_and_is_answered(stripe, scene, name):
    route = next(each for each in ROUTES if f"{each.method} {each.path}" == name)

    answer = CALLS[name](scene)

    assert answer.object
    assert route.match(stripe.requests[-1].method, stripe.requests[-1].path) is not None
