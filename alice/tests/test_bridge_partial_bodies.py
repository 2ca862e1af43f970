"""Bodies that are cut short: kept where the rule says so, and gone without a trace elsewhere."""

import asyncio
import os
import socket
import threading
from itertools import repeat

import pytest

from alice.bridge.bodies import UNREAD_BODY, BodyRule, Spool
from alice.tests.bridge_kit import (
    Answer,
    Echo,
    answering,
    call,
    files_open_in,
    http_scope,
    read_to_end,
    request_bytes,
    request_message,
    until,
    wait_until,
)

SPOOL_BYTES = 100_000
GONE = {"type": "http.disconnect"}
SIZES = [1, SPOOL_BYTES, SPOOL_BYTES + 1, 3 * SPOOL_BYTES + 7]


def keeping(environ):
    return BodyRule(1_000_000, keeps_partial=environ["PATH_INFO"] == "/kept")


def kept(bridged, application, **options):
    options = {"body_rule": keeping, "spool_bytes": SPOOL_BYTES} | options
    return bridged(application, **options)


def upload(length):
    headers = [(b"content-length", str(length).encode())]
    return {"method": "PATCH", "raw_path": b"/kept", "headers": headers}


def message(body):
    return request_message(body, more_body=True)


async def fed(bridge, messages, **scope):
    """Call `bridge` with a body that waits for more after `messages`; its task."""
    inbox = asyncio.Queue()
    for each in messages:
        inbox.put_nowait(each)

    async def send(_message):
        raise AssertionError("nobody is there to hear it")

    task = asyncio.create_task(bridge(http_scope(**scope), inbox.get, send))
    await until(inbox.empty)
    return task


async def cancelled(task):
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


@pytest.mark.parametrize("size", SIZES)
def test_what_came_before_the_client_left_reaches_the_application(serve, echo, tmp_path, size):
    loopback = serve(echo, body_rule=keeping, spool_bytes=SPOOL_BYTES, spool_directory=tmp_path)
    body = os.urandom(size)
    head = request_bytes("PATCH", "/kept", "Content-Length: 900000")
    with loopback.connection() as connection:
        connection.sendall(head + body)

    wait_until(lambda: echo.bodies and not loopback.tasks)
    [environ] = echo.environs
    assert echo.bodies == [body]
    assert environ["CONTENT_LENGTH"] == str(size)
    assert environ["alice.body_is_partial"] is True
    wait_until(lambda: environ["wsgi.input"].closed)
    assert files_open_in(tmp_path) == []


def test_what_came_of_a_chunked_body_reaches_the_application(serve, echo):
    loopback = serve(echo, body_rule=keeping)
    with loopback.connection() as connection:
        connection.sendall(request_bytes("PATCH", "/kept", "Transfer-Encoding: chunked"))
        connection.sendall(b"5\r\nfirst\r\n6\r\nsec")
        connection.shutdown(socket.SHUT_WR)

        assert read_to_end(connection) == b""
    wait_until(lambda: echo.bodies)
    assert echo.bodies == [b"firstsec"]
    assert echo.environs[0]["alice.body_is_partial"] is True


def test_a_whole_body_is_not_called_partial(serve, echo, http):
    serve(echo, body_rule=keeping)

    assert http.patch("/kept", content=b"whole").content == b"whole"
    assert "alice.body_is_partial" not in echo.environs[0]


@pytest.mark.parametrize(
    ("path", "body"), [(b"/kept", b""), (b"/other", b"some"), (b"/other", bytes(SPOOL_BYTES + 1))]
)
def test_no_bytes_or_another_path_never_reach_the_application(bridged, echo, tmp_path, path, body):
    bridge = kept(bridged, echo, spool_directory=tmp_path)
    scope = upload(900_000) | {"raw_path": path}

    sent = asyncio.run(call(bridge, [message(body), GONE], **scope))

    assert sent == []
    assert bridge._pool == []
    assert files_open_in(tmp_path) == []


def test_bytes_the_server_had_read_when_the_connection_broke_are_kept(bridged, echo):
    bridge = kept(bridged, echo)

    asyncio.run(call(bridge, [message(b"read, "), GONE], **upload(99), **{UNREAD_BODY: b"left"}))

    assert bridge.shutdown()
    assert echo.bodies == [b"read, left"]


def test_the_server_hands_over_what_was_not_read_when_the_connection_broke(loopback):
    seen, is_gone = [], threading.Event()

    async def slow_to_read(scope, receive, send):
        await until(is_gone.is_set)
        assert (await receive())["type"] == "http.disconnect"
        seen.append(scope[UNREAD_BODY])

    loopback.bridge = slow_to_read
    connections = loopback.server.server_state.connections
    before = set(connections)
    with loopback.connection() as connection:
        connection.sendall(request_bytes("PATCH", "/", "Content-Length: 9", body=b"some"))
        wait_until(lambda: loopback.tasks)
    wait_until(lambda: not connections - before)
    is_gone.set()

    wait_until(lambda: seen == [b"some"])


def test_a_body_whose_end_came_with_the_end_of_the_connection_is_whole(bridged, echo):
    bridge = kept(bridged, echo)

    asyncio.run(call(bridge, [message(b"the "), GONE], **upload(7), **{UNREAD_BODY: b"end"}))

    assert bridge.shutdown()
    assert echo.bodies == [b"the end"]
    assert echo.environs[0]["alice.body_is_partial"] is False


def test_what_is_kept_is_never_longer_than_the_limit(bridged, echo):
    bridge = kept(bridged, echo, body_rule=lambda environ: BodyRule(6, keeps_partial=True))

    asyncio.run(call(bridge, [message(b"1234"), GONE], **upload(6), **{UNREAD_BODY: b"5678"}))

    assert bridge.shutdown()
    assert echo.bodies == [b"123456"]


def test_a_body_longer_than_the_limit_is_not_kept(bridged, echo, tmp_path):
    bridge = kept(bridged, echo, spool_directory=tmp_path)
    scope = upload(1) | {"headers": [(b"transfer-encoding", b"chunked")]}

    start, *_ = asyncio.run(call(bridge, [message(bytes(600_000))] * 2 + [GONE], **scope))

    assert start["status"] == 413
    assert bridge._pool == []
    assert files_open_in(tmp_path) == []


@pytest.mark.parametrize("streaming", [True, False])
def test_the_answer_to_a_partial_body_is_closed_unread(bridged, streaming):
    response = Answer(repeat(b"block", 10), streaming=streaming)
    bridge = kept(bridged, answering(response))

    sent = asyncio.run(call(bridge, [message(b"some"), GONE], **upload(99)))

    assert bridge.shutdown()
    assert sent == []
    assert len(response.closed_in) == 1


def test_an_application_that_fails_on_a_partial_body_is_logged(bridged, caplog):
    bodies = []

    def application(environ, start_response):
        bodies.append(environ["wsgi.input"])
        raise LookupError

    bridge = kept(bridged, application)
    asyncio.run(call(bridge, [message(b"some"), GONE], **upload(99)))

    assert bridge.shutdown()
    assert bodies[0].closed
    [record] = caplog.records
    assert (record.name, record.exc_info[0]) == ("alice.bridge", LookupError)


@pytest.mark.parametrize("size", SIZES)
def test_what_came_before_the_server_ended_reaches_the_application(bridged, echo, tmp_path, size):
    body = os.urandom(size)
    bridge = kept(bridged, echo, spool_directory=tmp_path)

    async def main():
        await cancelled(await fed(bridge, [message(body[:70_000]), message(body[70_000:])],
                                  **upload(900_000)))  # fmt: skip

    asyncio.run(main())

    assert bridge.shutdown()
    assert echo.bodies == [body]
    assert echo.environs[0]["wsgi.input"].closed
    assert files_open_in(tmp_path) == []


def test_a_cancelled_body_on_its_way_to_the_disk_arrives_whole(bridged, echo, monkeypatch):
    writing, may_write = threading.Event(), threading.Event()
    write = Spool._write

    def slow_write(spool):
        writing.set()
        assert may_write.wait(10)
        write(spool)

    monkeypatch.setattr(Spool, "_write", slow_write)
    bridge = kept(bridged, echo)
    body = os.urandom(SPOOL_BYTES + 1)

    async def main():
        task = await fed(bridge, [message(body)], **upload(900_000))
        await until(writing.is_set)
        await cancelled(task)
        may_write.set()

    asyncio.run(main())

    assert bridge.shutdown()
    assert echo.bodies == [body]


def test_a_cancelled_body_that_is_not_kept_leaves_nothing(bridged, echo, tmp_path):
    bridge = kept(bridged, echo, spool_directory=tmp_path)

    async def main():
        scope = upload(900_000) | {"raw_path": b"/other"}
        await cancelled(await fed(bridge, [message(bytes(SPOOL_BYTES + 1))], **scope))

    asyncio.run(main())

    assert bridge._pool == []
    assert files_open_in(tmp_path) == []


def test_a_body_with_a_hole_is_never_handed_on(tmp_path):
    spool = Spool(tmp_path / "missing", SPOOL_BYTES)
    spool.add(b"lost")
    with pytest.raises(FileNotFoundError):
        spool._write()
    spool.add(b"kept")

    with pytest.raises(OSError, match="could not be stored"):
        spool.open()


def test_a_write_that_comes_too_late_makes_no_file(tmp_path):
    spool = Spool(tmp_path, SPOOL_BYTES)
    spool.add(b"some")
    assert spool.open().read() == b"some"
    spool.close()

    spool._write()

    assert files_open_in(tmp_path) == []


def test_a_partial_body_waits_for_a_thread_however_many_wait(bridged):
    entered, may_go, echo = [], threading.Event(), Echo()

    def application(environ, start_response):
        entered.append(environ["PATH_INFO"])
        assert may_go.wait(10)
        return echo(environ, start_response)

    bridge = kept(bridged, application, threads=1, max_waiting=1)

    async def main():
        reading = await fed(bridge, [message(b"some")], **upload(99))
        running = asyncio.create_task(call(bridge))
        await until(lambda: entered)
        waiting = asyncio.create_task(call(bridge))
        await until(lambda: len(bridge._jobs) == 1)
        await cancelled(reading)
        assert len(bridge._jobs) == 2
        may_go.set()
        await asyncio.gather(running, waiting)

    asyncio.run(main())

    assert bridge.shutdown()
    assert echo.bodies == [b"", b"", b"some"]


def test_a_partial_body_after_shutdown_is_dropped(bridged, echo, tmp_path):
    bridge = kept(bridged, echo, spool_directory=tmp_path)

    async def main():
        task = await fed(bridge, [message(bytes(SPOOL_BYTES + 1))], **upload(900_000))
        await until(lambda: files_open_in(tmp_path))
        bridge.shutdown()
        await cancelled(task)

    asyncio.run(main())

    assert echo.environs == []
    assert files_open_in(tmp_path) == []
