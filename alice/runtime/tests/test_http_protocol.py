import asyncio
import contextlib

import pytest
from uvicorn import Config, Server

from alice.runtime import http_protocol
from alice.runtime.http_protocol import BoundedHttpProtocol
from alice.runtime.sockets import bind_listeners

GET = b"GET / HTTP/1.1\r\nHost: x\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


async def application(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


@contextlib.asynccontextmanager
async def serving():
    """A server and one connection to it; whatever the test leaves open is closed."""
    listeners = bind_listeners("127.0.0.1", 0)
    server = Server(
        Config(application, http=BoundedHttpProtocol, ws="none", lifespan="off", log_config=None)
    )
    task = asyncio.create_task(server.serve(sockets=listeners))
    reader, writer = await asyncio.open_connection(*listeners[0].getsockname())
    try:
        yield server, reader, writer
    finally:
        writer.close()
        server.should_exit = True
        await task


def exchange(*pieces):
    """Send `pieces` and return all that comes back until the server closes."""

    async def talk():
        async with serving() as (_, reader, writer):
            with contextlib.suppress(ConnectionError):
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
            with contextlib.suppress(ConnectionError):
                return await asyncio.wait_for(reader.read(), 10)

    return asyncio.run(talk())


@pytest.mark.parametrize(
    "opening",
    [
        pytest.param(GET + b"X: ", id="one endless header"),
        pytest.param(b"GET /", id="an endless path"),
        pytest.param(CHUNKED + b"0\r\nX: ", id="an endless trailer"),
    ],
)
def test_what_has_no_end_ends_the_connection(opening):
    flood = [b"a" * 60_000] * 6

    # The reset that follows unread input may overtake the answer.
    assert (exchange(opening, *flood) or b"HTTP/1.1 431 ").startswith(b"HTTP/1.1 431 ")


def test_a_head_that_is_too_large_is_told_so():
    assert exchange(GET + b"X: " + b"a" * 60_000, b"a" * 6_000).startswith(b"HTTP/1.1 431 ")


def test_too_many_fields_are_refused():
    fields = b"".join(b"X-%d: y\r\n" % number for number in range(200))

    assert exchange(GET, fields, b"\r\n").startswith(b"HTTP/1.1 400 ")


def test_a_body_may_be_larger_than_any_head():
    body = b"a" * 300_000
    head = GET.replace(b"GET", b"POST") + b"Connection: close\r\nContent-Length: 300000\r\n\r\n"

    assert exchange(head, body).endswith(b"ok")


def test_a_head_that_does_not_come_ends_the_connection(monkeypatch):
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.05)

    assert exchange(GET) == b""


def test_a_second_head_that_does_not_come_ends_the_connection(monkeypatch):
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.05)

    assert exchange(GET + b"\r\n", GET).endswith(b"ok")


def test_an_idle_client_may_ask_once_more_when_the_server_leaves():
    async def ask_while_leaving():
        async with serving() as (server, reader, writer):
            writer.write(GET + b"\r\n")
            await reader.readuntil(b"ok")
            for connection in server.server_state.connections:
                connection.shutdown()
            writer.write(GET + b"\r\n")
            return await reader.read()

    answer = asyncio.run(ask_while_leaving())

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"connection: close" in answer
