"""Bytes on their way in: hashed and counted while they are written, gone unless they are kept."""

import errno
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from django.conf import settings

from alice.common.errors import DomainError, PayloadTooLarge

# EFBIG: the process may not write files so large, which to a client is the same.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class FileTooLarge(PayloadTooLarge):
    """`details`: `limit_bytes`."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            f"The file is larger than {limit_bytes} bytes, the most that your plan takes.",
            limit_bytes=limit_bytes,
        )


class StorageFull(DomainError):
    code = "storage_full"
    status = 507
    detail = "The server has no room for this file now. Try again later."


@dataclass(frozen=True, slots=True)
class Received:
    """A closed file that is on the disk for sure, with the SHA-256 of its bytes in hex."""

    path: Path
    size_bytes: int
    sha256: str


@contextmanager
def a_full_disk_is_said() -> Iterator[None]:
    """Raise `StorageFull` for an `OSError` of a disk, quota or file size that is spent."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise StorageFull from error
        raise


def incoming_directory() -> Path:
    """Where files are while they are received."""
    return Path(settings.DATA_DIR) / "incoming"


class Incoming:
    """A file of at most `limit` bytes that is being received; nobody else may read it.

    It is removed at the end of its `with`, or by `close()`: what is to be kept is linked or
    copied before.
    """

    def __init__(self, *, limit: int) -> None:
        self.limit = limit
        self.size_bytes = 0
        self._hash = hashlib.sha256()
        self.path = incoming_directory() / secrets.token_hex(16)
        with a_full_disk_is_said():
            self._descriptor: int | None = _new_file(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def write(self, block: bytes) -> None:
        """Append a block. Raises `FileTooLarge` past the limit, and `StorageFull`.

        Either ends the file: nothing of it is left.
        """
        with self._or_nothing() as descriptor:
            self._require_room(len(block))
            _write_all(descriptor, block)
            self._hash.update(block)
            self.size_bytes += len(block)

    def finish(self) -> Received:
        """Force the file to the disk and close it. Raises `StorageFull`, with nothing left."""
        with self._or_nothing() as descriptor:
            os.fsync(descriptor)
            self._close_descriptor()
        return Received(self.path, self.size_bytes, self._hash.hexdigest())

    def close(self) -> None:
        """Remove the file, whether it was finished or not. A second call does nothing."""
        self._close_descriptor()
        self.path.unlink(missing_ok=True)

    @contextmanager
    def _or_nothing(self) -> Iterator[int]:
        if self._descriptor is None:
            raise ValueError("This file was finished or closed before.")
        try:
            with a_full_disk_is_said():
                yield self._descriptor
        except BaseException:
            self.close()
            raise

    def _require_room(self, size_bytes: int) -> None:
        if self.size_bytes + size_bytes > self.limit:
            raise FileTooLarge(self.limit)

    def _close_descriptor(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            # What close() could still report, fsync() has reported before.
            with suppress(OSError):
                os.close(descriptor)


def hash_file(path: Path) -> Received:
    """A file that is on the disk already, forced there and hashed. Raises `StorageFull`."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        with a_full_disk_is_said():
            os.fsync(file.fileno())
        return Received(path, os.fstat(file.fileno()).st_size, digest.hexdigest())


def clear_abandoned(directory: Path, *, before: datetime) -> int:
    """Delete the files in `directory` last written before then; return how many went.

    Only a process that was killed leaves any.
    """
    oldest = before.timestamp()
    old = [path for path in directory.glob("*") if _modified_at(path) < oldest]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _modified_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def _new_file(path: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o600)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, flags, 0o600)


def _write_all(descriptor: int, block: bytes) -> None:
    left = memoryview(block)
    while left:
        left = left[os.write(descriptor, left) :]
