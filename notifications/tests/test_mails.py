"""Notifications by mail: to whom, what it says, digests, and what happens when it fails."""

import smtplib
import threading
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection
from django.utils import timezone

from accounts.models import User
from accounts.tests.factories import make_user
from notifications import tasks
from notifications.models import Delivery, MailSettings
from notifications.services import deliveries, draining, mails
from notifications.tests.factories import tell, wish

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 4, 12, 20, tzinfo=UTC)
PREFERENCES = "/api/notify/preferences"


@pytest.fixture
def mailed(verified):
    """alice, who wants mails of what is sent to her directly."""
    wish(verified, "direct", email=True)
    return verified


@pytest.fixture
def server_down(monkeypatch):
    """A mail server that takes nothing until it is told to."""
    state = {"is_down": True}
    send = EmailBackend.send_messages

    def refuse(self, messages):
        if state["is_down"]:
            raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")
        return send(self, messages)

    monkeypatch.setattr(EmailBackend, "send_messages", refuse)
    return state


def set_digest(owner, digest):
    MailSettings.objects.update_or_create(owner=owner, defaults={"digest": digest})


def drain():
    return draining.deliver_due("email")


def states():
    return list(Delivery.objects.order_by("pk").values_list("status", "attempts"))


def test_a_mail_says_what_why_and_how_to_stop_it(mailed, settings):
    settings.PUBLIC_URL = "https://alice.example"
    tell(
        mailed, title="Your <b>render</b>\n is done", message="It's 3 & 4.", action_url="/items/7"
    )

    assert drain() == 1

    (message,) = mail.outbox
    assert message.to == ["alice@example.com"]
    assert message.subject == "Your <b>render</b> is done"
    assert "Hello alice," in message.body
    assert "It's 3 & 4." in message.body
    assert "\nhttps://alice.example/items/7\n" in message.body
    assert "PUT /api/notify/preferences" in message.body
    assert message.message()["Auto-Submitted"] == "auto-generated"
    assert message.message().get_content_type() == "text/plain"


def test_a_title_makes_no_header(mailed):
    tell(mailed, title="Hi\r\nBcc: everybody@example.com")

    drain()

    (message,) = mail.outbox
    assert message.subject == "Hi Bcc: everybody@example.com"
    assert message.recipients() == ["alice@example.com"]


def test_an_address_that_is_not_verified_gets_nothing(alice):
    wish(alice.user, "direct", email=True)
    tell(alice.user)

    drain()

    delivery = Delivery.objects.get()
    assert mail.outbox == []
    assert (delivery.status, delivery.error) == ("failed", mails.NOT_VERIFIED)


def test_who_is_deactivated_gets_nothing(mailed):
    tell(mailed)
    User.objects.filter(pk=mailed.pk).update(is_active=False)

    drain()

    assert mail.outbox == []
    assert Delivery.objects.get().error == mails.NOT_ACTIVE


def test_each_goes_at_once_and_once(mailed, woken, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        tell(mailed, title="one")
    tell(mailed, title="two")

    assert woken == ["email"]
    assert (drain(), drain()) == (2, 0)
    assert [message.subject for message in mail.outbox] == ["one", "two"]
    assert states() == [("delivered", 1)] * 2


def test_a_mail_that_fails_is_tried_again_later_each_time(mailed, server_down):
    moments = []
    with time_machine.travel(NOON, tick=False) as clock:
        tell(mailed)
        while Delivery.objects.get().status == "pending":
            moments.append(timezone.now() - NOON)
            assert drain() == 1
            clock.move_to(Delivery.objects.get().due_at)

    minutes = [round(moment.total_seconds() / 60) for moment in moments]
    assert len(minutes) == 6
    bounds = zip(minutes, [0, 1, 6, 36, 156, 516], [0, 1, 7, 40, 172, 568], strict=True)
    assert all(least <= minute <= most for minute, least, most in bounds)
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.error) == ("failed", mails.NOT_TAKEN)
    assert mail.outbox == []


def test_a_second_try_has_the_message_id_of_the_first(mailed, server_down, monkeypatch):
    seen = []
    make = mails.mail_of
    monkeypatch.setattr(mails, "mail_of", lambda rows: seen.append(made := make(rows)) or made)
    with time_machine.travel(NOON, tick=False) as clock:
        tell(mailed)
        drain()
        server_down["is_down"] = False
        clock.shift(timedelta(minutes=2))
        drain()

    first, second = (message.extra_headers["Message-ID"] for message in seen)
    assert first == second
    assert first == f"<{Delivery.objects.get().message_id}@localhost>"
    assert len(mail.outbox) == 1


def test_a_worker_that_dies_in_between_does_not_lose_the_mail(mailed):
    with time_machine.travel(NOON, tick=False) as clock:
        tell(mailed)
        deliveries.claim_mail()
        assert drain() == 0
        clock.shift(deliveries.LEASE)
        assert drain() == 1

    assert len(mail.outbox) == 1
    assert states() == [("delivered", 2)]


def test_a_mail_that_kills_each_worker_is_given_up(mailed):
    with time_machine.travel(NOON, tick=False) as clock:
        tell(mailed)
        for _ in range(6):
            deliveries.claim_mail()
            clock.shift(deliveries.LEASE)
        drain()

    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.error) == ("failed", deliveries.WORKER_LOST)
    assert mail.outbox == []


def test_a_worker_that_was_too_slow_settles_nothing(mailed):
    with time_machine.travel(NOON, tick=False) as clock:
        tell(mailed)
        slow = deliveries.claim_mail()
        clock.shift(deliveries.LEASE)
        drain()
        deliveries.settle_failed(slow, "too late")

    assert states() == [("delivered", 2)]


def test_a_fault_of_ours_is_logged_and_tried_again_without_stopping_others(
    mailed, monkeypatch, caplog
):
    make = mails.mail_of

    def fail_first(rows):
        if rows[0].notification.title == "bad":
            raise ValueError
        return make(rows)

    monkeypatch.setattr(mails, "mail_of", fail_first)
    tell(mailed, title="bad")
    tell(mailed, title="good")

    drain()

    assert [message.subject for message in mail.outbox] == ["good"]
    assert states() == [("pending", 1), ("delivered", 1)]
    assert "Delivery failed" in caplog.text


@pytest.mark.parametrize(
    ("digest", "due"),
    [
        ("hourly", datetime(2026, 3, 4, 13, 0, tzinfo=UTC)),
        ("daily", datetime(2026, 3, 5, 8, 0, tzinfo=UTC)),
    ],
)
def test_a_digest_is_one_mail_when_its_time_has_come(mailed, digest, due):
    set_digest(mailed, digest)
    with time_machine.travel(NOON, tick=False) as clock:
        for title in ("one", "two", "three"):
            tell(mailed, title=title, action_url="https://example.com/" + title)
        assert {row.due_at for row in Delivery.objects.all()} == {due}
        clock.move_to(due - timedelta(seconds=1))
        assert drain() == 0
        clock.move_to(due)
        assert drain() == 3

    (message,) = mail.outbox
    assert message.subject == "3 notifications"
    assert message.body.index("one") < message.body.index("two") < message.body.index("three")
    assert states() == [("delivered", 1)] * 3


def test_a_morning_digest_before_eight_is_of_the_same_day(mailed):
    set_digest(mailed, "daily")

    with time_machine.travel(NOON.replace(hour=7), tick=False):
        tell(mailed)

    assert Delivery.objects.get().due_at == NOON.replace(hour=8, minute=0)


def test_a_digest_of_one_is_named_after_it(mailed):
    set_digest(mailed, "hourly")
    with time_machine.travel(NOON, tick=False) as clock:
        tell(mailed, title="alone")
        clock.shift(timedelta(hours=1))
        drain()

    assert [message.subject for message in mail.outbox] == ["alone"]


def test_a_digest_that_fails_stays_the_same_mail_and_new_ones_make_another(mailed, server_down):
    set_digest(mailed, "hourly")
    with time_machine.travel(NOON, tick=False) as clock:
        tell(mailed, title="one")
        tell(mailed, title="two")
        clock.move_to(NOON.replace(hour=13, minute=0))
        drain()
        tell(mailed, title="later")
        server_down["is_down"] = False
        clock.move_to(NOON.replace(hour=14, minute=0))
        assert drain() == 3

    assert sorted(message.subject for message in mail.outbox) == ["2 notifications", "later"]
    assert len({row.message_id for row in Delivery.objects.all()}) == 2


def test_a_digest_left_by_a_worker_that_died_goes_once_and_whole(mailed):
    set_digest(mailed, "hourly")
    with time_machine.travel(NOON, tick=False) as clock:
        tell(mailed)
        tell(mailed)
        clock.shift(timedelta(hours=1))
        deliveries.claim_mail()
        clock.shift(deliveries.LEASE)
        assert (drain(), drain()) == (2, 0)

    assert [message.subject for message in mail.outbox] == ["2 notifications"]


def test_a_digest_is_of_one_user(mailed):
    other = make_user(email_verified_at=NOON)
    wish(other, "direct", email=True)
    set_digest(mailed, "hourly")
    set_digest(other, "hourly")
    with time_machine.travel(NOON, tick=False) as clock:
        for owner in (mailed, other, mailed, other):
            tell(owner, title=owner.username)
        clock.shift(timedelta(hours=1))
        drain()

    assert sorted(message.to[0] for message in mail.outbox) == sorted([mailed.email, other.email])
    assert {message.subject for message in mail.outbox} == {"2 notifications"}


def test_a_long_digest_names_a_hundred_and_counts_the_rest(mailed):
    set_digest(mailed, "hourly")
    with time_machine.travel(NOON, tick=False) as clock:
        for number in range(103):
            tell(mailed, title=f"number {number}.")
        clock.shift(timedelta(hours=1))
        drain()

    (message,) = mail.outbox
    assert "number 99." in message.body
    assert "number 100." not in message.body
    assert "... and 3 more." in message.body


def test_another_digest_takes_along_what_waits(alice, mailed):
    with time_machine.travel(NOON, tick=False):
        set_digest(mailed, "daily")
        tell(mailed)
        deliveries.claim_mail()
    client = alice.sign_in(mailed)

    assert client.put(PREFERENCES, {"digest": "none"}).json()["digest"] == "none"

    assert drain() == 1
    assert len(mail.outbox) == 1


def test_a_deleted_notification_is_not_mailed(alice, mailed):
    set_digest(mailed, "hourly")
    row = tell(mailed)

    alice.delete(f"/api/notify/{row.pk}")

    assert not Delivery.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_make_one_mail_of_a_digest():
    owner = make_user(email_verified_at=timezone.now())
    wish(owner, "direct", email=True)
    MailSettings.objects.create(owner=owner, digest="hourly")
    for _ in range(20):
        tell(owner)
    Delivery.objects.update(due_at=timezone.now())
    start = threading.Barrier(4)
    claimed = []

    def work():
        start.wait()
        claimed.append(len(deliveries.claim_mail()))
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(claimed) == [0, 0, 0, 20]


def test_a_task_leaves_the_work_to_those_who_do_it(mailed, woken):
    tell(mailed)
    with tasks.slots.slot("notifications.email", 2), tasks.slots.slot("notifications.email", 2):
        tasks.deliver("email")

    assert mail.outbox == []
    assert woken == []


def test_a_task_wakes_the_next_for_what_is_left(
    mailed, woken, monkeypatch, django_capture_on_commit_callbacks
):
    monkeypatch.setattr(draining, "DRAIN_SECONDS", 0)
    tell(mailed)

    with django_capture_on_commit_callbacks(execute=True):
        tasks.deliver("email")

    assert woken == ["email"]


def test_beat_finds_what_no_worker_was_told_of(mailed, woken, django_capture_on_commit_callbacks):
    tell(mailed)

    with django_capture_on_commit_callbacks(execute=True):
        assert tasks.deliver_due() == 1

    assert woken == ["email"]
    tasks.deliver("email")
    assert len(mail.outbox) == 1
