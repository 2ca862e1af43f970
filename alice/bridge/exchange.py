"""One request on its way through the application, between the event loop and the threads."""

import asyncio
import contextvars
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any, NoReturn, Protocol
from wsgiref.types import WSGIApplication

from alice.bridge.messages import Headers, Refusal, server_error
from alice.bridge.translation import status_code, wire_headers

logger = logging.getLogger("alice.bridge")

BODILESS_STATUSES = frozenset({204, 304})


class Body(Protocol):
    """A request's body; both methods may wait for the disk."""

    def open(self) -> IO[bytes]: ...

    def close(self) -> None: ...


class Runner(Protocol):
    """What an exchange needs of the bridge it belongs to."""

    block_bytes: int

    @property
    def wsgi_application(self) -> WSGIApplication: ...

    def submit(self, exchange: "Exchange", /) -> None: ...


class Exchange:
    """One request on its way through the application.

    The event loop awaits `step()`; a pool thread then runs `perform()`. Never both at once.
    """

    def __init__(self, runner: Runner, environ: dict[str, Any], body: Body) -> None:
        self.runner = runner
        self.environ = environ
        self.body = body
        self.loop = asyncio.get_running_loop()
        self.status = 0
        self.headers: Headers = []
        self.block = b""
        self.is_finished = False
        self.failure: Refusal | None = None
        # A plain function, since a bound method here would keep the exchange alive as a cycle.
        self._act: Callable[[Exchange], None] = Exchange._begin
        self._result: Iterable[bytes] = ()
        self._blocks: Iterator[bytes] = iter(())
        self._context: contextvars.Context | None = None
        self._are_headers_sent = False
        self._bytes_due: int | None = None
        self._waiter: asyncio.Future[None]

    def step(self) -> asyncio.Future[None]:
        """Have a thread make the next piece; then `block`, `is_finished` and `failure` tell."""
        self._waiter = self.loop.create_future()
        self.runner.submit(self)
        return self._waiter

    def run_unheard(self) -> None:
        """Have a thread run the application for what it does; its response goes nowhere."""
        self._act = Exchange._begin_unheard
        self.step().cancel()

    def release(self) -> None:
        """Have a thread close the response, unless that was done. Does not wait for it."""
        # After a cancelled step the thread may still be at work, and `_wake` does the rest.
        if not self.is_finished and not self._waiter.cancelled():
            self._act = Exchange.finish
            self.runner.submit(self)

    def perform(self) -> None:
        """Take the next step in a pool thread and wake the event loop."""
        if self._context is None:
            self._context = contextvars.copy_context()
        try:
            self._context.run(self._act, self)
        except BaseException:
            self.failure = server_error()
            logger.exception(
                "The application failed on %s %r, request id %s",
                self.environ["REQUEST_METHOD"],
                self.environ["PATH_INFO"],
                self.failure.request_id,
            )
            self._context.run(self.finish)
        try:
            self.loop.call_soon_threadsafe(self._wake)
        except RuntimeError:  # The loop is closed: nobody will ask for the rest.
            self._context.run(self.finish)

    def finish(self) -> None:
        """Close the response and the request's body, once, whatever else happened."""
        if self.is_finished:
            return
        self.is_finished = True
        try:
            if close := getattr(self._result, "close", None):
                close()
        except BaseException:
            logger.exception("Closing a response failed")
        self.body.close()

    def _wake(self) -> None:
        if not self._waiter.done():
            self._waiter.set_result(None)
        elif not self.is_finished:
            # The waiting task was cancelled while the thread worked.
            self._act = Exchange.finish
            self.runner.submit(self)

    def _begin(self) -> None:
        self.environ["wsgi.input"] = self.body.open()
        self._result = result = self.runner.wsgi_application(self.environ, self._start_response)
        if self._may_have_body() or not self.status:
            if isinstance(result, list | tuple) or getattr(result, "streaming", True) is False:
                self._take(b"".join(result), is_last=True)
            else:
                self._blocks = iter(result)
                self._act = Exchange._pull
                self._pull()
        if not self.status:
            raise RuntimeError("The application did not call start_response.")
        if not self._may_have_body():
            self.block = b""
            self.finish()
        elif self.is_finished and self._bytes_due is None:
            self.headers.append((b"content-length", b"%d" % len(self.block)))

    def _begin_unheard(self) -> None:
        self._begin()
        self.finish()

    def _pull(self) -> None:
        """Take blocks until they make a piece worth sending, or there are no more."""
        # A response of unknown length may be a live feed, whose blocks must not wait for more.
        wanted = 1 if self._bytes_due is None else self.runner.block_bytes
        pieces, size = [], 0
        for block in self._blocks:
            if block:
                self._are_headers_sent = True
                pieces.append(block)
                size += len(block)
            if size >= wanted:
                return self._take(b"".join(pieces), is_last=False)
        return self._take(b"".join(pieces), is_last=True)

    def _take(self, block: bytes, *, is_last: bool) -> None:
        self.block = block
        if self._bytes_due is not None and self._may_have_body():
            self._bytes_due -= len(block)
            if self._bytes_due < 0 or (is_last and self._bytes_due):
                raise RuntimeError("The body is not as long as its Content-Length says.")
        if is_last:
            self.finish()

    def _may_have_body(self) -> bool:
        return self.environ["REQUEST_METHOD"] != "HEAD" and self.status not in BODILESS_STATUSES

    def _start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None, /
    ) -> Callable[[bytes], NoReturn]:
        if exc_info is not None:
            if self._are_headers_sent:
                raise exc_info[1].with_traceback(exc_info[2])
        elif self.status:
            raise RuntimeError("The application called start_response twice.")
        self.status = status_code(status)
        self.headers, self._bytes_due = wire_headers(headers)
        if self.status in BODILESS_STATUSES:
            # A length announces a body that these never have (RFC 9110 8.6).
            self.headers = [pair for pair in self.headers if pair[0] != b"content-length"]
        return _refuse_write


def _refuse_write(_block: bytes) -> NoReturn:
    raise RuntimeError("write() of start_response is not offered: return the body instead.")
