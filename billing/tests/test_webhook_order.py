"""Events twice, late, backwards, at once, and about what is gone: the end is always the truth."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from djstripe.models import APIKey, Event, Subscription

from billing.models import Standing
from billing.services import tiers
from billing.tests.conftest import post_event
from billing.tests.kit import CHECKOUT, URLS, bought, limit_of, status_of, subscribed
from conftest import ApiClient

pytestmark = pytest.mark.django_db
THREADS_OF_A_SERVER = 8
GETS = ("GET", "/v1/subscriptions")


def of_type(events, kind):
    (event,) = (event for event in events if event["type"] == kind)
    return event


def at_once(tasks, threads=None):
    """Run these at the same time, each with connections of its own; return their answers."""

    def run(task):
        try:
            return task()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(threads or len(tasks)) as pool:
        return list(pool.map(run, tasks))


def test_an_event_twice_takes_effect_once(alice, stripe, deliver):
    created = of_type(bought(alice, stripe), "customer.subscription.created")
    deliver(alice, created)
    calls, standing = len(stripe.requests), Standing.objects.values().get()

    (again,) = deliver(alice, created)

    assert again.status_code == 200
    assert len(stripe.requests) == calls
    assert Event.objects.count() == 1
    assert Standing.objects.values().get() == standing


def test_a_duplicate_costs_one_query(alice, stripe, deliver, django_assert_num_queries):
    created = of_type(bought(alice, stripe), "customer.subscription.created")
    deliver(alice, created)

    with django_assert_num_queries(1):
        deliver(alice, created)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("copies", [4, 50])
def test_copies_at_the_same_moment_take_effect_once(alice, stripe, copies):
    created = of_type(bought(alice, stripe), "customer.subscription.created")
    APIKey.objects.all().delete()  # as if it were the very first event of all
    before = len(stripe.calls(*GETS))
    body, headers = stripe.signed(created)

    copy = [lambda: post_event(ApiClient(), body, headers)]
    answers = at_once(copy * copies, threads=min(copies, THREADS_OF_A_SERVER))

    assert {answer.status_code for answer in answers} == {200}
    assert len(stripe.calls(*GETS)) == before + 1
    assert Event.objects.count() == Standing.objects.count() == 1


def test_a_life_told_backwards_ends_as_it_ended(alice, stripe, deliver):
    events = bought(alice, stripe)
    (stripe_id,) = {e["data"]["object"]["id"] for e in events if "subscription.cre" in e["type"]}
    end = stripe.get(stripe_id)["items"]["data"][0]["current_period_end"]
    events += stripe.set_subscription(stripe_id, cancel_at=end)
    events += stripe.end_period(stripe_id)

    answers = deliver(alice, *reversed(events))

    assert {answer.status_code for answer in answers} == {200}
    assert stripe.get(stripe_id)["status"] == status_of(alice) == "canceled"


def test_old_news_after_the_new_changes_nothing(alice, stripe, deliver):
    stripe_id = subscribed(alice, stripe, deliver)
    old = stripe.set_subscription(stripe_id, description="old news")
    deliver(alice, *stripe.cancel_subscription(stripe_id))

    deliver(alice, *old)

    assert status_of(alice) == "canceled"


@pytest.mark.django_db(transaction=True)
def test_a_slow_update_does_not_overwrite_a_fast_end(alice, stripe, deliver):
    stripe_id = subscribed(alice, stripe, deliver)
    updated = stripe.signed(stripe.set_subscription(stripe_id, description="slow")[0])
    held = stripe.hold(f"/v1/subscriptions/{stripe_id}", late=True, method="GET")

    def end_it():
        held.reached()
        events = stripe.cancel_subscription(stripe_id)
        deleted = of_type(events, "customer.subscription.deleted")
        with ThreadPoolExecutor(1) as pool:
            told = pool.submit(at_once, [lambda: post_event(ApiClient(), *stripe.signed(deleted))])
            held.release()
            return told.result()[0]

    answers = at_once([lambda: post_event(ApiClient(), *updated), end_it])

    assert [answer.status_code for answer in answers] == [200, 200]
    assert status_of(alice) == "canceled"


@pytest.mark.django_db(transaction=True)
def test_a_cancellation_by_the_user_is_not_undone_by_a_slow_event(alice, stripe, deliver):
    stripe_id = subscribed(alice, stripe, deliver)
    updated = stripe.signed(stripe.set_subscription(stripe_id, description="slow")[0])
    held = stripe.hold(f"/v1/subscriptions/{stripe_id}", late=True, method="GET")

    def cancel():
        held.reached()
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(
                at_once,
                [lambda: alice.post("/api/billing/subscription/cancel?cancel_immediately=true")],
            )
            held.release()
            return asked.result()[0]

    answers = at_once([lambda: post_event(ApiClient(), *updated), cancel])

    assert [answer.status_code for answer in answers] == [200, 200]
    assert Subscription.objects.get().stripe_data["status"] == "canceled"


@pytest.mark.django_db(transaction=True)
def test_five_first_checkouts_at_once_make_one_customer_and_one_session(alice, stripe, settings):
    settings.STRIPE_CALLS_AT_ONCE = 8
    headers = {"Authorization": f"Bearer {alice.access_token}"}

    answers = at_once([lambda: ApiClient().post(CHECKOUT, URLS, headers=headers)] * 5)

    sessions = [stripe.get(key) for key in list(stripe.world.objects) if key.startswith("cs_")]
    assert [answer.status_code for answer in answers] == [200] * 5
    assert len([key for key in stripe.world.objects if key.startswith("cus_")]) == 1
    assert [session["status"] for session in sessions].count("open") == 1


def test_what_is_gone_at_stripe_is_taken_and_left(alice, stripe, deliver):
    events = bought(alice, stripe)
    stripe.fail("/v1/subscriptions", status=404, code="resource_missing", times=9)

    answers = deliver(alice, of_type(events, "customer.subscription.created"))

    assert [answer.status_code for answer in answers] == [200]
    assert Subscription.objects.count() == 0


def test_an_event_of_an_unknown_customer_is_taken_and_left(alice, stripe, deliver):
    created = of_type(bought(alice, stripe), "customer.subscription.created")
    created["data"]["object"] |= {"customer": "cus_unknown", "id": "sub_unknown"}

    answers = [*deliver(alice, created), *deliver(alice, created)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert Subscription.objects.count() == 0


def test_after_a_key_was_rotated_all_goes_on(alice, bob, stripe, deliver, settings):
    stripe_id = subscribed(alice, stripe, deliver)
    new_key = "sk_test_TheNextOneAfterARotation00"
    stripe.rotate_key(new_key)
    settings.STRIPE_SECRET_KEY = new_key

    answers = deliver(alice, *stripe.cancel_subscription(stripe_id))

    assert {answer.status_code for answer in answers} == {200}
    assert status_of(alice) == "canceled"
    assert bob.post(CHECKOUT, URLS).status_code == 200
    assert [row.secret for row in APIKey.objects.all()] == [new_key]


@pytest.mark.parametrize("status", [500, 429, 401])
def test_while_stripe_fails_an_event_leaves_no_trace_and_is_done_later(
    alice, stripe, deliver, status
):
    created = of_type(bought(alice, stripe), "customer.subscription.created")
    stripe.fail("/v1/subscriptions", status=status, times=2)

    (failed,) = deliver(alice, created)
    left = (Event.objects.count(), Subscription.objects.count(), Standing.objects.count())
    stripe.faults.clear()
    (done,) = deliver(alice, created)

    assert (failed.status_code, failed.json()["code"]) == (503, "stripe_unavailable")
    assert left == (0, 0, 0)
    assert done.status_code == 200
    assert (status_of(alice), limit_of(alice)) == ("active", 200_000)


def test_a_fault_of_ours_is_a_500_without_a_trace_and_done_later(
    alice, stripe, deliver, monkeypatch
):
    created = of_type(bought(alice, stripe), "customer.subscription.created")
    with monkeypatch.context() as broken:
        broken.setattr(tiers, "_derive", lambda *_: 1 / 0)
        (failed,) = deliver(alice, created)
    (done,) = deliver(alice, created)

    assert failed.status_code == 500
    assert "division" not in failed.content.decode()
    assert done.status_code == 200
    assert status_of(alice) == "active"
