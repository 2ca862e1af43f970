"""Stripe not set up, down, or slow: a clear 503 in bounded time, and the rest goes on."""

import threading

import pytest
import stripe as stripe_sdk
from django.db import connections
from django.test import Client
from djstripe.models import Event

from alice.common.tests.kit import at_most, wait_until
from billing import stripe_api
from billing.tests.conftest import post_event
from billing.tests.kit import (
    CANCEL,
    CHECKOUT,
    INVOICES,
    PLANS,
    PORTAL,
    REACTIVATE,
    SUBSCRIPTION,
    URLS,
    bought,
    subscribed,
)

pytestmark = pytest.mark.django_db
BACK = {"return_url": "https://app.example/"}
CALLS = [
    ("post", CANCEL, None),
    ("post", PORTAL, BACK),
    ("get", INVOICES, None),
]


def test_without_a_key_what_needs_it_names_it(alice, stripe, settings):
    settings.STRIPE_SECRET_KEY = ""

    answers = [alice.post(CHECKOUT, URLS), alice.get(PLANS)]

    assert [answer.status_code for answer in answers] == [503, 503]
    assert all("STRIPE_SECRET_KEY" in answer.json()["detail"] for answer in answers)
    assert {answer.json()["code"] for answer in answers} == {"billing_off"}
    assert stripe.requests == []


def test_without_a_key_what_needs_none_works(alice, stripe, settings):
    settings.STRIPE_SECRET_KEY = ""

    answers = [alice.get(SUBSCRIPTION), alice.post(CANCEL), alice.post(REACTIVATE)]

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert (alice.get(INVOICES).status_code, alice.get("/api/jobs").status_code) == (200, 200)


def test_without_a_key_webhooks_are_off(anonymous, stripe, settings):
    settings.STRIPE_SECRET_KEY = ""

    answer = post_event(anonymous, *stripe.signed({"object": "event"}))

    assert (answer.status_code, Event.objects.count()) == (503, 0)


def test_who_had_a_subscription_still_sees_it_without_a_key(alice, stripe, deliver, settings):
    subscribed(alice, stripe, deliver)
    settings.STRIPE_SECRET_KEY = ""

    assert alice.get(SUBSCRIPTION).json()["status"] == "active"
    assert alice.post(CANCEL).json()["code"] == "billing_off"


@pytest.mark.parametrize("status", [500, 429, 401, 403])
def test_a_stripe_that_fails_is_a_503_without_its_words(alice, stripe, deliver, caplog, status):
    subscribed(alice, stripe, deliver)
    for verb, path, body in CALLS:
        stripe.fail(status=status, times=9)

        answer = getattr(alice, verb)(path, body)

        assert (answer.status_code, answer.json()["code"]) == (503, "stripe_unavailable")
        assert int(answer["Retry-After"]) > 0
        stripe.faults.clear()
    assert stripe.secret_key not in caplog.text


def test_a_card_that_is_refused_is_a_402(alice, stripe, deliver):
    subscribed(alice, stripe, deliver)
    stripe.fail("/v1/subscriptions", status=402, times=9, code="card_declined")

    answer = alice.post(CANCEL)

    assert (answer.status_code, answer.json()["code"]) == (402, "payment_refused")


@pytest.mark.parametrize("call", CALLS)
def test_a_stripe_that_hangs_costs_no_more_than_its_time(alice, stripe, deliver, settings, call):
    verb, path, body = call
    subscribed(alice, stripe, deliver)
    settings.STRIPE_CALL_SECONDS = 1.2
    with stripe.hold(times=9), at_most(3):
        answer = getattr(alice, verb)(path, body)

    assert answer.status_code == 503


def test_calls_that_are_each_slow_have_one_limit_together(alice, stripe, settings):
    settings.STRIPE_CALL_SECONDS = 1.5
    stripe.delay(seconds=0.8, times=9)

    with at_most(3.5):
        answer = alice.post(CHECKOUT, URLS)

    assert answer.status_code == 503


def test_the_time_of_all_calls_leaves_room_within_25_seconds(settings):
    assert settings.STRIPE_CALL_SECONDS + stripe_api.SLOT_SECONDS < 25


def test_a_webhook_is_held_no_longer_either(alice, stripe, deliver, settings):
    settings.STRIPE_CALL_SECONDS = 1.2
    (created,) = (e for e in bought(alice, stripe) if e["type"] == "customer.subscription.created")
    with stripe.hold("/v1/subscriptions", times=9), at_most(3):
        (answer,) = deliver(alice, created)

    assert (answer.status_code, Event.objects.count()) == (503, 0)


@pytest.mark.django_db(transaction=True)
def test_a_stripe_that_hangs_takes_no_more_than_its_threads(alice, stripe, settings, monkeypatch):
    monkeypatch.setattr(stripe_api, "SLOT_SECONDS", 0.1)
    settings.STRIPE_CALLS_AT_ONCE = 1
    headers = {"Authorization": f"Bearer {alice.access_token}"}

    def ask():
        Client().get(PLANS, headers=headers)
        connections.close_all()

    with stripe.hold(times=9) as held:
        waiting = threading.Thread(target=ask)
        waiting.start()
        held.reached()
        answer = alice.get(PLANS)
        others = alice.get("/api/jobs")
    waiting.join()

    assert (answer.status_code, others.status_code) == (503, 200)
    wait_until(lambda: alice.get(PLANS).status_code == 200)


def test_a_name_that_leads_nowhere_is_a_503(alice, stripe, monkeypatch):
    monkeypatch.setattr(stripe_sdk, "api_base", "http://127.0.0.1:9")
    with at_most(5):
        answer = alice.get(PLANS)

    assert answer.status_code == 503
