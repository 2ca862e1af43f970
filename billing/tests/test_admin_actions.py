"""The buttons of the admin of billing: refresh, cancel and replay, through Stripe and noted."""

import pytest
from djstripe.models import Event, Subscription

from accounts.tests.factories import make_user
from billing.models import Standing
from billing.tests.admin_kit import (
    CUSTOMERS,
    EVENTS,
    SUBMITTED,
    SUBSCRIPTIONS,
    choose,
    clerk_page,
    found,
    page_of,
    press,
    row_of,
)
from billing.tests.kit import customer_id_of, limit_of, subscribed
from billing.tests.mirrored import make_customer, make_subscription
from system.models import AuditEntry

pytestmark = pytest.mark.django_db


def test_cancelling_at_the_end_goes_through_stripe_and_is_noted(
    admin_page, staff, alice, stripe, deliver
):
    stripe_id = subscribed(alice, stripe, deliver)
    row = row_of(stripe_id)

    said = press(admin_page, SUBSCRIPTIONS, row, "cancel_at_period_end")

    assert said == ["The subscription is to end."]
    assert stripe.get(stripe_id)["cancel_at_period_end"] is True
    assert limit_of(alice) == 200_000
    entry = AuditEntry.objects.get(action="subscription.cancelled_by_staff")
    assert (entry.actor_id, entry.target) == (staff.user.pk, f"subscription:{row.pk}")


def test_cancelling_now_ends_the_tier_at_the_next_request(admin_page, alice, stripe, deliver):
    stripe_id = subscribed(alice, stripe, deliver)
    assert limit_of(alice) == 200_000

    admin_page.post(page_of(SUBSCRIPTIONS, row_of(stripe_id), "cancel_now"), SUBMITTED)

    assert stripe.get(stripe_id)["status"] == "canceled"
    assert Standing.objects.get(user=alice.user).tier == "free"


def test_a_refresh_reads_what_stripe_has(admin_page, staff, alice, stripe, deliver):
    stripe_id = subscribed(alice, stripe, deliver)
    stripe.cancel_subscription(stripe_id)
    assert Standing.objects.get(user=alice.user).tier == "pro"

    said = press(admin_page, SUBSCRIPTIONS, row_of(stripe_id), "refresh_one")

    assert said == ["The subscription is refreshed."]
    assert Standing.objects.get(user=alice.user).tier == "free"
    assert AuditEntry.objects.get(action="subscription.refreshed_by_staff").actor_id == (
        staff.user.pk
    )


def test_an_event_is_replayed_with_what_stripe_has_now(admin_page, staff, alice, stripe, deliver):
    stripe_id = subscribed(alice, stripe, deliver)
    event = Event.objects.get(type="customer.subscription.created")
    stripe.cancel_subscription(stripe_id)

    said = press(admin_page, EVENTS, event, "replay_one")

    assert said == ["The event has taken its effect again."]
    assert row_of(stripe_id).stripe_data["status"] == "canceled"
    entry = AuditEntry.objects.get(action="stripe_event.replayed_by_staff")
    assert (entry.actor_id, entry.target) == (staff.user.pk, f"stripe_event:{event.pk}")


def test_several_are_refreshed_and_those_that_fail_say_why(admin_page, alice, stripe, deliver):
    known = row_of(subscribed(alice, stripe, deliver))
    unknown = make_subscription(make_customer(make_user()))

    said = choose(admin_page, SUBSCRIPTIONS, "refresh", known, unknown)

    assert len(said) == 2
    assert f"Subscription {unknown.pk}: The payment service does not know this any more." in said
    assert "1 subscription refreshed." in said


def test_several_events_are_replayed(admin_page, alice, stripe, deliver):
    subscribed(alice, stripe, deliver)
    events = Event.objects.all()

    said = choose(admin_page, EVENTS, "replay", *events)

    assert said == [f"{len(events)} Stripe events replayed."]
    noted = AuditEntry.objects.filter(action="stripe_event.replayed_by_staff")
    assert noted.count() == len(events)


def test_stripe_away_is_said_and_changes_nothing(admin_page, alice, stripe, deliver):
    stripe_id = subscribed(alice, stripe, deliver)
    stripe.fail("/v1/subscriptions", method="POST", status=500, times=9)

    said = press(admin_page, SUBSCRIPTIONS, row_of(stripe_id), "cancel_at_period_end")

    assert said == ["The payment service does not answer. Nothing was changed; try again shortly."]
    assert row_of(stripe_id).stripe_data["cancel_at_period_end"] is False
    assert not AuditEntry.objects.filter(action__startswith="subscription.").exists()


def test_without_keys_a_button_says_so(admin_page, alice):
    row = make_subscription(make_customer(alice.user))

    said = press(admin_page, SUBSCRIPTIONS, row, "refresh_one")

    assert "STRIPE_SECRET_KEY" in said[0]


@pytest.mark.parametrize("step", ["refresh_one", "cancel_at_period_end", "cancel_now"])
def test_who_may_only_look_presses_nothing(alice, stripe, deliver, step):
    stripe_id = subscribed(alice, stripe, deliver)
    before = len(stripe.requests)

    answer = clerk_page().post(page_of(SUBSCRIPTIONS, row_of(stripe_id), step), SUBMITTED)

    assert answer.status_code == 403
    assert (len(stripe.requests), stripe.get(stripe_id)["status"]) == (before, "active")


def test_opening_the_address_of_a_button_changes_nothing(admin_page, alice, stripe, deliver):
    stripe_id = subscribed(alice, stripe, deliver)

    admin_page.get(page_of(SUBSCRIPTIONS, row_of(stripe_id), "cancel_now"))

    assert stripe.get(stripe_id)["status"] == "active"


@pytest.mark.parametrize(
    ("status", "sent", "buttons"),
    [
        ("active", {}, {"refresh_one", "cancel_at_period_end", "cancel_now"}),
        ("active", {"cancel_at_period_end": True}, {"refresh_one", "cancel_now"}),
        ("canceled", {}, {"refresh_one"}),
    ],
)
def test_only_buttons_of_use_are_there(admin_page, alice, status, sent, buttons):
    row = make_subscription(make_customer(alice.user), status, **sent)

    html = admin_page.get(page_of(SUBSCRIPTIONS, row)).content.decode()

    there = {"refresh_one", "cancel_at_period_end", "cancel_now"}
    assert {step for step in there if page_of(SUBSCRIPTIONS, row, step) in html} == buttons


def test_an_unknown_row_is_a_page_for_people(admin_page):
    answer = admin_page.post(page_of(EVENTS, 99, "replay_one"), SUBMITTED)

    assert answer.status_code == 404
    assert "Not found" in answer.content.decode()


def test_a_customer_leads_to_the_subscriptions(admin_page, alice, stripe, deliver):
    subscribed(alice, stripe, deliver)

    answer = admin_page.get(CUSTOMERS, {"q": customer_id_of(alice)})

    (pk,) = found(answer)
    html = admin_page.get(page_of(CUSTOMERS, pk)).content.decode()
    assert page_of(SUBSCRIPTIONS, Subscription.objects.get()) in html
