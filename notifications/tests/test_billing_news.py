"""What billing announces, and how those who pay are told."""

from datetime import UTC, datetime

import pytest
from django.core import mail
from django.utils import timezone

from accounts.services.profile import set_active
from alice.common import redis_client
from alice.common.events import publish
from billing.events import (
    CancelScheduled,
    GraceEnded,
    PaymentFailed,
    PaymentRecovered,
    SubscriptionEnded,
    SubscriptionStarted,
)
from notifications import tasks
from notifications.models import Delivery, Notification
from notifications.tests.factories import wish

pytestmark = pytest.mark.django_db

GRACE_ENDS = datetime(2026, 12, 3, 9, 30, tzinfo=UTC)


@pytest.fixture
def news(django_capture_on_commit_callbacks):
    """`news(event)` publishes it in a transaction that commits."""

    def announce(event):
        with django_capture_on_commit_callbacks(execute=True):
            publish(event)

    return announce


def about(client, **fields):
    return {"user_id": client.user.pk, "subscription_id": 5, **fields}


def told(client):
    return Notification.objects.get(owner=client.user)


def mailed(client):
    return Delivery.objects.filter(owner=client.user, channel="email").count()


def test_a_failed_payment_is_told_with_the_end_of_grace_and_by_mail(news, alice, verified):
    news(PaymentFailed(**about(alice, grace_ends_at=GRACE_ENDS)))
    tasks.deliver("email")

    row = told(alice)
    assert (row.topic, row.notification_type) == ("billing.payment", "warning")
    assert "until 3 December 2026, 09:30 UTC" in row.message
    assert row.metadata == {"subscription_id": 5, "grace_ends_at": "2026-12-03T09:30:00+00:00"}
    (message,) = mail.outbox
    assert (message.to, message.subject) == (
        [alice.user.email],
        "A payment for your plan has failed",
    )
    assert "3 December 2026, 09:30 UTC" in message.body


def test_one_failure_is_told_once_and_the_next_again(news, alice):
    event = PaymentFailed(**about(alice, grace_ends_at=GRACE_ENDS))
    news(event)
    news(event)

    news(PaymentFailed(**about(alice, grace_ends_at=GRACE_ENDS.replace(month=1, year=2027))))

    assert Notification.objects.filter(owner=alice.user).count() == 2


@pytest.mark.parametrize(
    ("event", "expected", "words"),
    [
        (PaymentRecovered, ("billing.payment", "success", 1), "goes on as before"),
        (GraceEnded, ("billing.payment", "error", 1), "has not arrived in time"),
        (SubscriptionStarted, ("billing.subscription", "success", 0), "yours from now on"),
        (SubscriptionEnded, ("billing.subscription", "info", 0), "on the free plan"),
    ],
)
def test_each_turn_is_told_in_its_topic_and_payments_by_mail(news, alice, event, expected, words):
    news(event(**about(alice)))

    row = told(alice)
    assert (row.topic, row.notification_type, mailed(alice)) == expected
    assert words in row.message
    assert row.is_shown


@pytest.mark.parametrize(
    ("ends_at", "words"),
    [
        (GRACE_ENDS, "It ends on 3 December 2026, 09:30 UTC."),
        (None, "It ends with the period that is paid."),
    ],
)
def test_a_cancellation_is_told_with_the_end(news, alice, ends_at, words):
    news(CancelScheduled(**about(alice, ends_at=ends_at)))

    assert words in told(alice).message


def test_a_second_cancellation_is_told_as_the_first(news, alice):
    for _ in range(2):
        news(CancelScheduled(**about(alice, ends_at=GRACE_ENDS)))

    assert Notification.objects.filter(owner=alice.user).count() == 2


def test_mails_about_payments_can_be_switched_off(news, alice):
    wish(alice.user, "billing.payment", email=False)

    news(GraceEnded(**about(alice)))

    assert (told(alice).is_shown, mailed(alice)) == (True, 0)


def test_nobody_is_told_who_is_gone_or_deactivated(news, alice, bob, staff):
    set_active(user_id=bob.user.pk, is_active=False, actor=staff.user)
    user_id = alice.user.pk
    alice.user.delete()

    for gone in (user_id, bob.user.pk):
        news(GraceEnded(user_id=gone, subscription_id=5))

    assert not Notification.objects.filter(topic="billing.payment").exists()


def test_what_concerns_money_is_owed_even_without_a_queue(news, alice, monkeypatch):
    def refuses(*args, **kwargs):
        raise redis_client.RedisDown

    monkeypatch.setattr(tasks.deliver, "delay", refuses)

    news(PaymentFailed(**about(alice, grace_ends_at=GRACE_ENDS)))

    assert Delivery.objects.get(owner=alice.user, channel="email").due_at <= timezone.now()


def test_telling_of_a_failure_costs_a_fixed_number_of_queries(
    alice, django_assert_num_queries, django_capture_on_commit_callbacks
):
    event = PaymentFailed(**about(alice, grace_ends_at=GRACE_ENDS))
    with django_capture_on_commit_callbacks() as callbacks:
        publish(event)

    with django_assert_num_queries(9):
        for callback in callbacks:
            callback()

    assert told(alice)
