"""What sockets miss while Redis is away, and how they come by it."""

import pytest
from django.db import InterfaceError, OperationalError

from alice.common import redis_client
from alice.common.errors import Forbidden
from alice.common.realtime import catching_up
from alice.common.realtime import push as pushing
from alice.common.realtime.consumers import EventsConsumer
from alice.common.realtime.groups import user_group
from alice.common.realtime.push import close_group, push
from alice.tests.realtime.kit import greeted, in_room, message, seqs

pytestmark = pytest.mark.django_db(transaction=True)


def cut_off():
    """End the connections on which processes of this database hear of publications."""
    client = redis_client.client()
    database = str(client.connection_pool.connection_kwargs["db"])
    for one in client.client_list(_type="pubsub"):
        if one["db"] == database:
            client.client_kill_filter(_id=one["id"])


def test_a_relay_that_was_cut_off_hears_again_and_says_so(web_server, alice):
    with greeted(web_server, alice) as one, greeted(web_server, alice) as two:
        cut_off()
        assert [one.next(), two.next()] == [{"type": "resync"}] * 2
        push(user_group(alice.user.pk), {"type": "note"})
        for socket in (one, two):  # a hint may come twice, the note comes
            assert all(
                frame == {"type": "resync"} for frame in iter(socket.next, {"type": "note"})
            )


def test_what_was_sent_meanwhile_is_read_from_its_source(web_server, alice, bob, room):
    with in_room(web_server, alice) as one, in_room(web_server, bob) as two:
        room |= {seq: message(seq) for seq in range(11, 15)}
        cut_off()

        for socket in (one, two):
            assert seqs(socket, 4) == [11, 12, 13, 14]
            assert socket.next() == {"type": "resync"}


@pytest.mark.parametrize("fault", [OperationalError, InterfaceError])
def test_while_the_database_is_away_too_it_is_asked_again(
    web_server, alice, room, monkeypatch, fault
):
    faults, source = [fault, fault], catching_up._sources["room"]

    def fail_twice(pk, after_seq):
        if faults:
            raise faults.pop()
        return source(pk, after_seq)

    monkeypatch.setitem(catching_up._sources, "room", fail_twice)
    with in_room(web_server, alice) as socket:
        room[11] = message(11)
        cut_off()

        assert socket.next() == message(11)


def test_whether_one_may_be_there_is_asked_until_somebody_can_say(
    web_server, alice, bob, monkeypatch
):
    answers = [OperationalError, Forbidden]

    def refuse(self, user_id, kwargs):
        raise answers.pop(0)

    with greeted(web_server, alice) as socket:
        monkeypatch.setattr(EventsConsumer, "authorize", refuse)
        cut_off()

        assert socket.end().code == 4403


def test_what_was_stored_and_never_told_is_found(web_server, alice, bob, room, settings):
    settings.SOCKET_CHECK_SECONDS = 0.05
    with in_room(web_server, alice) as one, in_room(web_server, bob) as two:
        room[11] = message(11)

        assert [one.next(), two.next()] == [message(11)] * 2


def test_who_may_not_be_there_any_more_is_closed(web_server, alice, monkeypatch):
    def refuse(self, user_id, kwargs):
        raise Forbidden

    with greeted(web_server, alice) as socket:
        monkeypatch.setattr(EventsConsumer, "authorize", refuse)
        cut_off()
        end = socket.end()

    assert (end.code, [frame["type"] for frame in end.frames]) == (4403, ["error"])


def test_a_publisher_that_was_cut_off_tells_of_what_it_could_not_say(
    web_server, alice, bob, redis_switch
):
    with greeted(web_server, alice) as socket, greeted(web_server, bob) as other:
        redis_switch.stop()
        push(user_group(alice.user.pk), {"type": "note"})
        close_group(user_group(bob.user.pk), 4403, "removed")
        assert len(pushing._unsent._messages) == 2
        redis_switch.start()

        assert socket.next() == {"type": "resync"}
        assert other.end().code == 4403
    assert pushing._unsent._messages == {}


def test_of_too_many_groups_everybody_is_told(web_server, alice, redis_switch, monkeypatch):
    monkeypatch.setattr(pushing, "UNSENT_MAX", 3)
    with greeted(web_server, alice) as socket:
        redis_switch.stop()
        for number in range(5):
            push(f"room.{number}", {"type": "note"})
        assert len(pushing._unsent._messages) == 4
        redis_switch.start()

        assert socket.next() == {"type": "resync"}
