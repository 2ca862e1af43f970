"""What staff do to subscriptions and events goes through the services, and is written down."""

import pytest
from django.test import TestCase
from djstripe.models import Event, Subscription

from billing.services import subscriptions, webhooks
from billing.services.subscriptions import NoSubscription
from billing.stripe_api import StripeUnavailable
from billing.tests.kit import limit_of, status_of, subscribed
from system.models import AuditEntry

pytestmark = pytest.mark.django_db
UNKNOWN = 2**62


def committed(service, **arguments):
    with TestCase.captureOnCommitCallbacks(execute=True):
        return service(**arguments)


def actions(staff):
    mine = AuditEntry.objects.filter(actor_id=staff.user.pk).order_by("pk")
    return [(entry.action, entry.details.get("stripe_id")) for entry in mine]


@pytest.mark.parametrize(
    ("is_immediate", "status", "limit"), [(True, "canceled", 100_000), (False, "active", 200_000)]
)
def test_staff_can_cancel_it(alice, staff, stripe, deliver, is_immediate, status, limit):  # noqa: PLR0913, PLR0917 - fixtures
    stripe_id = subscribed(alice, stripe, deliver)

    facts = committed(
        subscriptions.cancel_as_staff,
        subscription_id=Subscription.objects.get().pk,
        is_immediate=is_immediate,
        actor=staff.user,
    )

    assert (facts.status, status_of(alice), limit_of(alice)) == (status, status, limit)
    assert facts.cancel_at_period_end is not is_immediate
    assert actions(staff) == [("subscription.cancelled_by_staff", stripe_id)]


def test_staff_can_read_it_anew(alice, staff, stripe, deliver):
    stripe_id = subscribed(alice, stripe, deliver)
    stripe.cancel_subscription(stripe_id)

    committed(
        subscriptions.refresh_as_staff,
        subscription_id=Subscription.objects.get().pk,
        actor=staff.user,
    )

    assert (status_of(alice), limit_of(alice)) == ("canceled", 100_000)
    assert actions(staff) == [("subscription.refreshed_by_staff", stripe_id)]


def test_an_event_can_take_its_effect_again(alice, staff, stripe, deliver):
    stripe_id = subscribed(alice, stripe, deliver)
    event = Event.objects.get(type="customer.subscription.created")
    stripe.cancel_subscription(stripe_id)

    committed(webhooks.replay_as_staff, event_id=event.pk, actor=staff.user)

    assert status_of(alice) == "canceled"
    assert actions(staff) == [("stripe_event.replayed_by_staff", event.id)]
    assert Event.objects.filter(id=event.id).count() == 1


def test_while_stripe_is_away_nothing_is_done_nor_written_down(alice, staff, stripe, deliver):
    subscribed(alice, stripe, deliver)
    stripe.fail(times=9)
    event, subscription = Event.objects.first(), Subscription.objects.get()

    with pytest.raises(StripeUnavailable):
        webhooks.replay_as_staff(event_id=event.pk, actor=staff.user)
    with pytest.raises(StripeUnavailable):
        subscriptions.refresh_as_staff(subscription_id=subscription.pk, actor=staff.user)

    assert actions(staff) == []


def test_what_is_not_there_cannot_be_cancelled(staff, stripe):
    with pytest.raises(NoSubscription):
        subscriptions.cancel_as_staff(subscription_id=UNKNOWN, is_immediate=True, actor=staff.user)
