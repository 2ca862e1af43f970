"""The environment that billing is set up by, and the one door through which Stripe is called."""

import os
import subprocess
import sys

import pytest
import stripe as stripe_sdk
from django.apps import apps
from django.conf import settings as project
from django.contrib import admin
from django.test import override_settings

from billing import checks, stripe_api
from billing.stripe_api import GoneAtStripe, PaymentRefused, StripeRefused, calling

KEY = "sk_test_NobodysKey0000000000000000"
SHOW = (
    "import alice.settings as s;"
    "print(s.STRIPE_LIVE_MODE, len(s.STRIPE_WEBHOOK_SECRETS), bool(s.STRIPE_SECRET_KEY))"
)


def settings_with(tmp_path, **environ):
    """What settings say in a process with this environment."""
    clean = {name: value for name, value in os.environ.items() if "STRIPE" not in name}
    wanted = clean | {"ALICE_DATA_DIR": str(tmp_path)} | environ
    return subprocess.run(  # noqa: S603
        [sys.executable, "-c", SHOW],
        cwd=project.BASE_DIR,
        env=wanted,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("key", "is_live"),
    [(KEY, False), (KEY.replace("sk_", "rk_"), False), (KEY.replace("test", "live"), True)],
)
def test_the_key_says_which_mode_it_is(tmp_path, key, is_live):
    found = settings_with(
        tmp_path, STRIPE_SECRET_KEY=f" {key}\n", STRIPE_WEBHOOK_SECRET="whsec_a, whsec_b,"
    )

    assert found.stdout.split() == [str(is_live), "2", "True"]


def test_a_key_can_be_in_a_file(tmp_path):
    (tmp_path / "key").write_text(KEY + "\n")

    found = settings_with(tmp_path, STRIPE_SECRET_KEY_FILE=str(tmp_path / "key"))

    assert found.stdout.split() == ["False", "0", "True"]


@pytest.mark.parametrize("key", ["pk_test_ThisOneIsForBrowsers0000", "sk_test_short", "hunter2"])
def test_a_key_that_is_none_is_refused_without_being_shown(tmp_path, key):
    found = settings_with(tmp_path, STRIPE_SECRET_KEY=key)

    assert found.returncode == 1
    assert "STRIPE_SECRET_KEY must be" in found.stderr
    assert key not in found.stderr


def test_production_has_no_stand_in(tmp_path):
    found = settings_with(
        tmp_path,
        ALICE_ENV="production",
        SECRET_KEY="x" * 40,
        PUBLIC_URL="https://alice.example",
        DATABASE_URL="postgresql:///alice",
        REDIS_URL="redis://localhost",
        STRIPE_API_BASE="http://127.0.0.1:1",
    )

    assert found.returncode == 1
    assert "STRIPE_API_BASE" in found.stderr


def test_a_key_without_a_webhook_secret_is_warned_of(settings):
    settings.STRIPE_SECRET_KEY, settings.STRIPE_WEBHOOK_SECRETS = KEY, []

    assert [message.id for message in checks.stripe_is_set_up_whole()] == ["billing.W001"]

    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_a"]
    assert checks.stripe_is_set_up_whole() == []


def test_the_admin_has_no_pages_of_the_mirror():
    shown = {model._meta.label for model in admin.site._registry if not model._meta.proxy}

    assert apps.is_installed("djstripe")
    assert [label for label in shown if label.startswith("djstripe.")] == []
    assert {"accounts.User", "files.File"} <= shown


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (rb'"a\u0000b"', b'"ab"'),
        (rb'"a\\u0000b"', rb'"a\\u0000b"'),
        (rb'"a\\\u0000b"', rb'"a\\b"'),
        (rb'"\u0000\u0000"', b'""'),
        (rb'"\u00001"', b'"1"'),
        (b'"plain"', b'"plain"'),
    ],
)
def test_a_nul_is_taken_out_of_json_and_nothing_else(text, clean):
    assert stripe_api.without_nul(text) == clean


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (stripe_sdk.CardError("no", "card", "card_declined"), PaymentRefused),
        (stripe_sdk.InvalidRequestError("No such x", "id", code="resource_missing"), GoneAtStripe),
        (stripe_sdk.InvalidRequestError("bad", "id"), StripeRefused),
        (stripe_sdk.IdempotencyError("bad"), StripeRefused),
        (stripe_sdk.AuthenticationError(f"Invalid key {KEY}"), stripe_api.StripeUnavailable),
        (stripe_sdk.PermissionError(f"{KEY} may not"), stripe_api.StripeUnavailable),
        (stripe_sdk.RateLimitError("slow down"), stripe_api.StripeUnavailable),
        (stripe_sdk.APIConnectionError("no way"), stripe_api.StripeUnavailable),
        (stripe_sdk.APIError("oops"), stripe_api.StripeUnavailable),
        (stripe_sdk.StripeError("new kind"), stripe_api.StripeUnavailable),
    ],
)
@override_settings(STRIPE_SECRET_KEY=KEY)
def test_every_error_of_stripe_is_one_of_ours_without_its_text(error, ours, caplog):
    with pytest.raises(ours) as told, calling():
        raise error

    assert type(told.value) is ours
    assert KEY not in told.value.detail + caplog.text


@override_settings(STRIPE_SECRET_KEY=KEY, STRIPE_CALLS_AT_ONCE=1)
def test_a_turn_is_given_back_whatever_happens():
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), calling(), calling():
            1 / 0  # noqa: B018


@override_settings(STRIPE_SECRET_KEY="")
def test_without_a_key_nobody_gets_through_the_door():
    with pytest.raises(stripe_api.BillingOff), calling():
        pytest.fail("it was open")


def test_the_library_is_bounded_and_tells_nothing_of_us():
    client = stripe_sdk.default_http_client

    assert isinstance(client, stripe_api.BoundedClient)
    assert client._timeout == (stripe_api.CONNECT_SECONDS, stripe_api.ANSWER_SECONDS)
    assert (stripe_sdk.max_network_retries, stripe_sdk.enable_telemetry) == (1, False)
    assert stripe_sdk.api_key is None
