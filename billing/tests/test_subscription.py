"""The life of a subscription: seen, cancelled, taken back, ended; and what tier it gives."""

from datetime import datetime, timedelta

import pytest
from djstripe.models import Subscription

from alice.common.tests.kit import allow
from alice.common.tiers import tiers_of
from billing.models import Standing
from billing.selectors import major_units
from billing.tests.kit import (
    CANCEL,
    CHECKOUT,
    INVOICES,
    NOW,
    REACTIVATE,
    SUBSCRIPTION,
    URLS,
    bought,
    customer_id_of,
    limit_of,
    status_of,
    subscribed,
)

pytestmark = pytest.mark.django_db
FREE, PRO = 600, 6000


@pytest.fixture(autouse=True)
def limits(settings):
    allow(settings, free=FREE, pro=PRO)


def canceled(client, **query):
    suffix = "".join(f"?{name}={value}" for name, value in query.items())
    return client.post(f"{CANCEL}{suffix}")


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        *(("get", path) for path in (SUBSCRIPTION, INVOICES, "/api/billing/plans")),
        *(("post", path) for path in (CHECKOUT, CANCEL, REACTIVATE, "/api/billing/portal")),
    ],
)
def test_who_is_not_signed_in_is_sent_away(anonymous, stripe, verb, path):
    answer = getattr(anonymous, verb)(path, URLS if verb == "post" else None)

    assert answer.status_code == 401
    assert stripe.requests == []


def test_before_any_purchase_there_is_nothing(alice, stripe):
    answers = [alice.get(SUBSCRIPTION), alice.post(CANCEL), alice.post(REACTIVATE)]

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert {answer.json()["code"] for answer in answers} == {"no_subscription"}
    assert alice.get(INVOICES).json() == []
    assert stripe.requests == []


def test_a_purchase_is_seen_with_the_fields_of_the_contract(alice, stripe, deliver):
    stripe_id = subscribed(alice, stripe, deliver)

    shown = alice.get(SUBSCRIPTION).json()

    start, end = (
        datetime.fromisoformat(shown.pop(name))
        for name in ("current_period_start", "current_period_end")
    )
    assert timedelta(days=28) <= end - start <= timedelta(days=31)
    assert shown == {
        "id": Subscription.objects.get(id=stripe_id).pk,
        "status": "active",
        "cancel_at_period_end": False,
        "price": 49.99,
        "currency": "usd",
    }


def test_a_free_user_is_pro_at_the_next_request_and_free_right_after_the_end(
    alice, stripe, deliver
):
    before = limit_of(alice)
    subscribed(alice, stripe, deliver)
    bought_limit = limit_of(alice)

    assert canceled(alice, **NOW).status_code == 200

    assert (before, bought_limit, limit_of(alice)) == (FREE, PRO, FREE)


def test_asking_for_a_tier_costs_one_query_and_no_call(
    alice, stripe, deliver, django_assert_num_queries
):
    subscribed(alice, stripe, deliver)
    calls = len(stripe.requests)

    with django_assert_num_queries(1):
        assert tiers_of([alice.user.pk]) == {alice.user.pk: "pro"}

    assert len(stripe.requests) == calls


def test_seeing_a_subscription_costs_one_query_and_no_call(
    alice, stripe, deliver, django_assert_num_queries
):
    subscribed(alice, stripe, deliver)
    alice.get(SUBSCRIPTION)
    calls = len(stripe.requests)

    with django_assert_num_queries(1):
        alice.get(SUBSCRIPTION)

    assert len(stripe.requests) == calls


def test_a_stranger_neither_sees_nor_changes_it(alice, bob, stripe, deliver):
    stripe_id = subscribed(alice, stripe, deliver)
    calls = len(stripe.requests)

    answers = [bob.get(SUBSCRIPTION), bob.post(CANCEL), canceled(bob, **NOW), bob.post(REACTIVATE)]

    assert [answer.status_code for answer in answers] == [404, 404, 404, 404]
    assert bob.get(INVOICES).json() == []
    assert len(stripe.requests) == calls
    assert stripe.get(stripe_id)["status"] == "active"


def test_a_cancelled_subscription_runs_on_to_its_end(alice, stripe, deliver):
    stripe_id = subscribed(alice, stripe, deliver)

    answers = [alice.post(CANCEL) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.json()["cancel_at_period_end"] for answer in answers] == [True, True]
    assert alice.get(SUBSCRIPTION).json() == answers[1].json()
    assert (status_of(alice), limit_of(alice)) == ("active", PRO)
    assert stripe.get(stripe_id)["cancel_at_period_end"] is True


def test_a_cancellation_can_be_taken_back(alice, stripe, deliver):
    stripe_id = subscribed(alice, stripe, deliver)
    alice.post(CANCEL)

    answer = alice.post(REACTIVATE)

    assert (answer.status_code, answer.json()["cancel_at_period_end"]) == (200, False)
    assert stripe.get(stripe_id)["cancel_at_period_end"] is False


def test_a_date_of_end_is_an_end_and_can_be_taken_back(alice, stripe, deliver):
    stripe_id = subscribed(alice, stripe, deliver)
    end = stripe.get(stripe_id)["items"]["data"][0]["current_period_end"]
    deliver(alice, *stripe.set_subscription(stripe_id, cancel_at=end))
    assert alice.get(SUBSCRIPTION).json()["cancel_at_period_end"] is True

    assert alice.post(REACTIVATE).json()["cancel_at_period_end"] is False

    assert stripe.get(stripe_id)["cancel_at"] is None


def test_one_that_is_not_set_to_end_cannot_be_reactivated(alice, stripe, deliver):
    subscribed(alice, stripe, deliver)

    answer = alice.post(REACTIVATE)

    assert (answer.status_code, answer.json()["code"]) == (409, "cancel_not_scheduled")


def test_one_that_has_ended_can_be_neither_cancelled_nor_reactivated(alice, stripe, deliver):
    subscribed(alice, stripe, deliver)
    canceled(alice, **NOW)

    answers = [alice.post(CANCEL), canceled(alice, **NOW), alice.post(REACTIVATE)]

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert status_of(alice) == "canceled"


def test_an_end_at_once_needs_no_webhook(alice, stripe, deliver):
    subscribed(alice, stripe, deliver)

    answer = canceled(alice, **NOW)

    assert (answer.status_code, answer.json()["status"]) == (200, "canceled")
    assert (status_of(alice), limit_of(alice)) == ("canceled", FREE)


def test_one_that_ended_at_stripe_meanwhile_is_shown_as_ended(alice, stripe, deliver):
    stripe.cancel_subscription(subscribed(alice, stripe, deliver))

    answers = [alice.post(CANCEL), alice.get(SUBSCRIPTION)]

    assert [answer.json()["status"] for answer in answers] == ["canceled", "canceled"]
    assert limit_of(alice) == FREE


@pytest.mark.parametrize("word", ["maybe", "", "2"])
def test_a_flag_that_is_none_cancels_nothing(alice, stripe, deliver, word):
    stripe_id = subscribed(alice, stripe, deliver)

    assert canceled(alice, cancel_immediately=word).status_code == 400
    assert stripe.get(stripe_id)["cancel_at_period_end"] is False


def test_with_its_period_a_cancelled_subscription_ends(alice, stripe, deliver):
    stripe_id = subscribed(alice, stripe, deliver)
    alice.post(CANCEL)

    deliver(alice, *stripe.end_period(stripe_id))

    assert (status_of(alice), limit_of(alice)) == ("canceled", FREE)
    assert alice.post(CHECKOUT, URLS).status_code == 200


def test_a_renewal_moves_the_period_on(alice, stripe, deliver):
    stripe_id = subscribed(alice, stripe, deliver)
    first = alice.get(SUBSCRIPTION).json()

    deliver(alice, *stripe.end_period(stripe_id))

    second = alice.get(SUBSCRIPTION).json()
    assert second["current_period_start"] == first["current_period_end"]
    assert (second["id"], second["status"]) == (first["id"], "active")


def test_the_newest_that_runs_counts_and_not_the_newest(alice, stripe, deliver):
    running = subscribed(alice, stripe, deliver)
    stripe.advance(seconds=5)
    events = stripe.subscribe(customer_id_of(alice), price=stripe.yearly_price)
    (other,) = {event["data"]["object"]["id"] for event in events} & {
        subscription["id"] for subscription in stripe.subscriptions(customer_id_of(alice))
    }
    deliver(alice, *events)
    deliver(alice, *stripe.cancel_subscription(other))

    assert alice.get(SUBSCRIPTION).json()["id"] == Subscription.objects.get(id=running).pk
    assert limit_of(alice) == PRO


def test_a_customer_deleted_at_stripe_can_buy_again(alice, stripe, deliver):
    subscribed(alice, stripe, deliver)
    gone = customer_id_of(alice)

    answers = deliver(alice, *stripe.delete_customer(gone))

    assert {answer.status_code for answer in answers} == {200}
    assert limit_of(alice) == FREE
    assert Standing.objects.get(user=alice.user).status == ""
    assert alice.post(CHECKOUT, URLS).status_code == 200
    assert customer_id_of(alice) != gone
    deliver(alice, *stripe.pay(alice.post(CHECKOUT, URLS).json()["session_id"]))
    assert limit_of(alice) == PRO


def test_what_was_bought_in_test_mode_gives_nothing_at_a_live_site(
    alice, stripe, deliver, settings
):
    subscribed(alice, stripe, deliver)
    settings.STRIPE_LIVE_MODE = True

    assert alice.get(SUBSCRIPTION).status_code == 404


def test_an_amount_is_shown_in_its_currencys_own_unit():
    amounts = [major_units(4999, "usd"), major_units(4999, "jpy"), major_units(4999, "kwd")]

    assert amounts == [49.99, 4999.0, 4.999]


def test_events_that_nobody_got_are_no_subscription(alice, stripe):
    bought(alice, stripe)

    assert alice.get(SUBSCRIPTION).status_code == 404
    assert limit_of(alice) == FREE
