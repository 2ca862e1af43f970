"""The stand-in is complete enough for dj-stripe, which looks closely at what it is told."""

import pytest
from djstripe.models import Event, Invoice, Session, Subscription

pytestmark = pytest.mark.django_db


def bought(stripe, sdk):
    """The events of a customer who has just paid at the hosted page."""
    customer = sdk.v1.customers.create({"email": "ada@example.com"})
    session = sdk.v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "customer": customer.id,
            "line_items": [{"price": stripe.monthly_price, "quantity": 1}],
            "success_url": "https://app.example.com/done",
        }
    )
    return stripe.pay(session.id)


def test_djstripe_takes_every_event_of_a_subscriptions_life(stripe, sdk):
    events = bought(stripe, sdk)
    customer = events[-1]["data"]["object"]["customer"]
    stripe.decline_next_payment(customer, times=9)
    events += stripe.advance(days=60)

    for event in stripe.events:
        Event.process(event, api_key=stripe.secret_key)

    assert Event.objects.count() == len(stripe.events) == 18
    assert Subscription.objects.get().status == "canceled"
    assert Session.objects.get().stripe_data["status"] == "complete"
    assert [i.stripe_data["status"] for i in Invoice.objects.order_by("created")] == [
        "paid",
        "open",
    ]


def test_djstripe_takes_the_events_backwards_too(stripe, sdk):
    subscription = bought(stripe, sdk)[-1]["data"]["object"]["subscription"]
    stripe.cancel_subscription(subscription)

    for event in reversed(stripe.events):
        Event.process(event, api_key=stripe.secret_key)

    assert Subscription.objects.get(id=subscription).status == "canceled"
