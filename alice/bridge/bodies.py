"""A request's body: whether there is one, how long it may be, and where it waits."""

import asyncio
import logging
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from alice.bridge.messages import ClientGone, Receive, Refusal, too_large

logger = logging.getLogger("alice.bridge")

# A server may leave here what it had read when the connection broke; ASGI's http.disconnect
# has no place for it.
UNREAD_BODY = "alice.unread_body"


@dataclass(frozen=True, slots=True)
class BodyRule:
    """How many bytes a body may have, and what becomes of one that is not as it should be.

    A longer one is answered with `refusal()`, by default 413. With `keeps_partial` one that was
    cut short still goes to the application.
    """

    limit_bytes: int
    refusal: Callable[[], Refusal] | None = None
    keeps_partial: bool = False

    def passed(self) -> Refusal:
        """What the sender of a longer body is told."""
        return self.refusal() if self.refusal else too_large(self.limit_bytes)


def announces_body(environ: dict[str, Any]) -> bool:
    """Whether there is a body to read; HTTP/1.1 has none without these (RFC 9112 6.3)."""
    if "HTTP_TRANSFER_ENCODING" in environ:
        return True
    length = environ.get("CONTENT_LENGTH")
    return length != "0" and (length is not None or environ["SERVER_PROTOCOL"] > "HTTP/1.1")


def check_framing(environ: dict[str, Any], rule: BodyRule) -> None:
    """Refuse a body before it is read: too long, or framed in a way not known (RFC 9112 6)."""
    # The application sees the body decoded and whole, so the coding is no longer true.
    coding = environ.pop("HTTP_TRANSFER_ENCODING", "chunked")
    if coding.lower() != "chunked":
        raise Refusal(501, "not_implemented", "The only transfer coding known is chunked.")
    length = environ.get("CONTENT_LENGTH", "0")
    if not (length.isascii() and length.isdecimal()):
        raise Refusal(400, "invalid", "Content-Length is not a number.")
    if int(length) > rule.limit_bytes:
        raise rule.passed()


class NoBody:
    """The body of a request that has none."""

    open = staticmethod(BytesIO)

    def close(self) -> None:
        pass


class Spool:
    """A request's body on its way in: in memory up to `memory_bytes`, then in an unnamed file.

    `fill` belongs to the event loop, `open` and `close` to threads, which may wait for the disk.
    """

    def __init__(self, directory: Path | None, memory_bytes: int) -> None:
        self.size = 0
        self._directory = directory
        self._memory_bytes = memory_bytes
        self._file: IO[bytes] | None = None
        self._parts: list[bytes] = []
        self._parts_bytes = 0
        # A cancelled `fill` may leave a thread that still writes.
        self._lock = threading.Lock()

    async def fill(self, receive: Receive, rule: BodyRule, stall_seconds: float) -> None:
        """Read the body whole.

        Raises `ClientGone`, `TimeoutError` when nothing comes for `stall_seconds`, and `Refusal`
        as soon as the body is longer than `rule` allows or with 507 when the disk is full.
        """
        is_last = False
        while not is_last:
            async with asyncio.timeout(stall_seconds):
                message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            self.add(message.get("body", b""))
            if self.size > rule.limit_bytes:
                raise rule.passed()
            is_last = not message.get("more_body", False)
            if self._parts_bytes > self._memory_bytes or (is_last and self._file is not None):
                await self._flush()

    def add(self, part: bytes) -> None:
        self.size += len(part)
        self._parts.append(part)
        self._parts_bytes += len(part)

    def open(self) -> IO[bytes]:
        """What has come, from its start; a real file if it is larger than `memory_bytes`.

        Raises `OSError` when the disk has not all of it.
        """
        with self._lock:
            if self._file is None:
                self._file = BytesIO()
            self._file.writelines(self._parts)
            self._parts = []
            # A cancelled `fill` does not hear of a write that failed after it.
            if self._file.tell() != self.size:
                raise OSError("A part of the body could not be stored.")
            self._file.seek(0)
            return self._file

    def close(self) -> None:
        """Give back memory and disk space."""
        with self._lock:
            self._parts = []
            if self._file is not None:
                self._file.close()

    def discard(self) -> None:
        """Close, from the event loop."""
        if self.size > self._memory_bytes:
            asyncio.get_running_loop().run_in_executor(None, self.close)

    async def _flush(self) -> None:
        try:
            # Not in the pool: a slow disk must not take the threads that answer.
            await asyncio.get_running_loop().run_in_executor(None, self._write)
        except OSError as error:
            logger.exception("A request body could not be stored")
            detail = "The server has no room for this body now."
            raise Refusal(507, "storage_full", detail) from error

    def _write(self) -> None:
        with self._lock:
            parts, self._parts, self._parts_bytes = self._parts, [], 0
            if not parts:
                return  # It was closed, or opened, before this thread came to it.
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._directory)  # noqa: SIM115
            self._file.writelines(parts)
            self._file.flush()
