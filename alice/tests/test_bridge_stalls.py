"""Clients that announce a body and fall silent."""

import asyncio
import os
import socket

import pytest

from alice.bridge import application as bridge_application
from alice.bridge.bodies import BodyRule
from alice.tests.bridge_kit import (
    answer,
    error_of,
    files_open_in,
    http_scope,
    request_bytes,
    request_message,
    wait_until,
)

SPOOL_BYTES = 100_000


def keeping(environ):
    return BodyRule(1_000_000, keeps_partial=True)


@pytest.mark.parametrize("sent", [0, 1, SPOOL_BYTES + 1])
def test_a_client_that_falls_silent_is_refused_and_its_body_dropped(
    serve, echo, tmp_path, caplog, monkeypatch, sent
):
    monkeypatch.setattr(bridge_application, "LINGER_SECONDS", 0.05)
    loopback = serve(echo, stall_seconds=0.2, spool_bytes=SPOOL_BYTES, spool_directory=tmp_path)
    head = request_bytes("POST", "/", "Content-Length: 900000")
    with loopback.connection() as connection:
        connection.sendall(head + bytes(sent))
        response = answer(connection)

        assert error_of(response) == (408, "request_timeout")
        assert response.headers["Connection"] == "close"
        assert connection.recv(1) == b""
    wait_until(lambda: not loopback.tasks and files_open_in(tmp_path) == [])
    assert echo.environs == []
    assert loopback.bridge._pool == []
    assert caplog.records == []


def test_a_client_silent_within_a_chunk_head_is_refused(serve, echo):
    loopback = serve(echo, stall_seconds=0.2)
    head = request_bytes("POST", "/", "Transfer-Encoding: chunked")
    with loopback.connection() as connection:
        connection.sendall(head + b"4\r\nbody\r\n1")

        assert error_of(answer(connection)) == (408, "request_timeout")
    assert echo.environs == []


@pytest.mark.parametrize("size", [5, SPOOL_BYTES + 1])
def test_what_came_before_a_client_fell_silent_is_kept(serve, echo, tmp_path, size):
    loopback = serve(
        echo, body_rule=keeping, stall_seconds=0.2, spool_bytes=SPOOL_BYTES,
        spool_directory=tmp_path,
    )  # fmt: skip
    body = os.urandom(size)
    head = request_bytes("PATCH", "/kept", "Content-Length: 900000")
    with loopback.connection() as connection:
        connection.sendall(head + body)

        assert error_of(answer(connection)) == (408, "request_timeout")
    wait_until(lambda: echo.bodies == [body])
    assert echo.environs[0]["alice.body_is_partial"] is True
    wait_until(lambda: files_open_in(tmp_path) == [])


def test_a_slow_client_has_all_the_time_it_needs(bridged, echo):
    pause, count = 0.3, 5

    async def receive():
        nonlocal count
        await asyncio.sleep(pause)
        count -= 1
        return request_message(b"slow ", more_body=count > 0)

    async def main():
        headers = [(b"content-length", b"25")]
        sent = []

        async def send(message):
            sent.append(message)

        await bridge(http_scope(method="POST", headers=headers), receive, send)
        return sent

    bridge = bridged(echo, stall_seconds=4 * pause)
    start, _ = asyncio.run(main())

    assert start["status"] == 200
    assert echo.bodies == [b"slow " * 5]


def test_a_hundred_abandoned_uploads_leave_nothing(serve, echo, tmp_path):
    loopback = serve(echo, stall_seconds=0.5, spool_bytes=SPOOL_BYTES, spool_directory=tmp_path)
    head = request_bytes("POST", "/", "Content-Length: 900000")
    clients = [socket.create_connection(("127.0.0.1", loopback.port)) for _ in range(100)]
    for client in clients:
        client.sendall(head + bytes(SPOOL_BYTES + 1))
    for client in clients[:50]:
        client.close()

    wait_until(lambda: not loopback.tasks and files_open_in(tmp_path) == [])
    for client in clients[50:]:
        client.close()
    assert echo.environs == []
    assert list(tmp_path.iterdir()) == []
