"""Sockets as clients see them, over the real server."""

import contextlib
import socket as plain_sockets
from types import SimpleNamespace

import orjson
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from alice.common.realtime import relay
from alice.common.realtime.groups import room_group

PATIENCE_SECONDS = 15
HELLO = {"type": "hello", "unread": 0}
ROOM = room_group(5)


class Client:
    """A client of one socket; frames are dictionaries."""

    def __init__(self, connection):
        self.connection = connection

    def send(self, *frames):
        for frame in frames:
            is_raw = isinstance(frame, str | bytes)
            self.connection.send(frame if is_raw else orjson.dumps(frame).decode())

    def next(self, seconds=PATIENCE_SECONDS):
        return orjson.loads(self.connection.recv(timeout=seconds))

    def take(self, count):
        return [self.next() for _ in range(count)]

    def end(self):
        """The code with which the server closes, its reason, and the frames before that."""
        frames = []
        while True:
            try:
                frames.append(self.next())
            except ConnectionClosed as closed:
                close = closed.rcvd or SimpleNamespace(code=1006, reason="")
                return SimpleNamespace(code=close.code, reason=close.reason, frames=frames)


@contextlib.contextmanager
def open_socket(server, path="/ws/events", *, token=None, headers=None, **options):
    """A client of `path`; `token` goes into the Authorization header."""
    bearer = {"Authorization": f"Bearer {token}"} if token else {}
    url = server.replace("http", "ws", 1) + path
    sent = bearer | (headers or {})
    options = {"max_size": None, "proxy": None, "compression": None} | options
    with connect(url, additional_headers=sent, **options) as connection:
        yield Client(connection)


@contextlib.contextmanager
def greeted(server, client, **options):
    """A socket of `client`, an ApiClient of the suite, that has had its hello."""
    with open_socket(server, token=client.access_token, **options) as socket:
        assert socket.next() == HELLO
        yield socket


@contextlib.contextmanager
def in_room(server, client):
    """As `greeted`, where the fixture `room` puts sockets into a room."""
    with open_socket(server, token=client.access_token) as socket:
        assert socket.next()["type"] == "hello"
        yield socket


def message(seq):
    return {"type": "message", "seq": seq}


def seqs(socket, count):
    """The numbers of the next messages."""
    return [frame["seq"] for frame in socket.take(count)]


def refused_status(server, path="/ws/events", **options):
    """The HTTP status with which a handshake is refused, and the body's code."""
    with pytest.raises(InvalidStatus) as refused, open_socket(server, path, **options):
        pass
    response = refused.value.response
    return response.status_code, orjson.loads(response.body)["code"]


def open_relays():
    """The relays of this process that have sockets."""
    return [one for one in list(relay._relays.values()) if one.outlets]


@contextlib.contextmanager
def raw_socket(server, client, *, buffer_bytes=65536):
    """A signed-in websocket as a plain socket, after the handshake and hello."""
    port = int(server.rpartition(":")[2])
    with plain_sockets.socket() as connection:
        connection.settimeout(PATIENCE_SECONDS)
        connection.setsockopt(plain_sockets.SOL_SOCKET, plain_sockets.SO_RCVBUF, buffer_bytes)
        connection.connect(("127.0.0.1", port))
        connection.sendall(
            b"GET /ws/events HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            b"Authorization: Bearer " + client.access_token.encode() + b"\r\n\r\n"
        )
        received = b""
        while b"hello" not in received:
            block = connection.recv(65536)
            assert block, f"closed before it said hello: {received}"
            received += block
        yield connection


def read_to_end(connection):
    """All that still comes, whether the connection ends well or is cut."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while block := connection.recv(65536):
            received += block
    return received
