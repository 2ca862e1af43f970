"""After an outage: the events that Stripe has and we have not; and old ones go."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import TestCase
from django.utils import timezone
from djstripe.models import Event

from billing import tasks
from billing.models import Standing
from billing.services.webhooks import HANDLED
from billing.tests.kit import bought, limit_of, status_of, subscribed

pytestmark = pytest.mark.django_db


def run(command, **options):
    out = StringIO()
    call_command(command, stdout=out, **options)
    return out.getvalue()


def test_what_nobody_heard_is_found(alice, stripe):
    bought(alice, stripe)

    with TestCase.captureOnCommitCallbacks(execute=True):
        assert tasks.catch_up() == len(stripe.events_of(*HANDLED))

    assert (status_of(alice), limit_of(alice)) == ("active", 200_000)


def test_what_was_heard_is_not_processed_again(alice, stripe, deliver):
    subscribed(alice, stripe, deliver)

    assert tasks.catch_up() == 0


def test_an_event_that_fails_does_not_keep_the_others(alice, stripe):
    bought(alice, stripe)
    stripe.fail("/v1/invoices", status=500, times=2)

    with pytest.raises(CommandError, match="Not everything"):
        run("billing_catchup")

    assert status_of(alice) == "active"
    assert "0 failed" in run("billing_catchup")


def test_many_events_are_read_page_by_page(alice, stripe, deliver):
    stripe_id = subscribed(alice, stripe, deliver)
    for number in range(120):
        stripe.set_subscription(stripe_id, description=str(number))

    assert tasks.catch_up() == 120
    assert len(stripe.calls("GET", "/v1/events")) == 2


def test_how_far_to_look_back_can_be_said(alice, stripe):
    bought(alice, stripe)

    assert "events at Stripe" in run("billing_catchup", days=30)
    with pytest.raises(CommandError):
        call_command("billing_catchup", "--days", "31")


def test_without_a_key_there_is_nothing_to_catch_up_with(alice, stripe, settings):
    settings.STRIPE_SECRET_KEY = ""

    assert tasks.catch_up() == 0
    with pytest.raises(CommandError, match="STRIPE_SECRET_KEY"):
        run("billing_catchup")


def test_a_renewal_that_was_lost_is_read_anew(alice, stripe, deliver):
    stripe_id = subscribed(alice, stripe, deliver)
    stripe.end_period(stripe_id)
    stripe.world.events.clear()
    Standing.objects.update(pro_until=timezone.now() - timedelta(seconds=1))

    assert "1 overdue" in run("billing_catchup")

    assert limit_of(alice) == 200_000


def test_old_events_go_and_young_ones_stay(alice, stripe, deliver):
    subscribed(alice, stripe, deliver)
    kept = Event.objects.count()
    old = timezone.now() - timedelta(days=91)
    Event.objects.filter(pk=Event.objects.first().pk).update(djstripe_created=old)

    assert run("billing_prune") == "1 events deleted.\n"

    assert Event.objects.count() == kept - 1
    assert (tasks.prune_events(), status_of(alice)) == (0, "active")
