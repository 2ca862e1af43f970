"""The services behind: sources told once, groups, live frames."""

import pytest
from django.db import DataError, IntegrityError, transaction

from accounts.tests.factories import make_user
from alice.common.errors import Invalid
from notifications.models import Delivery, Notification
from notifications.services import payloads, sending
from notifications.services.sending import Note
from notifications.tests.factories import NOTE, make_endpoint, tell, wish

pytestmark = pytest.mark.django_db


def test_a_bell_rings_with_every_key_of_the_api(alice, frames):
    tell(alice.user)
    frames.clear()

    body = alice.post("/api/notify/send", NOTE).json()

    group = f"user.{alice.user.pk}"
    assert frames == [
        (group, {"type": "notification", **body}),
        (group, {"type": "unread", "unread": 2}),
    ]


def test_what_goes_out_has_the_keys_and_values_of_the_api(alice):
    row = tell(alice.user, message="World", metadata={"a": [1, None]})
    for verb in ("read", "archive"):
        alice.post(f"/api/notify/{row.pk}/{verb}")
        row.refresh_from_db()

        assert payloads.payload_of(row) == alice.get(f"/api/notify/{row.pk}").json()


def test_nothing_rings_when_the_transaction_fails(
    alice, frames, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        tell(alice.user)
        transaction.set_rollback(True)

    assert frames == []
    assert not Notification.objects.exists()


def test_nobody_is_told_twice_of_the_same_source(alice, bob):
    first = tell(alice.user, source="share:7")

    assert first is not None
    assert tell(alice.user, source="share:7") is None
    assert tell(bob.user, source="share:7") is not None
    assert tell(alice.user, source="share:8") is not None
    assert tell(alice.user) is not None
    assert Notification.objects.filter(owner=alice.user).count() == 3


def test_of_two_who_tell_the_same_at_once_the_second_fails(alice, monkeypatch):
    tell(alice.user, source="share:7")
    monkeypatch.setattr(sending, "_not_yet_told", lambda owner_ids, source: owner_ids)

    with pytest.raises(IntegrityError), transaction.atomic():
        tell(alice.user, source="share:7")

    assert Notification.objects.count() == 1


def test_a_group_is_told_by_active_members_only(alice, bob):
    gone = make_user("gone", is_active=False)
    owner_ids = [alice.user.pk, bob.user.pk, gone.pk, 10**12]

    sent = sending.notify_many(owner_ids=owner_ids, note=Note(topic="direct", title="Hello"))

    assert {row.owner_id for row in sent} == {alice.user.pk, bob.user.pk}
    assert Notification.objects.count() == 2


@pytest.mark.parametrize("members", [1, 20])
def test_telling_a_group_costs_the_same_however_many(members, django_assert_num_queries):
    owners = [make_user() for _ in range(members)]
    for owner in owners:
        make_endpoint(owner)
        wish(owner, "chat.mention", email=True)

    # A savepoint; users, who was told, wishes, endpoints, digests; notifications, deliveries.
    with django_assert_num_queries(9):
        sending.notify_many(
            owner_ids=[owner.pk for owner in owners],
            note=Note(topic="chat.mention", title="Hello", source="message:1"),
        )

    assert Notification.objects.count() == members
    assert Delivery.objects.count() == 2 * members


def test_a_script_is_refused_whoever_sends_it(alice):
    with pytest.raises(Invalid):
        tell(alice.user, action_url="javascript:alert(1)")

    assert not Notification.objects.exists()


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"title": ""}, IntegrityError),
        ({"title": "x" * 201}, DataError),
        ({"notification_type": "fatal"}, IntegrityError),
        ({"action_url": "javascript:alert(1)"}, IntegrityError),
        ({"action_url": "//evil.example"}, IntegrityError),
        ({"action_url": "/\\evil.example"}, IntegrityError),
    ],
)
def test_the_database_keeps_the_rules_too(alice, fields, error):
    with pytest.raises(error), transaction.atomic():
        Notification.objects.create(owner=alice.user, **{"title": "Hello", **fields})


def test_a_user_who_leaves_takes_all_along(alice):
    make_endpoint(alice.user)
    wish(alice.user, "direct", email=True)
    alice.put("/api/notify/preferences", {"digest": "daily"})
    tell(alice.user)

    assert alice.delete("/api/auth/me").status_code == 204

    assert not Notification.objects.exists()
    assert not Delivery.objects.exists()
