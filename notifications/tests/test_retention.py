"""How long notifications are kept, and how many."""

from datetime import timedelta

import pytest
from django.utils import timezone

from notifications import tasks
from notifications.models import Delivery, Notification
from notifications.services import retention
from notifications.tests.factories import (
    make_endpoint,
    make_notification,
    make_notifications,
    tell,
)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("days", "fields", "is_kept"),
    [
        (91, {"read_at": timezone.now()}, False),
        (91, {"archived_at": timezone.now()}, False),
        (91, {"is_shown": False}, False),
        (91, {}, True),
        (89, {"read_at": timezone.now()}, True),
    ],
)
def test_what_is_done_with_goes_after_ninety_days(alice, days, fields, is_kept):
    old = timezone.now() - timedelta(days=days)
    make_notification(alice.user, created_at=old, **fields)

    assert tasks.clear_old() == (not is_kept)
    assert Notification.objects.exists() == is_kept


def test_all_that_is_old_goes_however_much_it_is(alice, monkeypatch):
    monkeypatch.setattr(retention, "DELETED_AT_ONCE", 2)
    make_endpoint(alice.user)
    for _ in range(5):
        tell(alice.user)
    old = timezone.now() - timedelta(days=100)
    Notification.objects.update(created_at=old, read_at=old)

    assert tasks.clear_old() == 5
    assert not Notification.objects.exists()
    assert not Delivery.objects.exists()


def test_only_the_newest_of_each_user_are_kept(alice, bob, settings):
    settings.NOTIFICATIONS_PER_USER = 3
    rows = make_notifications(alice.user, 5)
    others = make_notifications(bob.user, 3)

    assert (tasks.trim(), tasks.trim()) == (2, 0)
    assert set(Notification.objects.all()) == {*rows[2:], *others}
