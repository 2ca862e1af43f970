"""What a user takes away of notifications: without secrets, and without what was never shown."""

import json

import pytest

from accounts.services import exports
from notifications.models import Endpoint
from notifications.tests.factories import make_endpoint, make_notification, wish
from system.models import Job
from system.tasks import run_job

pytestmark = pytest.mark.django_db


def test_an_export_holds_what_was_told_and_wished_and_no_secret(alice, bob):
    row = make_notification(alice.user, metadata={"a": 1})
    make_notification(alice.user, is_shown=False)
    make_notification(bob.user)
    wish(alice.user, "direct", email=True)
    make_endpoint(alice.user)
    job = exports.request_export(owner_id=alice.user.pk)

    run_job(Job.objects.get(pk=job.pk).pk)

    text = exports.export_path(job.pk).read_text()
    exported = json.loads(text)
    assert [each["id"] for each in exported["notifications"]] == [row.pk]
    assert exported["notification_preferences"] == [
        {"topic": "direct", "channel": "email", "is_wanted": True}
    ]
    assert set(exported["notification_endpoints"][0]) == {
        *("id", "url", "is_enabled", "created_at", "rotated_at")
    }
    assert Endpoint.objects.get().secret.reveal() not in text
