"""Grace, ends, and what is announced of them: by the row, never by a message alone."""

from datetime import timedelta

import pytest
from django.test import TestCase
from django.utils import timezone
from djstripe.models import Customer, Subscription

from alice.common import events as common_events
from alice.common.tests.kit import allow
from billing import events, tasks
from billing.models import Standing
from billing.services import tiers
from billing.tests.kit import (
    CANCEL,
    REACTIVATE,
    customer_id_of,
    limit_of,
    status_of,
    subscribed,
)

pytestmark = pytest.mark.django_db
FREE, PRO = 600, 6000
KINDS = [
    events.CancelScheduled,
    events.CancelWithdrawn,
    events.GraceEnded,
    events.PaymentFailed,
    events.PaymentRecovered,
    events.SubscriptionEnded,
    events.SubscriptionStarted,
    events.TierChanged,
]


@pytest.fixture(autouse=True)
def limits(settings):
    allow(settings, free=FREE, pro=PRO)


@pytest.fixture
def heard(monkeypatch):
    """Everything that billing announces, as it is announced."""
    told = []
    for kind in KINDS:
        handlers = [*common_events._handlers[kind], told.append]
        monkeypatch.setitem(common_events._handlers, kind, handlers)
    return told


def names(heard):
    return [type(event).__name__ for event in heard]


def past_due(client, stripe, deliver):
    """A client whose renewal was declined."""
    stripe_id = subscribed(client, stripe, deliver)
    stripe.decline_next_payment(customer_id_of(client), times=99)
    deliver(client, *stripe.end_period(stripe_id))
    return stripe_id


def standing_of(client):
    return Standing.objects.get(user=client.user)


def move_grace(client, by):
    """As if so much time had gone by since the payment failed."""
    standing = standing_of(client)
    standing.past_due_since -= by
    standing.grace_ends_at -= by
    standing.pro_until -= by
    standing.save()


def end_grace():
    with TestCase.captureOnCommitCallbacks(execute=True):
        return tasks.end_grace()


def test_a_beginning_is_announced_once(alice, stripe, deliver, heard):
    subscribed(alice, stripe, deliver)
    deliver(alice, *stripe.set_subscription(stripe.subscriptions(customer_id_of(alice))[0]["id"]))

    subscription = Subscription.objects.get().pk
    assert names(heard) == ["TierChanged", "SubscriptionStarted"]
    assert heard[0] == events.TierChanged(user_id=alice.user.pk, tier="pro", status="active")
    assert heard[1].subscription_id == subscription


def test_a_cancellation_and_its_withdrawal_are_announced(alice, stripe, deliver, heard):
    subscribed(alice, stripe, deliver)
    heard.clear()

    alice.post(CANCEL)
    alice.post(CANCEL)
    alice.post(REACTIVATE)

    assert names(heard) == ["CancelScheduled", "CancelWithdrawn"]
    assert heard[0].ends_at > timezone.now() + timedelta(days=27)


def test_an_end_is_announced(alice, stripe, deliver, heard):
    stripe_id = subscribed(alice, stripe, deliver)
    heard.clear()

    deliver(alice, *stripe.cancel_subscription(stripe_id))

    assert names(heard) == ["TierChanged", "SubscriptionEnded"]


def test_a_payment_that_failed_leaves_days_of_grace(alice, stripe, deliver, heard, settings):
    settings.BILLING_GRACE = timedelta(days=3)
    past_due(alice, stripe, deliver)

    standing = standing_of(alice)
    assert (status_of(alice), limit_of(alice)) == ("past_due", PRO)
    assert standing.grace_ends_at - standing.past_due_since == timedelta(days=3)
    assert names(heard)[-1] == "PaymentFailed"
    assert heard[-1].grace_ends_at == standing.grace_ends_at


def test_another_failed_try_neither_prolongs_the_grace_nor_tells_again(
    alice, stripe, deliver, heard
):
    stripe_id = past_due(alice, stripe, deliver)
    move_grace(alice, timedelta(days=2))
    ends_at = standing_of(alice).grace_ends_at
    heard.clear()

    deliver(alice, *stripe.set_subscription(stripe_id, description="tried again"))

    assert standing_of(alice).grace_ends_at == ends_at
    assert heard == []


def test_after_the_grace_the_tier_is_gone_and_told_of_once(alice, stripe, deliver, heard):
    past_due(alice, stripe, deliver)
    assert end_grace() == 0
    heard.clear()
    move_grace(alice, timedelta(days=3, seconds=1))

    ended = [end_grace(), end_grace()]

    assert ended == [1, 0]
    assert names(heard) == ["TierChanged", "GraceEnded"]
    assert (status_of(alice), limit_of(alice)) == ("past_due", FREE)


def test_the_tier_ends_with_the_moment_and_not_with_the_task(alice, stripe, deliver):
    past_due(alice, stripe, deliver)
    move_grace(alice, timedelta(days=3, seconds=1))

    assert standing_of(alice).tier_at(timezone.now()) == "free"


def test_news_after_the_grace_does_not_begin_it_anew(alice, stripe, deliver, heard):
    stripe_id = past_due(alice, stripe, deliver)
    move_grace(alice, timedelta(days=4))
    end_grace()
    heard.clear()

    deliver(alice, *stripe.set_subscription(stripe_id, description="still unpaid"))

    assert heard == []
    assert limit_of(alice) == FREE


@pytest.mark.parametrize("days", [0, 4])
def test_a_payment_in_the_end_brings_all_back(alice, stripe, deliver, heard, days):
    stripe_id = past_due(alice, stripe, deliver)
    move_grace(alice, timedelta(days=days))
    end_grace()
    heard.clear()

    deliver(alice, *stripe.set_subscription(stripe_id, status="active"))

    assert names(heard)[-1] == "PaymentRecovered"
    assert (limit_of(alice), standing_of(alice).grace_ends_at) == (PRO, None)


@pytest.mark.parametrize("status", ["unpaid", "paused", "incomplete", "incomplete_expired"])
def test_what_is_not_paid_gives_nothing(alice, stripe, deliver, status):
    stripe_id = subscribed(alice, stripe, deliver)

    deliver(alice, *stripe.set_subscription(stripe_id, status=status))

    assert (status_of(alice), limit_of(alice)) == (status, FREE)


def test_a_trial_is_paid_as_long_as_it_lasts(alice, stripe, deliver, heard):
    customer = customer_of_a_visitor(alice, stripe)
    deliver(alice, *stripe.subscribe(customer, trial_days=14))

    assert (status_of(alice), limit_of(alice)) == ("trialing", PRO)
    assert names(heard) == ["TierChanged", "SubscriptionStarted"]


def customer_of_a_visitor(client, stripe):
    """The customer of somebody who opened a checkout and left."""
    client.post(
        "/api/billing/checkout",
        {"success_url": "https://app.example/", "cancel_url": "https://app.example/"},
    )
    return customer_id_of(client)


def test_a_lost_message_grants_nothing_for_ever(alice, stripe, deliver, heard):
    subscribed(alice, stripe, deliver)
    Standing.objects.update(pro_until=timezone.now() - timedelta(seconds=1))
    heard.clear()

    assert end_grace() == 1

    assert names(heard) == ["TierChanged"]
    assert limit_of(alice) == FREE


def test_a_renewal_has_three_days_to_be_heard_of(alice, stripe, deliver):
    stripe_id = subscribed(alice, stripe, deliver)
    end = stripe.get(stripe_id)["items"]["data"][0]["current_period_end"]

    until = standing_of(alice).pro_until.timestamp()

    assert until == end + 3 * 86_400


def test_an_end_that_was_asked_for_needs_no_message(alice, stripe, deliver):
    stripe_id = subscribed(alice, stripe, deliver)
    alice.post(CANCEL)

    end = stripe.get(stripe_id)["items"]["data"][0]["current_period_end"]
    assert standing_of(alice).pro_until.timestamp() == end


def test_a_customer_that_changes_hands_takes_the_tier_along(alice, bob, stripe, deliver):
    subscribed(alice, stripe, deliver)

    with TestCase.captureOnCommitCallbacks(execute=True):
        customer = Customer.objects.get()
        customer.subscriber = bob.user
        customer.save()

    assert (limit_of(alice), limit_of(bob)) == (FREE, PRO)


def test_a_row_that_is_up_to_date_is_left_alone(alice, stripe, deliver, heard):
    subscribed(alice, stripe, deliver)
    before = Standing.objects.values().get()
    heard.clear()

    tiers.refresh(user_id=alice.user.pk)

    assert Standing.objects.values().get() == before
    assert heard == []


def test_who_never_subscribed_has_no_row(alice, stripe):
    assert tiers.refresh(user_id=alice.user.pk) is None
    assert Standing.objects.count() == 0
