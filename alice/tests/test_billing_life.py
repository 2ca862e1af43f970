"""The life of a subscription, as its user hears of it: live, in the app and by mail."""

import pytest
from django.core import mail
from django.utils import timezone

from billing import subscribers
from billing.models import Standing
from billing.services.tiers import end_grace
from billing.tests.conftest import deliver, fake_stripe_server, stripe  # noqa: F401 - fixtures
from billing.tests.kit import CANCEL, NOW, customer_id_of, subscribed
from notifications import tasks
from notifications.models import Notification

pytestmark = pytest.mark.django_db


@pytest.fixture
def frames(monkeypatch):
    """What is pushed to sockets of a user, without what did not change."""
    pushed = []

    def note(group, frame):
        if pushed[-1:] != [(group, frame)]:
            pushed.append((group, frame))

    monkeypatch.setattr(subscribers, "push", note)
    return pushed


def heard(client, frames):
    """The tier and status of each frame, all of which went to this user."""
    assert {group for group, _frame in frames} == {f"user.{client.user.pk}"}
    return [(frame["tier"], frame["status"]) for _group, frame in frames]


def titles(client):
    rows = Notification.objects.filter(owner=client.user).order_by("pk")
    return list(rows.values_list("title", flat=True))


def test_a_purchase_and_its_end_are_heard_of(alice, stripe, deliver, frames):  # noqa: F811
    subscribed(alice, stripe, deliver)
    alice.post(f"{CANCEL}?cancel_immediately={NOW['cancel_immediately']}")

    assert heard(alice, frames) == [("pro", "active"), ("free", "canceled")]
    assert titles(alice) == ["Your subscription has begun", "Your subscription has ended"]


def test_a_payment_that_fails_is_heard_of_up_to_the_end_of_grace(
    alice,
    stripe,  # noqa: F811
    deliver,  # noqa: F811
    frames,
    django_capture_on_commit_callbacks,
):
    alice.user.email_verified_at = timezone.now()
    alice.user.save(update_fields=["email_verified_at"])
    subscription_id = subscribed(alice, stripe, deliver)
    stripe.decline_next_payment(customer_id_of(alice), times=9)
    deliver(alice, *stripe.end_period(subscription_id))
    standing = Standing.objects.get(user=alice.user)
    assert (standing.status, standing.tier) == ("past_due", "pro")

    Standing.objects.update(grace_ends_at=timezone.now(), pro_until=timezone.now())
    with django_capture_on_commit_callbacks(execute=True):
        assert end_grace() == 1
    tasks.deliver("email")

    assert heard(alice, frames) == [
        ("pro", "active"),
        ("pro", "past_due"),
        ("free", "past_due"),
    ]
    assert titles(alice)[1:] == [
        "A payment for your plan has failed",
        "You are back to the free plan",
    ]
    assert sorted(message.subject for message in mail.outbox) == sorted(titles(alice)[1:])
