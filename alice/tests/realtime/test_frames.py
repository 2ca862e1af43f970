"""What clients may send, and what becomes of the rest."""

import logging
import struct
import threading
from contextlib import suppress

import pytest
from django.db import connection
from websockets.exceptions import ConnectionClosed

from alice.common import request_context
from alice.common.errors import NotFound
from alice.common.realtime.consumers import EventsConsumer
from alice.common.tests.kit import at_most
from alice.tests.realtime.kit import greeted, raw_socket, read_to_end

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def handle(monkeypatch):
    """Have frames of type "test" handled by the function it is given."""

    def register(handler):
        monkeypatch.setattr(EventsConsumer, "frame_handlers", {"test": handler})

    return register


GARBAGE = [
    "not json",
    b'{"type": "ping"}',
    "",
    "[" * 60_000,
    '{"a":' * 65 + "1" + "}" * 65,
    '["type"]',
    "null",
    "{}",
    '{"type": 1}',
    '{"type": "ping", "x": "\\u0000"}',
    '{"type": "ping", "x": "\\ud800"}',
    '{"type": "ping", "x": NaN}',
]


def test_garbage_gets_an_error_frame_and_the_socket_stays(web_server, alice, caplog):
    with greeted(web_server, alice) as socket:
        for frame in GARBAGE:
            socket.send(frame, {"type": "ping"})
            error, pong = socket.take(2)
            assert (frame, error["code"], pong) == (frame, "bad_frame", {"type": "pong"})

    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("kind", ["nothing", "__init__", "auth", ""])
def test_an_unknown_type_gets_an_error_frame(web_server, alice, kind):
    with greeted(web_server, alice) as socket:
        socket.send({"type": kind})

        assert socket.next()["code"] == "unknown_type"


def test_ten_bad_frames_in_a_row_close_the_socket(web_server, alice):
    with greeted(web_server, alice) as socket:
        socket.send(*["bad"] * 9, {"type": "ping"}, *["bad"] * 10)
        end = socket.end()

    assert [frame["type"] for frame in end.frames] == ["error"] * 9 + ["pong"] + ["error"] * 10
    assert end.code == 4400


@pytest.mark.parametrize("size", [65_537, 1_000_000, 17_000_000])
def test_a_frame_above_64_kib_ends_the_socket(web_server, alice, size):
    with greeted(web_server, alice) as socket:
        with suppress(ConnectionClosed):
            socket.send("x" * size)
        end = socket.end()

    assert (end.code, end.frames) in [(1009, []), (1006, [])]
    assert size > 65_537 or end.code == 1009


def test_a_frame_of_64_kib_is_read(web_server, alice):
    with greeted(web_server, alice) as socket:
        frame = '{"type": "ping", "x": "%s"}'
        socket.send(frame % ("x" * (65_536 - len(frame) + 2)))

        assert socket.next() == {"type": "pong"}


@pytest.mark.parametrize("field", ["ref", "client_id"])
def test_an_error_says_to_which_frame_it_belongs(web_server, alice, field):
    with greeted(web_server, alice) as socket:
        socket.send({"type": "nothing", field: "a-1"})

        assert socket.next()["ref"] == "a-1"


def test_a_handler_answers_with_the_user_known_and_a_connection(web_server, alice, handle):
    def answer(socket, frame):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 40 + %s", [frame["x"]])
            (number,) = cursor.fetchone()
        context = request_context.current()
        return {"type": "sum", "x": number, "who": [socket.user_id, context.user_id, context.peer]}

    handle(answer)
    with greeted(web_server, alice) as socket:
        socket.send({"type": "test", "x": 2})

        who = [alice.user.pk, alice.user.pk, "127.0.0.1"]
        assert socket.next() == {"type": "sum", "x": 42, "who": who}


def test_frames_of_one_socket_are_handled_one_after_the_other(web_server, alice, handle):
    running = []

    def answer(socket, frame):
        running.append(frame["n"])
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        socket.send({"type": "said", "n": frame["n"]})
        return {"type": "answered", "n": running.pop()}

    handle(answer)
    with greeted(web_server, alice) as socket:
        socket.send(*({"type": "test", "n": n} for n in range(30)))
        frames = socket.take(60)

    expected = [(kind, n) for n in range(30) for kind in ("said", "answered")]
    assert [(frame["type"], frame["n"]) for frame in frames] == expected


def test_a_slow_handler_holds_up_no_other_socket(web_server, alice, bob, handle):
    is_over = threading.Event()
    handle(lambda socket, frame: is_over.wait(10) and None)
    with greeted(web_server, alice) as slow, greeted(web_server, bob) as other:
        slow.send({"type": "test"}, {"type": "ping"})
        other.send({"type": "ping"})
        assert other.next() == {"type": "pong"}
        is_over.set()
        assert slow.next() == {"type": "pong"}


def test_a_rule_that_says_no_is_told(web_server, alice, handle):
    def refuse(socket, frame):
        raise NotFound("No such thing.")

    handle(refuse)
    with greeted(web_server, alice) as socket:
        socket.send({"type": "test", "ref": 7})

        told = {"type": "error", "code": "not_found", "detail": "No such thing.", "ref": 7}
        assert socket.next() == told


def test_a_fault_of_ours_is_logged_once_and_the_socket_stays(web_server, alice, handle, caplog):
    handle(lambda socket, frame: 1 / 0)
    with greeted(web_server, alice) as socket:
        socket.send({"type": "test"}, {"type": "ping"})
        error, pong = socket.take(2)

    assert (error["code"], pong["type"]) == ("server_error", "pong")
    assert "division" not in str(error)
    assert [record.getMessage() for record in caplog.records if record.exc_info] == [
        "A frame failed"
    ]


def test_a_broken_connection_is_replaced_for_the_next_frame(web_server, alice, handle):
    def break_it(socket, frame):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    handle(break_it)
    with greeted(web_server, alice) as socket:
        socket.send(*[{"type": "test"}] * 3)

        assert [frame["code"] for frame in socket.take(3)] == ["database_unavailable"] * 3


def test_too_many_frames_are_refused_one_by_one(web_server, alice, settings):
    settings.SOCKET_FRAMES_PER_SECOND = 5
    with greeted(web_server, alice) as socket, at_most(10):
        socket.send(*[{"type": "ping"}] * 30)
        frames = socket.take(30)

    answered = [frame["type"] for frame in frames]
    assert answered[:10] == ["pong"] * 10
    assert {frame["code"] for frame in frames if frame["type"] == "error"} == {"too_fast"}


def test_a_flood_ends_the_socket(web_server, alice, settings):
    settings.SOCKET_FRAMES_PER_SECOND = 1
    with greeted(web_server, alice, max_queue=None) as socket:
        with suppress(ConnectionClosed):
            socket.send(*[{"type": "ping"}] * 5000)
        end = socket.end()

    assert end.code == 4429
    assert len(end.frames) < 150


def raw_frame(opcode, payload=b"", *, fin=True):
    """A masked frame as a client sends it (RFC 6455, section 5.2), the mask being zero."""
    head = struct.pack("!BB", opcode | (0x80 if fin else 0), 0x80 | len(payload))
    return head + b"\0\0\0\0" + payload


def close_code(connection):
    """The code of the close frame with which everything ends that the server still sends."""
    received = read_to_end(connection)
    return struct.unpack("!H", received[received.rindex(b"\x88") + 2 :][:2])[0]


def test_text_that_is_not_utf8_ends_the_socket_without_a_traceback(web_server, alice, caplog):
    with raw_socket(web_server, alice) as connection:
        connection.sendall(raw_frame(0x1, b'{"type": "\xff"}'))

        assert close_code(connection) == 1007
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_fragments_without_end_end_the_socket(web_server, alice):
    with raw_socket(web_server, alice) as connection:
        connection.sendall(raw_frame(0x1, fin=False) + raw_frame(0x0, fin=False) * 1100)

        assert close_code(connection) == 1009


def test_fragments_make_one_frame(web_server, alice):
    with raw_socket(web_server, alice) as connection:
        halves = b'{"type": "pi', b'ng"}'
        connection.sendall(raw_frame(0x1, halves[0], fin=False) + raw_frame(0x0, halves[1]))

        assert b"pong" in connection.recv(65536)


COMPRESSED = raw_frame(0x41, b"\xaa\x56\x2a")  # RSV1, which nobody has agreed on


@pytest.mark.parametrize("frame", [raw_frame(0x3), raw_frame(0x0), b"\x81\x05hello", COMPRESSED])
def test_what_breaks_the_protocol_ends_the_socket(web_server, alice, frame, caplog):
    with raw_socket(web_server, alice) as connection:
        connection.sendall(frame)

        assert close_code(connection) == 1002
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_ping_of_the_protocol_is_answered(web_server, alice):
    with raw_socket(web_server, alice) as connection:
        connection.sendall(raw_frame(0x9, b"are you there"))

        assert connection.recv(65536) == b"\x8a\x0dare you there"


def test_compression_is_not_agreed_on(web_server, alice):
    with greeted(web_server, alice, compression="deflate") as socket:
        assert socket.connection.protocol.extensions == []
