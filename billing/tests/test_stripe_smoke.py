"""The smoke command, against the stand-in: what it calls, and that nothing stays."""

import pytest
from django.core.management import CommandError, call_command
from djstripe.models import APIKey, Customer, Subscription

from accounts.models import User

pytestmark = pytest.mark.django_db


def test_it_walks_through_a_life_and_leaves_nothing(stripe, capsys):
    call_command("stripe_smoke")

    said = capsys.readouterr().out
    assert [line.split(":")[0] for line in said.splitlines()] == [
        "Account",
        "Plans",
        "Test clock",
        "Customer",
        "Checkout session",
        "Portal",
        "Subscription",
        "Read back",
        "Cancelled, taken back",
        "Read back",
        "Invoices",
        "Read back",
        "Cleaned up",
        "All of it works.",
    ]
    assert list(stripe.world.all("customer")) == []
    kept = [m.objects.count() for m in (User, Customer, Subscription, APIKey)]
    assert kept == [0, 0, 0, 0]


def test_a_live_key_is_refused_before_any_call(stripe, settings):
    settings.STRIPE_SECRET_KEY = "sk_live_00000000000000000000000000"

    with pytest.raises(CommandError, match="not a test key"):
        call_command("stripe_smoke")

    assert stripe.requests == []


def test_without_a_key_the_setting_is_named(stripe, settings):
    settings.STRIPE_SECRET_KEY = ""

    with pytest.raises(CommandError, match="STRIPE_SECRET_KEY"):
        call_command("stripe_smoke")

    assert stripe.requests == []


def test_a_failure_on_the_way_is_told_and_still_cleaned_up(stripe):
    stripe.fail("/v1/subscriptions", status=402, code="card_declined", method="POST")

    with pytest.raises(CommandError, match="An injected fault"):
        call_command("stripe_smoke")

    assert list(stripe.world.all("customer")) == []
    assert User.objects.count() == 0


def test_a_key_that_stripe_does_not_know_is_told_without_the_key(stripe):
    stripe.rotate_key("sk_test_another000000000000000000")

    with pytest.raises(CommandError) as refused:
        call_command("stripe_smoke")

    assert str(refused.value) == "Stripe does not know this key."
