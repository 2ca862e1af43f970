"""What is pushed, who hears it, and in which order."""

import subprocess
import sys
import threading
import time

import pytest

from alice.common import redis_client
from alice.common.events import publish
from alice.common.realtime.close_codes import NOT_ALLOWED
from alice.common.realtime.consumers import EventsConsumer
from alice.common.realtime.groups import session_group, user_group
from alice.common.realtime.messages import channel_of, encode
from alice.common.realtime.push import close_group, push
from alice.common.tests.kit import at_most, wait_until
from alice.tests.realtime.kit import (
    ROOM,
    greeted,
    in_room,
    message,
    open_relays,
    open_socket,
    seqs,
)
from system.events import JobEnded, JobProgressed

pytestmark = pytest.mark.django_db(transaction=True)


def test_every_socket_of_the_group_hears_it_and_nobody_else(web_server, alice, bob):
    one, two, other = (greeted(web_server, client) for client in (alice, alice, bob))
    with one as one, two as two, other as other:
        push(user_group(alice.user.pk), {"type": "note", "text": "ä\u2028😀"})
        push(user_group(bob.user.pk), {"type": "note", "text": "bob's"})
        heard = [one.next(), two.next(), other.next()]

    assert [frame["text"] for frame in heard] == ["ä\u2028😀", "ä\u2028😀", "bob's"]


@pytest.mark.parametrize("size", [1, 100, 200, 70_000])
def test_frames_of_any_size_arrive_whole(web_server, alice, size):
    with greeted(web_server, alice) as socket:
        push(user_group(alice.user.pk), {"type": "note", "text": "x" * size})

        assert len(socket.next()["text"]) == size


def test_frames_arrive_in_the_order_of_the_calls(web_server, alice):
    with greeted(web_server, alice) as socket:
        for number in range(500):
            push(user_group(alice.user.pk), {"type": "note", "n": number})

        assert [frame["n"] for frame in socket.take(500)] == list(range(500))


def test_what_another_process_pushes_arrives(web_server, alice):
    code = (
        "import django; django.setup()\n"
        "from alice.common.realtime.push import push\n"
        f"push('{user_group(alice.user.pk)}', {{'type': 'note'}})\n"
    )
    with greeted(web_server, alice) as socket:
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60)  # noqa: S603

        assert socket.next() == {"type": "note"}


def test_a_push_costs_little_and_needs_no_event_loop(web_server, alice):
    push("user.0", {"type": "note"})

    with at_most(0.3, clock=time.thread_time):
        for _ in range(1000):
            push("user.0", {"type": "note"})


def test_what_cannot_be_encoded_is_logged_and_hurts_nobody(caplog):
    push("user.0", {"type": "note", 1: object()})

    assert [record.getMessage() for record in caplog.records] == ["A frame cannot be encoded"]


def test_a_message_that_makes_no_sense_hurts_nobody(web_server, alice, caplog):
    channel = channel_of(user_group(alice.user.pk))
    with greeted(web_server, alice) as socket:
        for junk in (b"\xc1", b"junk", encode({"type": "socket.frame"}), encode({}), b""):
            redis_client.client().publish(channel, junk)
        push(user_group(alice.user.pk), {"type": "note"})

        assert socket.next() == {"type": "note"}


def test_frames_with_a_seq_are_put_into_their_order_and_come_once(web_server, alice, room):
    with in_room(web_server, alice) as socket:
        for seq in (12, 11, 11, 10, 9, 13, 15, 12, 14):
            push(ROOM, message(seq), seq=seq)

        assert seqs(socket, 5) == [11, 12, 13, 14, 15]


def test_missing_frames_are_read_from_their_source(web_server, alice, bob, room):
    room |= {seq: message(seq) for seq in range(1, 21)}
    with in_room(web_server, alice) as one, in_room(web_server, bob) as two:
        push(ROOM, message(20), seq=20)

        expected = list(range(11, 21))
        assert [seqs(one, 10), seqs(two, 10)] == [expected, expected]


def test_frames_that_nobody_has_hold_up_the_others_for_a_moment_only(web_server, alice, room):
    with in_room(web_server, alice) as socket:
        push(ROOM, message(15), seq=15)
        push(ROOM, message(16), seq=16)

        assert seqs(socket, 2) == [15, 16]


def test_hello_comes_first_and_what_it_told_of_does_not_come_again(
    web_server, alice, room, monkeypatch
):
    def hello(self):
        for seq in (9, 10, 11, 12):
            push(ROOM, message(seq), seq=seq)
        (relay,) = open_relays()
        wait_until(lambda: 12 in relay.audiences[ROOM].held)
        return {"type": "hello", "seq": 10}

    monkeypatch.setattr(EventsConsumer, "hello", hello)
    with open_socket(web_server, token=alice.access_token) as socket:
        frames = socket.take(3)

    assert [(frame["type"], frame["seq"]) for frame in frames] == [
        ("hello", 10),
        ("message", 11),
        ("message", 12),
    ]


def test_whoever_comes_later_hears_the_same_from_their_hello_on(
    web_server, alice, bob, room, monkeypatch
):
    with in_room(web_server, alice) as early:
        monkeypatch.setattr(EventsConsumer, "hello", lambda self: {"type": "hello", "seq": 12})
        with in_room(web_server, bob) as late:
            for seq in (11, 12, 13):
                push(ROOM, message(seq), seq=seq)

            assert [seqs(early, 3), seqs(late, 1)] == [[11, 12, 13], [13]]


def test_many_writers_at_once_are_heard_in_one_order(web_server, alice, bob, room):
    def write(first):
        for seq in range(first, 411, 4):
            push(ROOM, message(seq), seq=seq)

    room |= {seq: message(seq) for seq in range(1, 411)}
    with in_room(web_server, alice) as one, in_room(web_server, bob) as two:
        writers = [threading.Thread(target=write, args=[first]) for first in range(11, 15)]
        for writer in writers:
            writer.start()
        heard = [seqs(one, 400), seqs(two, 400)]
        for writer in writers:
            writer.join()

    assert heard == [list(range(11, 411))] * 2


def test_a_group_is_closed_and_hears_nothing_more(web_server, alice, bob, room):
    with in_room(web_server, alice) as socket, in_room(web_server, bob) as other:
        close_group(user_group(alice.user.pk), NOT_ALLOWED, "removed")
        push(ROOM, message(11), seq=11)
        end = socket.end()
        assert seqs(other, 1) == [11]

    assert (end.code, end.reason, end.frames) == (4403, "removed", [])


def test_one_session_is_closed_and_the_user_s_others_stay(web_server, alice):
    with greeted(web_server, alice) as socket:
        close_group(session_group(alice.signed_in.pk + 1), 4401, "ended")
        close_group(session_group(alice.signed_in.pk), 4401, "ended")

        assert socket.end().code == 4401


def test_the_owner_of_a_job_hears_how_it_goes(web_server, alice, bob):
    job = {"job_id": 4, "owner_id": alice.user.pk, "kind": "export"}
    with greeted(web_server, alice) as socket:
        publish(JobProgressed(job_id=3, owner_id=bob.user.pk, kind="export", progress=40))
        publish(JobProgressed(**job, progress=40))
        publish(JobEnded(**job, status="completed", progress=100))
        frames = socket.take(2)

    assert frames == [
        {"type": "job", "id": 4, "kind": "export", "status": "running", "progress": 40},
        {"type": "job", "id": 4, "kind": "export", "status": "completed", "progress": 100},
    ]
