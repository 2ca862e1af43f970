"""What other apps announce, and who is told."""

from datetime import timedelta

import pytest
from django.utils import timezone
from kombu.exceptions import OperationalError

from accounts.events import PasswordChanged, SessionsEnded
from accounts.services import mails
from accounts.tests.factories import PASSWORD, make_user
from alice.common.events import publish
from collaboration.events import MessageSent, ShareMade
from collaboration.models import Message, Room, Share
from notifications import subscribers, tasks
from notifications.models import Delivery, Notification
from notifications.tests.factories import wish
from system.events import JobEnded
from system.models import Job

NEW_PASSWORD = "another-Zebra-7-lantern"

pytestmark = pytest.mark.django_db


@pytest.fixture
def news(monkeypatch, django_capture_on_commit_callbacks):
    """`news(event)` publishes it, and runs at once what workers are given to do."""
    for name in ("tell_mentioned", "tell_holder", "tell_job_owner", "tell_of_security"):
        task = getattr(tasks, name)
        monkeypatch.setattr(subscribers.tasks, name, Eager(task))

    def announce(event):
        with django_capture_on_commit_callbacks(execute=True):
            publish(event)

    return announce


class Eager:
    def __init__(self, task):
        self.delay = task


def say(author, text="Hi @bob"):
    room, _ = Room.objects.get_or_create(room_id="general")
    room.last_seq += 1
    room.save(update_fields=["last_seq"])
    return Message.objects.create(room=room, author=author, message=text, seq=room.last_seq)


def sent(message, *mentioned):
    return MessageSent(
        message_id=message.pk,
        room_id="general",
        seq=message.seq,
        author_id=message.author_id,
        mentioned_ids=tuple(user.pk for user in mentioned),
    )


def share(owner, holder, **fields):
    return Share.objects.create(
        owner=owner, shared_with=holder, **{"resource_type": "item", "resource_id": 7, **fields}
    )


def made(row):
    return ShareMade(
        share_id=row.pk,
        owner_id=row.owner_id,
        holder_id=row.shared_with_id,
        resource_type=row.resource_type,
        resource_id=row.resource_id,
    )


def job(owner_id, status, kind="accounts.export", **fields):
    now = timezone.now()
    return Job.objects.create(
        kind=kind, owner_id=owner_id, status=status, due_at=now, finished_at=now, **fields
    )


def ended(row):
    return JobEnded(
        job_id=row.pk,
        owner_id=row.owner_id,
        kind=row.kind,
        status=row.status,
        progress=row.progress,
    )


def told(owner):
    return Notification.objects.get(owner=owner)


def test_those_mentioned_are_told_by_whom_and_where(news, alice, bob):
    message = say(alice.user, "Hi @bob, " + "x" * 300)

    news(sent(message, bob.user))

    row = told(bob.user)
    assert (row.topic, row.title) == ("chat.mention", "alice mentions you in general")
    assert (row.message[:8], len(row.message)) == ("Hi @bob,", 200)
    assert (row.action_url, row.sender_id) == ("/chat/general", alice.user.pk)
    assert row.metadata == {"room_id": "general", "message_id": message.pk, "seq": 1}


def test_a_message_is_told_of_once(news, alice, bob):
    event = sent(say(alice.user), bob.user)

    news(event)
    news(event)

    assert Notification.objects.count() == 1


def test_a_message_that_names_nobody_is_no_news(news, alice, bob):
    news(sent(say(alice.user)))

    assert not Notification.objects.exists()


def test_a_message_deleted_or_without_an_author_is_no_news(news, alice, bob):
    deleted, orphan = say(alice.user), say(alice.user)
    Message.objects.filter(pk=deleted.pk).update(deleted_at=timezone.now(), message="")
    Message.objects.filter(pk=orphan.pk).update(author=None)

    news(sent(deleted, bob.user))
    news(sent(orphan, bob.user))

    assert not Notification.objects.exists()


def test_who_wants_no_mentions_gets_none(news, alice, bob):
    wish(bob.user, "chat.mention", in_app=False)

    news(sent(say(alice.user), bob.user))

    assert not Notification.objects.exists()


@pytest.mark.parametrize("people", [1, 20])
def test_telling_of_a_mention_costs_the_same_however_many(
    alice, people, django_assert_num_queries
):
    named = [make_user() for _ in range(people)]
    message = say(alice.user)

    with django_assert_num_queries(8):
        tasks.tell_mentioned(message.pk, [user.pk for user in named])

    assert Notification.objects.count() == people


@pytest.mark.parametrize(
    ("fields", "title", "message"),
    [
        ({}, "alice shares an item with you", "You may view it."),
        (
            {"resource_type": "file", "permission": "edit"},
            "alice shares a file with you",
            "You may view and change it.",
        ),
        ({"resource_type": "media"}, "alice shares a media object with you", "You may view it."),
    ],
)
def test_whom_something_is_shared_with_is_told(news, alice, bob, fields, title, message):
    row = share(alice.user, bob.user, **fields)

    news(made(row))

    notification = told(bob.user)
    assert (notification.title, notification.message) == (title, message)
    assert notification.action_url == f"/shared/{row.token}"
    assert notification.metadata["share_id"] == row.pk


def test_a_link_and_what_is_over_are_no_news(news, alice, bob):
    revoked = share(alice.user, bob.user, revoked_at=timezone.now())
    expired = share(alice.user, bob.user, expires_at=timezone.now() - timedelta(days=1))

    for row in (share(alice.user, None), revoked, expired):
        news(made(row))

    assert not Notification.objects.exists()


@pytest.mark.parametrize(
    ("kind", "status", "topic", "title"),
    [
        ("accounts.export", "completed", "export.ready", "Your export is ready"),
        ("accounts.export", "failed", "job.failed", "Your export has failed"),
        ("media.transcode", "failed", "job.failed", "Your transcode has failed"),
        ("anything", "failed", "job.failed", "Your work has failed"),
    ],
)
def test_who_started_a_job_is_told_how_it_ended(news, alice, kind, status, topic, title):
    row = job(alice.user.pk, status, kind, error="The source was deleted.")

    news(ended(row))

    notification = told(alice.user)
    assert (notification.topic, notification.title) == (topic, title)
    assert notification.metadata == {"job_id": row.pk, "kind": kind, "status": status}
    is_failure = status == "failed"
    assert notification.message == ("The source was deleted." if is_failure else "")
    assert notification.notification_type == ("error" if is_failure else "success")


def test_other_work_that_is_done_is_told_to_who_wants_it(news, alice, bob):
    wish(bob.user, "job.completed", in_app=True)

    for client in (alice, bob):
        news(ended(job(client.user.pk, "completed", "media.transcode")))

    assert told(bob.user).title == "Your transcode is done"
    assert not Notification.objects.filter(owner=alice.user).exists()


def test_a_cancelled_job_and_one_of_the_system_are_no_news(news, alice):
    news(ended(job(alice.user.pk, "cancelled")))
    news(ended(job(None, "failed")))

    assert not Notification.objects.exists()


def test_a_job_that_fails_again_is_news_again(news, alice):
    row = job(alice.user.pk, "failed")
    news(ended(row))
    news(ended(row))
    Job.objects.update(finished_at=timezone.now() + timedelta(minutes=1))

    news(ended(row))

    assert Notification.objects.count() == 2


def test_a_new_password_is_told_once_in_the_app_and_by_mail(news, alice):
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}

    assert alice.post("/api/auth/password", body).status_code == 200

    row = told(alice.user)
    assert (row.topic, row.title) == ("security", "Your password was changed")
    assert row.notification_type == "warning"
    assert Delivery.objects.get().channel == "email"


def test_a_password_reset_is_told_though_no_session_ended(news, anonymous):
    user = make_user("ada")
    body = {"token": mails.reset_token(user), "new_password": NEW_PASSWORD}

    assert anonymous.post("/api/auth/password/reset/confirm", body).status_code == 200

    assert told(user).title == "Your password was changed"


def test_each_new_password_is_news_and_each_only_once(news, alice):
    for audit_id in (1, 2, 2):
        news(PasswordChanged(user_id=alice.user.pk, audit_id=audit_id))

    assert Notification.objects.filter(owner=alice.user).count() == 2


def test_a_refused_password_is_no_news(news, alice):
    body = {"current_password": "wrong-password", "new_password": NEW_PASSWORD}

    assert alice.post("/api/auth/password", body).status_code == 400

    assert not Notification.objects.exists()


def test_a_new_address_is_told_and_a_new_name_is_not(news, alice):
    assert alice.patch("/api/auth/me", {"username": "alicia"}).status_code == 200
    assert not Notification.objects.exists()

    body = {"email": "new@example.com", "current_password": PASSWORD}
    assert alice.patch("/api/auth/me", body).status_code == 200

    row = told(alice.user)
    assert (row.topic, row.title) == ("security", "Your e-mail address was changed")
    assert row.metadata == {"reason": "email_changed"}


@pytest.mark.parametrize(
    ("reason", "title"),
    [
        ("reuse", "A session of yours was ended"),
        ("role", "Your role was changed"),
        ("password", None),
        ("logout", None),
    ],
)
def test_sessions_that_others_may_have_ended_are_told(news, alice, reason, title):
    news(SessionsEnded(user_id=alice.user.pk, session_ids=(8, 7), reason=reason))

    titles = list(Notification.objects.values_list("title", flat=True))
    assert titles == ([title] if title else [])


def test_news_is_told_while_redis_is_away(alice, anonymous, redis_switch):
    user = make_user("ada")
    redis_switch.stop()
    body = {"token": mails.reset_token(user), "new_password": NEW_PASSWORD}

    assert anonymous.post("/api/auth/password/reset/confirm", body).status_code == 200

    assert told(user).title == "Your password was changed"


def test_news_is_told_when_no_worker_can_be(alice, bob, monkeypatch):
    def out_of_reach(*_):
        raise OperationalError("the broker does not answer")

    monkeypatch.setattr(tasks.tell_holder, "delay", out_of_reach)
    row = share(alice.user, bob.user)

    subscribers.notify_holder(made(row))

    assert told(bob.user).title == "alice shares an item with you"


def test_signing_out_is_no_news(news, alice):
    assert alice.post("/api/auth/logout").status_code in {200, 204}

    assert not Notification.objects.exists()
