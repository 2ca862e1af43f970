"""A request's body: whether there is one, how long it may be, and where it waits."""

import asyncio
import logging
import tempfile
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from alice.bridge.messages import ClientGone, Receive, Refusal, too_large

logger = logging.getLogger("alice.bridge")


def announces_body(environ: dict[str, Any]) -> bool:
    """Whether there is a body to read; HTTP/1.1 has none without these (RFC 9112 6.3)."""
    if "HTTP_TRANSFER_ENCODING" in environ:
        return True
    length = environ.get("CONTENT_LENGTH")
    return length != "0" and (length is not None or environ["SERVER_PROTOCOL"] > "HTTP/1.1")


def check_framing(environ: dict[str, Any], limit: int) -> None:
    """Refuse a body before it is read: too long, or framed in a way not known (RFC 9112 6)."""
    # The application sees the body decoded and whole, so the coding is no longer true.
    coding = environ.pop("HTTP_TRANSFER_ENCODING", "chunked")
    if coding.lower() != "chunked":
        raise Refusal(501, "not_implemented", "The only transfer coding known is chunked.")
    length = environ.get("CONTENT_LENGTH", "0")
    if not (length.isascii() and length.isdecimal()):
        raise Refusal(400, "invalid", "Content-Length is not a number.")
    if int(length) > limit:
        raise too_large(limit)


class Spool:
    """A request's body on its way in: in memory up to `memory_bytes`, then in an unnamed file."""

    def __init__(self, directory: Path | None, memory_bytes: int) -> None:
        self.size = 0
        self._directory = directory
        self._memory_bytes = memory_bytes
        self._file: IO[bytes] | None = None
        self._parts: list[bytes] = []
        self._parts_bytes = 0

    async def fill(self, receive: Receive, limit: int) -> IO[bytes]:
        """Read the body whole; the file is at its start and is the caller's to close.

        Raises `ClientGone`, and `Refusal` with 413 as soon as `limit` bytes are passed or with
        507 when the disk takes no more.
        """
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            part = message.get("body", b"")
            self.size += len(part)
            if self.size > limit:
                raise too_large(limit)
            self._parts.append(part)
            self._parts_bytes += len(part)
            is_last = not message.get("more_body", False)
            if self._parts_bytes > self._memory_bytes or (is_last and self._file is not None):
                await self._flush()
            if is_last:
                return BytesIO(b"".join(self._parts)) if self._file is None else self._file

    def discard(self) -> None:
        """Give back the disk space of a body that nobody will read."""
        if self._file is not None:
            asyncio.get_running_loop().run_in_executor(None, self._file.close)

    async def _flush(self) -> None:
        parts, self._parts, self._parts_bytes = self._parts, [], 0
        try:
            # Not in the pool: a slow disk must not take the threads that answer.
            await asyncio.get_running_loop().run_in_executor(None, self._write, parts)
        except OSError as error:
            logger.exception("A request body could not be stored")
            detail = "The server has no room for this body now."
            raise Refusal(507, "storage_full", detail) from error

    def _write(self, parts: list[bytes]) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._directory)  # noqa: SIM115
        self._file.seek(0, 2)
        self._file.writelines(parts)
        self._file.seek(0)
