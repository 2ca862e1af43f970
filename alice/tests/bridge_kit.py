"""A uvicorn server on loopback and the small clients the tests of the bridge talk to it with."""

import asyncio
import os
import socket
import threading
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path

import orjson
import uvicorn

from alice.bridge.application import WsgiBridge
from alice.bridge.bodies import BodyRule
from alice.common.tests.kit import wait_until
from alice.runtime.http_protocol import BoundedHttpProtocol

MIB = 1024 * 1024


async def until(condition, timeout_seconds=10):
    """As `wait_until`, letting the event loop go on."""
    async with asyncio.timeout(timeout_seconds):
        while not condition():  # noqa: ASYNC110, threads make it true
            await asyncio.sleep(0.001)


class Loopback:
    """uvicorn in a thread, as in production but for the port; `bridge` is swapped by each test."""

    def __init__(self):
        self.bridge = None
        self.tasks = set()
        listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(
            self.serve,
            interface="asgi3",
            loop="uvloop",
            http=BoundedHttpProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [listener]})
        self.thread.start()
        wait_until(lambda: self.server.started)

    async def serve(self, scope, receive, send):
        task = asyncio.current_task()
        self.tasks.add(task)
        try:
            await self.bridge(scope, receive, send)
        finally:
            self.tasks.discard(task)

    def stop(self):
        self.server.should_exit = True
        self.thread.join()

    @contextmanager
    def connection(self):
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            yield connection

    def wire(self, request):
        """All bytes that come back for the bytes of `request`, until the server closes."""
        with self.connection() as connection:
            connection.sendall(request)
            return read_to_end(connection)


def read_to_end(connection):
    received = b""
    while data := connection.recv(65536):
        received += data
    return received


def answer(connection, method="GET"):
    """The next response on `connection`; its body is read by `read()`."""
    response = HTTPResponse(connection, method=method)
    response.begin()
    return response


def error_of(response):
    """Status and code of an error that has the product's shape."""
    body = orjson.loads(response.read())
    assert body.keys() == {"detail", "code", "request_id"}
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["X-Request-ID"] == body["request_id"]
    return response.status, body["code"]


def files_open_in(directory):
    """Paths of the files this process has open in `directory`, unnamed ones too."""
    links = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            links.append(os.readlink(descriptor))  # noqa: PTH115
        except OSError:
            continue
    return [link for link in links if link.startswith(f"{directory}/")]


def request_bytes(method="GET", path="/", *headers, body=b""):
    head = [f"{method} {path} HTTP/1.1", "Host: testserver", *headers]
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


def chunked(*chunks):
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in [*chunks, b""])


def http_scope(**changes):
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "root_path": "",
        "headers": [],
        "client": ("192.0.2.7", 4711),
        "server": ("127.0.0.1", 8000),
        **changes,
    }


async def call(bridge, messages=(), on_send=None, **scope):
    """Call `bridge` as a server would; what it sent. After `messages` receive() waits for ever."""
    inbox, sent = list(messages), []

    async def receive():
        if not inbox:
            await asyncio.Event().wait()
        return inbox.pop(0)

    async def send(message):
        sent.append(message)
        if on_send:
            await on_send(message)

    await bridge(http_scope(**scope), receive, send)
    return sent


def request_message(body=b"", *, more_body=False):
    return {"type": "http.request", "body": body, "more_body": more_body}


class Echo:
    """Answers with the body and notes what it was told of it."""

    def __init__(self):
        self.environs = []
        self.bodies = []

    def __call__(self, environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        self.environs.append(environ)
        self.bodies.append(body)
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]


class Answer:
    """An iterable response that notes how often and in which thread it is closed."""

    def __init__(self, blocks, *, streaming=True):
        self.blocks = blocks
        self.streaming = streaming
        self.closed_in = []

    def __iter__(self):
        return iter(self.blocks)

    def close(self):
        self.closed_in.append(threading.current_thread().name)


def answering(response, status="200 OK", headers=()):
    """A WSGI application that always answers with `response`."""

    def application(environ, start_response):
        start_response(status, list(headers))
        return response

    return application


def make_bridge(application, **options):
    options.setdefault("body_rule", lambda environ: BodyRule(2 * MIB))
    options.setdefault("threads", 2)
    return WsgiBridge(application, **options)
