"""How sockets end: with their session, by reading too slowly, with the server."""

import socket as plain_sockets
import threading
import time
from contextlib import contextmanager, suppress

import httpx
import pytest
import uvicorn
from django.apps import apps
from django.db import OperationalError
from django.utils import timezone

from accounts.services import profile
from accounts.services.tokens import read_access
from alice.common import gate, redis_client
from alice.common.realtime.close_codes import RESTARTING
from alice.common.realtime.consumers import EventsConsumer
from alice.common.realtime.groups import user_group
from alice.common.realtime.push import push
from alice.common.tests.kit import wait_until
from alice.runtime import websocket_protocol
from alice.runtime.web import web_config
from alice.tests.realtime.kit import greeted, open_relays, raw_socket, read_to_end

pytestmark = pytest.mark.django_db(transaction=True)

BIG = {"type": "note", "text": "x" * 200_000}


def log_out(server, client):
    headers = {"Authorization": f"Bearer {client.access_token}"}
    httpx.post(f"{server}/api/auth/logout", headers=headers).raise_for_status()


def test_a_logout_closes_the_sockets_of_its_session_alone(web_server, alice, bob):
    with greeted(web_server, alice) as ended, greeted(web_server, bob) as other:
        log_out(web_server, alice)
        end = ended.end()
        other.send({"type": "ping"})
        assert other.next() == {"type": "pong"}

    assert (end.code, end.reason, end.frames) == (4401, "session_ended", [])


ENDS = {
    "deactivated": lambda user, staff: profile.set_active(
        user_id=user.pk, is_active=False, actor=staff
    ),
    "deleted": lambda user, staff: profile.delete_account(owner_id=user.pk),
    "made staff": lambda user, staff: profile.set_role(
        user_id=user.pk, is_staff=True, is_superuser=False, actor=staff
    ),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_whatever_ends_a_session_closes_its_sockets(web_server, alice, staff, end):
    with greeted(web_server, alice) as socket:
        end(alice.user, staff.user)

        assert socket.end().code == 4401


@pytest.mark.parametrize("is_redis_there", [True, False])
def test_a_session_that_ended_unheard_closes_its_sockets(
    web_server, alice, bob, settings, redis_switch, is_redis_there
):
    settings.SOCKET_CHECK_SECONDS = 0.05
    with greeted(web_server, alice) as ended, greeted(web_server, bob) as other:
        apps.get_model("accounts.Session").objects.filter(user=alice.user).update(
            ended_at=timezone.now()
        )
        redis_client.client().delete(f"session:{alice.signed_in.pk}")
        if not is_redis_there:
            redis_switch.stop()
        assert ended.end().code == 4401
        other.send({"type": "ping"})
        assert other.next() == {"type": "pong"}


def test_a_socket_does_not_outlive_its_token(web_server, alice, bob, settings):
    settings.SOCKET_CHECK_SECONDS = 0.05
    with greeted(web_server, alice) as ended, greeted(web_server, bob) as other:
        outlets = {outlet.user_id: outlet for outlet in open_relays()[0].outlets}
        assert outlets[alice.user.pk].ends_at == read_access(alice.access_token).ends_at
        outlets[alice.user.pk].ends_at = time.time()

        end = ended.end()
        other.send({"type": "ping"})
        assert other.next() == {"type": "pong"}

    assert (end.code, end.reason) == (4401, "token_expired")


def test_sessions_in_use_cost_no_sql_to_look_at(web_server, alice, settings, monkeypatch):
    looked = []
    source = redis_client.client
    settings.SOCKET_CHECK_SECONDS = 0.02
    with greeted(web_server, alice):
        (relay,) = open_relays()
        close_ended = relay._close_ended

        async def count():
            await close_ended()
            looked.append(source().get(f"session:{alice.signed_in.pk}"))

        monkeypatch.setattr(relay, "_close_ended", count)
        wait_until(lambda: len(looked) >= 3)

    assert set(looked) == {b"1"}


def test_when_nobody_can_tell_sockets_stay(web_server, alice, settings, monkeypatch):
    asked = []

    def fail(session_ids):
        asked.append(session_ids)
        raise OperationalError

    settings.SOCKET_CHECK_SECONDS = 0.02
    monkeypatch.setattr(gate, "ended_sessions", fail)
    with greeted(web_server, alice) as socket:
        wait_until(lambda: len(asked) >= 3)
        socket.send({"type": "ping"})

        assert socket.next() == {"type": "pong"}


def test_whoever_does_not_read_is_cut_off_and_leaves_no_memory(
    web_server, alice, bob, monkeypatch
):
    monkeypatch.setattr(websocket_protocol, "PARTING_SECONDS", 0.1)
    with raw_socket(web_server, alice) as slow, greeted(web_server, bob) as other:
        (relay,) = open_relays()
        (outlet,) = (one for one in relay.outlets if one.user_id == alice.user.pk)
        waiting = []
        while outlet in relay.outlets:
            push(user_group(alice.user.pk), BIG)
            if not outlet.wire.transport.is_closing():
                waiting.append(outlet.wire.transport.get_write_buffer_size())
        wait_until(outlet.wire.transport.is_closing)
        push(user_group(bob.user.pk), {"type": "note"})
        assert other.next() == {"type": "note"}
        read_to_end(slow)

    assert max(waiting) < websocket_protocol.OUTBOX_BYTES + 300_000


def test_a_slow_reader_is_told(web_server, alice):
    with greeted(web_server, alice) as slow:
        (relay,) = open_relays()
        while relay.outlets:
            push(user_group(alice.user.pk), BIG)
        end = slow.end()

    assert end.code == 4409
    assert {frame["type"] for frame in end.frames} == {"note"}


def test_pings_without_end_that_nobody_reads_the_answers_of_end_the_socket(web_server, alice):
    ping = b"\x89\xfd\0\0\0\0" + b"x" * 125
    with raw_socket(web_server, alice, buffer_bytes=4096) as flood:
        with suppress(ConnectionResetError, BrokenPipeError):
            while True:
                flood.sendall(ping * 100)
        wait_until(lambda: open_relays() == [])


@contextmanager
def another_server(**changes):
    """A second server in this process, with a loop and a relay of its own."""
    listener = plain_sockets.create_server(("127.0.0.1", 0), backlog=128)
    config = web_config()
    for name, value in changes.items():
        setattr(config, name, value)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    wait_until(lambda: server.started)
    server.address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        yield server
    finally:
        server.should_exit = True
        thread.join()


def test_two_relays_hear_the_same(web_server, alice, bob):
    with another_server() as second:
        here, there = greeted(web_server, alice), greeted(second.address, alice)
        with here as here, there as there:
            assert len(open_relays()) == 2
            for number in range(50):
                push(user_group(alice.user.pk), {"type": "note", "n": number})

            heard = [[frame["n"] for frame in one.take(50)] for one in (here, there)]

    assert heard == [list(range(50))] * 2


def test_a_logout_in_one_process_closes_sockets_in_another(web_server, alice):
    with another_server() as second, greeted(second.address, alice) as socket:
        log_out(web_server, alice)

        assert socket.end().code == 4401


def test_a_server_that_ends_tells_its_sockets_and_lets_them_leave(alice, monkeypatch):
    left = []
    monkeypatch.setattr(EventsConsumer, "on_leave", lambda self: left.append(self.socket.user_id))
    with another_server() as server, greeted(server.address, alice) as socket:
        server.should_exit = True
        assert socket.end().code == RESTARTING

    assert left == [alice.user.pk]


def test_the_server_pings_and_ends_a_socket_that_does_not_answer(alice):
    assert (web_config().ws_ping_interval, web_config().ws_ping_timeout) == (25, 20)

    changes = {"ws_ping_interval": 1, "ws_ping_timeout": 0.1}
    with another_server(**changes) as server, raw_socket(server.address, alice) as silent:
        received = read_to_end(silent)

    assert received[:2] == b"\x89\x04"  # a ping with four bytes in it
    assert b"\x88" in received
