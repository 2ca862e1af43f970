"""Serves a WSGI application, Django's handler, from an ASGI server on threads that persist.

Django's own ASGI handler starts a thread per request and costs about ten times the CPU. Here a
request costs one hop to a pool thread and one back; database connections live in those threads.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any
from wsgiref.types import WSGIApplication

from alice.bridge.bodies import (
    UNREAD_BODY,
    BodyRule,
    NoBody,
    Spool,
    announces_body,
    check_framing,
)
from alice.bridge.exchange import Exchange
from alice.bridge.handoff import Handoff
from alice.bridge.messages import ClientGone, Receive, Refusal, Scope, Send, stalled
from alice.bridge.translation import build_environ

logger = logging.getLogger("alice.bridge")

BodyRuleOf = Callable[[Mapping[str, Any]], BodyRule]

BUSY = "The server is busy. Try again shortly."
LINGER_SECONDS = 2.0
NO_BODY = NoBody()


@dataclass(eq=False, kw_only=True)
class WsgiBridge:
    """An ASGI application for scope type "http" that runs a WSGI one (PEP 3333).

    `body_rule(environ)` answers how long the body of a request may be; it is asked on the event
    loop, and only about requests that have a body. A body of which nothing comes for
    `stall_seconds` is refused with 408. Bodies above `spool_bytes` go to unnamed files in
    `spool_directory` (default: the system's). `threads` run the application; when `max_waiting`
    jobs wait for them, a request is answered 503 at once.
    `on_thread_start` and `on_thread_exit` run in each pool thread, outside of any request; what
    the first one leaves in context variables is seen by all requests of its thread, while what a
    request leaves there ends with it.

    A response that is whole (a list, or Django's non-streaming response) is made, joined and
    closed in one thread in one go. Any other iterable is pulled piece by piece, each piece by
    whichever thread is free, and closed by the thread that pulled the last one. So a slow reader
    holds no thread, and a streaming body must not keep a transaction open between two blocks.
    Where Content-Length is set, blocks are gathered into pieces of `block_bytes`; without it each
    block goes out as it comes.

    The application sees only whole bodies, unless the rule of one says `keeps_partial`. If such a
    body is cut short, by a client that leaves or stalls or by the server's end, the application
    runs with what came: `CONTENT_LENGTH` counts that, `environ["alice.body_is_partial"]` is True
    (or False, if the end came right after the last byte), and the response is closed unread. It
    waits for a thread however many wait already: there is nobody to be told to come back.
    """

    wsgi_application: WSGIApplication = field(kw_only=False)
    body_rule: BodyRuleOf
    threads: int = 4
    max_waiting: int = 64
    stall_seconds: float = 30.0
    spool_bytes: int = 2 * 1024 * 1024
    spool_directory: Path | None = None
    block_bytes: int = 256 * 1024
    on_thread_start: Callable[[], None] | None = None
    on_thread_exit: Callable[[], None] | None = None

    def __post_init__(self) -> None:
        self._jobs: Handoff[Exchange | None] = Handoff()
        self._pool: list[threading.Thread] = []
        self._is_closed = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises `ValueError` for a scope that is not "http"."""
        if scope["type"] != "http":
            raise ValueError(f"WsgiBridge serves scope type 'http', not {scope['type']!r}.")
        try:
            exchange = await self._accept(scope, receive)
        except ClientGone:
            return
        except Refusal as refusal:
            with suppress(OSError):
                await _refuse(refusal, scope["method"], receive, send)
            return
        # Servers may tell by an OSError of send that the client left (ASGI, HTTP 2.4).
        try:
            with suppress(OSError):
                await _respond(exchange, receive, send)
        finally:
            exchange.release()

    def shutdown(self, timeout_seconds: float = 10.0) -> bool:
        """Finish what waits, end the threads; False if some still ran after `timeout_seconds`.

        To be called when the server has stopped serving; later requests are answered 503.
        """
        self._is_closed = True
        for _ in self._pool:
            self._jobs.put(None)
        deadline = time.monotonic() + timeout_seconds
        for thread in self._pool:
            thread.join(max(0.0, deadline - time.monotonic()))
        if any(thread.is_alive() for thread in self._pool):
            return False
        self._pool.clear()
        for exchange in self._jobs.drain():
            if exchange:
                exchange.finish()
        return True

    async def _accept(self, scope: Scope, receive: Receive) -> "Exchange":
        environ = build_environ(scope)
        if not announces_body(environ):
            self._refuse_when_busy()
            return Exchange(self, environ, NO_BODY)
        spool = await self._read_body(environ, scope, receive)
        try:
            self._refuse_when_busy()
        except Refusal:
            spool.discard()
            raise
        return Exchange(self, environ, spool)

    async def _read_body(self, environ: dict[str, Any], scope: Scope, receive: Receive) -> Spool:
        try:
            self._refuse_when_busy()
            rule = self.body_rule(environ)
            check_framing(environ, rule)
            spool = await self._fill_spool(environ, rule, scope, receive)
        except Refusal as refusal:
            refusal.leaves_body_unread = True
            raise
        environ["CONTENT_LENGTH"] = str(spool.size)
        return spool

    async def _fill_spool(
        self, environ: dict[str, Any], rule: BodyRule, scope: Scope, receive: Receive
    ) -> Spool:
        spool = Spool(self.spool_directory, self.spool_bytes)
        try:
            await spool.fill(receive, rule, self.stall_seconds)
        except (ClientGone, TimeoutError, asyncio.CancelledError) as interruption:
            if isinstance(interruption, ClientGone):
                spool.add(scope.get(UNREAD_BODY, b"")[: rule.limit_bytes - spool.size])
            self._end_partial(environ, rule, spool)
            if isinstance(interruption, TimeoutError):
                raise stalled(self.stall_seconds) from None
            raise
        except BaseException:
            spool.discard()
            raise
        return spool

    def _end_partial(self, environ: dict[str, Any], rule: BodyRule, spool: Spool) -> None:
        if self._is_closed or not (rule.keeps_partial and spool.size):
            spool.discard()
            return
        # Its last bytes may have come just before the end of the connection.
        environ["alice.body_is_partial"] = environ.get("CONTENT_LENGTH") != str(spool.size)
        environ["CONTENT_LENGTH"] = str(spool.size)
        Exchange(self, environ, spool).run_unheard()

    def _refuse_when_busy(self) -> None:
        if self._is_closed or len(self._jobs) >= self.max_waiting:
            raise Refusal(503, "server_busy", BUSY, headers=[(b"retry-after", b"1")])

    def submit(self, exchange: "Exchange") -> None:
        """Queue the next step of `exchange`; the first one of all starts the threads."""
        if not self._pool and not self._is_closed:
            self._start_threads()
        self._jobs.put(exchange)

    def _start_threads(self) -> None:
        for number in range(self.threads):
            thread = threading.Thread(target=self._work, name=f"web-{number}", daemon=True)
            self._pool.append(thread)
            thread.start()

    def _work(self) -> None:
        _call_hook(self.on_thread_start)
        hand: SimpleQueue[Exchange | None] = SimpleQueue()
        while exchange := self._jobs.take(hand):
            exchange.perform()
            # An idle thread must not keep the last response in memory.
            del exchange
        _call_hook(self.on_thread_exit)


def _call_hook(hook: Callable[[], None] | None) -> None:
    try:
        if hook:
            hook()
    except Exception:
        logger.exception("A hook of the web threads failed")


async def _respond(exchange: Exchange, receive: Receive, send: Send) -> None:
    await exchange.step()
    if exchange.failure:
        await _refuse(exchange.failure, exchange.environ["REQUEST_METHOD"], receive, send)
        return
    status, headers = exchange.status, exchange.headers
    await send({"type": "http.response.start", "status": status, "headers": headers})
    if not exchange.is_finished:
        await _stream(exchange, receive, send)
    if not exchange.failure and exchange.is_finished:
        await send({"type": "http.response.body", "body": exchange.block})


async def _stream(exchange: Exchange, receive: Receive, send: Send) -> None:
    """Send piece after piece up to the last one, or until the client leaves or a step fails."""
    departure = exchange.loop.create_task(_departure(receive))
    try:
        while not exchange.is_finished and not departure.done():
            await send({"type": "http.response.body", "body": exchange.block, "more_body": True})
            await exchange.step()
    finally:
        departure.cancel()


async def _departure(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _refuse(refusal: Refusal, method: str, receive: Receive, send: Send) -> None:
    await send(refusal.start())
    body = b"" if method == "HEAD" else refusal.body()
    if refusal.leaves_body_unread:
        # Closing at once on a client that still sends would reset the connection and may cost it
        # the answer, so read on for a moment (RFC 9112 9.6).
        await send({"type": "http.response.body", "body": body, "more_body": True})
        body = b""
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                await _rest_of_body(receive)
    await send({"type": "http.response.body", "body": body})


async def _rest_of_body(receive: Receive) -> None:
    while (message := await receive())["type"] == "http.request" and message.get("more_body"):
        pass
