"""A subscription's life at the stand-in, as Stripe's documentation tells it."""

from datetime import UTC, datetime

import pytest
from stripe import CardError, InvalidRequestError

from billing.tests.fake_stripe.calendar_steps import end_of_period
from billing.tests.fake_stripe.errors import Refused
from billing.tests.fake_stripe.shopper import NotOpen

DAY = 24 * 3600
DECLINED = "4000 0000 0000 0002"


def ada(sdk):
    return sdk.v1.customers.create({"email": "ada@example.com"}).id


def session_of(stripe, sdk, customer, **extra):
    return sdk.v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "customer": customer,
            "line_items": [{"price": stripe.monthly_price, "quantity": 1}],
            "success_url": "https://app.example.com/done",
            **extra,
        }
    )


def subscribed(stripe, sdk):
    """A customer, and the subscription they have."""
    customer = ada(sdk)
    stripe.subscribe(customer)
    return customer, stripe.subscriptions(customer)[0]


def types(events):
    return [event["type"] for event in events]


def test_paying_makes_a_subscription_an_invoice_and_their_events(stripe, sdk):
    customer = ada(sdk)
    session = session_of(stripe, sdk, customer, client_reference_id="7")

    events = stripe.pay(session.id)

    assert session.id.startswith("cs_test_")
    assert types(events) == [
        "payment_method.attached",
        "customer.updated",
        "customer.subscription.created",
        "invoice.created",
        "invoice.finalized",
        "invoice.paid",
        "invoice.payment_succeeded",
        "checkout.session.completed",
    ]
    done = sdk.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription", "invoice"]})
    assert (done.status, done.payment_status, done.url) == ("complete", "paid", None)
    assert (done.subscription.status, done.invoice.amount_paid) == ("active", 4999)
    assert done.client_reference_id == "7"


def test_a_declined_card_leaves_the_session_open_and_makes_nothing(stripe, sdk):
    customer = ada(sdk)
    session = session_of(stripe, sdk, customer)

    with pytest.raises(Refused, match="declined"):
        stripe.pay(session.id, card=DECLINED)

    assert stripe.get(session.id)["status"] == "open"
    assert stripe.subscriptions(customer) == []


def test_a_session_is_paid_once_and_not_after_it_expired(stripe, sdk):
    customer = ada(sdk)
    paid, expired = session_of(stripe, sdk, customer), session_of(stripe, sdk, customer)
    stripe.pay(paid.id)
    sdk.v1.checkout.sessions.expire(expired.id)

    for session in (paid, expired):
        with pytest.raises(NotOpen):
            stripe.pay(session.id)
        with pytest.raises(InvalidRequestError, match="can be expired"):
            sdk.v1.checkout.sessions.expire(session.id)

    assert len(stripe.subscriptions(customer)) == 1


def test_a_session_expires_after_a_day(stripe, sdk):
    session = session_of(stripe, sdk, ada(sdk))

    stripe.advance(days=1)

    assert sdk.v1.checkout.sessions.retrieve(session.id).status == "expired"
    assert types(stripe.events)[-1] == "checkout.session.expired"


def test_a_renewal_moves_the_period_and_is_paid(stripe, sdk):
    _, before = subscribed(stripe, sdk)

    events = stripe.end_period(before["id"])

    after = stripe.get(before["id"])
    item, old_item = after["items"]["data"][0], before["items"]["data"][0]
    assert item["current_period_start"] == old_item["current_period_end"]
    assert after["status"] == "active"
    assert types(events) == [
        "invoice.created",
        "invoice.finalized",
        "customer.subscription.updated",
        "invoice.paid",
        "invoice.payment_succeeded",
    ]


def test_a_declined_renewal_is_tried_again_and_the_new_card_saves_it(stripe, sdk):
    customer, subscription = subscribed(stripe, sdk)
    stripe.decline_next_payment(customer)

    stripe.end_period(subscription["id"])
    past_due = stripe.get(subscription["id"])["status"]
    events = stripe.advance(days=3)

    assert past_due == "past_due"
    assert types(events) == [
        "invoice.paid",
        "invoice.payment_succeeded",
        "customer.subscription.updated",
    ]
    assert stripe.get(subscription["id"])["status"] == "active"


@pytest.mark.parametrize("outcome", ["canceled", "unpaid"])
def test_after_three_more_attempts_it_ends_as_the_account_is_set_to(stripe, sdk, outcome):
    customer, subscription = subscribed(stripe, sdk)
    stripe.world.after_retries = outcome
    stripe.decline_next_payment(customer, times=4)

    stripe.end_period(subscription["id"])
    stripe.advance(days=15)

    assert stripe.get(subscription["id"])["status"] == outcome
    assert len(stripe.events_of("invoice.payment_failed")) == 4


def test_cancelling_at_period_end_keeps_it_until_then(stripe, sdk):
    _, subscription = subscribed(stripe, sdk)
    end = subscription["items"]["data"][0]["current_period_end"]

    set_to_end = sdk.v1.subscriptions.update(subscription["id"], {"cancel_at_period_end": True})
    events = stripe.end_period(subscription["id"])

    assert (set_to_end.status, set_to_end.cancel_at) == ("active", end)
    assert types(events) == ["customer.subscription.deleted"]
    assert stripe.get(subscription["id"])["ended_at"] >= end


def test_a_cancellation_is_taken_back_in_either_way(stripe, sdk):
    _, subscription = subscribed(stripe, sdk)
    for back in ({"cancel_at_period_end": False}, {"cancel_at": ""}):
        sdk.v1.subscriptions.update(subscription["id"], {"cancel_at_period_end": True})

        kept = sdk.v1.subscriptions.update(subscription["id"], back)

        assert (kept.cancel_at_period_end, kept.cancel_at, kept.canceled_at) == (False, None, None)


def test_a_subscription_ends_at_the_moment_that_was_set(stripe, sdk):
    _, subscription = subscribed(stripe, sdk)
    moment = stripe.world.now() + 10 * DAY
    sdk.v1.subscriptions.update(subscription["id"], {"cancel_at": moment})

    stripe.advance(days=9)
    still = stripe.get(subscription["id"])["status"]
    stripe.advance(days=2)

    assert (still, stripe.get(subscription["id"])["status"]) == ("active", "canceled")


def test_what_is_canceled_stays_so(stripe, sdk):
    _, subscription = subscribed(stripe, sdk)
    sdk.v1.subscriptions.cancel(subscription["id"])

    with pytest.raises(InvalidRequestError, match="No such subscription"):
        sdk.v1.subscriptions.cancel(subscription["id"])
    with pytest.raises(InvalidRequestError, match="canceled subscription"):
        sdk.v1.subscriptions.update(subscription["id"], {"cancel_at_period_end": True})

    assert stripe.advance(days=90) == []


def test_a_trial_is_free_until_it_ends(stripe, sdk):
    customer = ada(sdk)
    stripe.subscribe(customer, trial_days=7)
    (subscription,) = stripe.subscriptions(customer)

    stripe.advance(days=8)

    paid = [event["data"]["object"]["amount_paid"] for event in stripe.events_of("invoice.paid")]
    assert (subscription["status"], paid) == ("trialing", [0, 4999])
    assert stripe.get(subscription["id"])["status"] == "active"


def test_a_deleted_customer_has_no_subscription_and_buys_nothing(stripe, sdk):
    customer, subscription = subscribed(stripe, sdk)

    events = stripe.delete_customer(customer)

    assert types(events) == ["customer.subscription.deleted", "customer.deleted"]
    assert sdk.v1.customers.retrieve(customer).deleted is True
    assert stripe.get(subscription["id"])["status"] == "canceled"
    with pytest.raises(InvalidRequestError, match="No such customer") as refused:
        session_of(stripe, sdk, customer)
    assert refused.value.http_status == 400


def test_an_event_tells_what_changed_and_by_which_request(stripe, sdk):
    _, subscription = subscribed(stripe, sdk)

    sdk.v1.subscriptions.update(
        subscription["id"], {"cancel_at_period_end": True}, {"idempotency_key": "mine"}
    )

    event = stripe.events[-1]
    assert event["data"]["previous_attributes"]["cancel_at_period_end"] is False
    assert event["request"]["idempotency_key"] == "mine"


def test_a_subscription_made_by_the_api_needs_a_card(stripe, sdk):
    customer = ada(sdk)
    order = {"customer": customer, "items": [{"price": stripe.monthly_price}]}
    with pytest.raises(InvalidRequestError, match="no attached payment source"):
        sdk.v1.subscriptions.create(order)

    sdk.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
    card = {"invoice_settings": {"default_payment_method": "pm_card_visa"}}
    sdk.v1.customers.update(customer, card)

    assert sdk.v1.subscriptions.create(order).status == "active"
    with pytest.raises(CardError):
        sdk.v1.payment_methods.attach("pm_card_chargeDeclined", {"customer": customer})


def test_a_test_clock_moves_its_own_customers_only(stripe, sdk):
    _, other = subscribed(stripe, sdk)
    clock = sdk.v1.test_helpers.test_clocks.create({"frozen_time": 1_800_000_000})
    customer = sdk.v1.customers.create({"test_clock": clock.id}).id
    stripe.subscribe(customer)
    later = {"frozen_time": 1_800_000_000 + 32 * DAY}

    sdk.v1.test_helpers.test_clocks.advance(clock.id, later)

    (moved,) = stripe.subscriptions(customer)
    assert len(sdk.v1.invoices.list({"subscription": moved["id"]}).data) == 2
    assert stripe.get(other["id"]) == other


@pytest.mark.parametrize(
    ("interval", "start", "end"),
    [
        ("month", (2027, 1, 31), (2027, 2, 28)),
        ("month", (2026, 12, 5), (2027, 1, 5)),
        ("year", (2028, 2, 29), (2029, 2, 28)),
        ("week", (2026, 12, 30), (2027, 1, 6)),
        ("day", (2026, 12, 31), (2027, 1, 1)),
    ],
)
def test_periods_end_on_the_same_day_or_the_last_of_the_month(interval, start, end):
    price = {"recurring": {"interval": interval, "interval_count": 1}}

    ended = end_of_period(int(datetime(*start, tzinfo=UTC).timestamp()), price)

    assert datetime.fromtimestamp(ended, UTC) == datetime(*end, tzinfo=UTC)
