"""Bytes on the local disk: `<root>/<first two characters>/<name>`."""

import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from alice.common.errors import NotFound
from files.storage.incoming import Received, a_full_disk_is_said
from files.storage.protocol import Entry

NAME = re.compile(r"[0-9A-Za-z]{2}[0-9A-Za-z._-]{0,198}")
# Longer than the two characters of a folder of blobs, so that no blob is looked for in it.
PARTIAL = "partial"

# Another file system, one without hard links, too many links, or the name is there already.
NO_LINK = frozenset(
    {
        errno.EXDEV,
        errno.EPERM,
        errno.EACCES,
        errno.EMLINK,
        errno.EEXIST,
        errno.ENOSYS,
        errno.EOPNOTSUPP,
    }
)


@dataclass(frozen=True, slots=True)
class LocalStore:
    """A store (see `Store`) in one directory, which is made when it is first needed."""

    root: Path

    def put(self, name: str, received: Received, *, content_type: str) -> None:
        """Link the received file into place; where that cannot be, copy it and rename the copy."""
        path = self.path_of(name)
        with a_full_disk_is_said():
            self._make_directory(path.parent)
            if not _linked(received.path, path):
                self._copy(received.path, path)
            _sync_directory(path.parent)

    def delete(self, name: str) -> None:
        """Remove the file, if it is there."""
        self.path_of(name).unlink(missing_ok=True)

    def open(self, name: str, *, first: int = 0) -> BinaryIO:
        """The file, unbuffered: it is read in large blocks. Raises `NotFound`."""
        try:
            file = self.path_of(name).open("rb", buffering=0)
        except FileNotFoundError:
            raise NotFound from None
        file.seek(first)
        return file

    def size(self, name: str) -> int | None:
        """The size of the file, or None."""
        try:
            return self.path_of(name).stat().st_size
        except FileNotFoundError:
            return None

    def entries(self) -> Iterator[Entry]:
        """Every whole file."""
        for folder in self.root.glob("[0-9A-Za-z][0-9A-Za-z]"):
            with os.scandir(folder) as files:
                yield from filter(None, map(_entry, files))

    def link(self, name: str, *, content_type: str, disposition: str, seconds: int) -> None:
        """There is none: we stream from the local disk ourselves."""

    def local_copy(self, name: str, directory: Path) -> Path:
        """A second name of the file, or a copy where links cannot be."""
        source, path = self.path_of(name), directory / name
        try:
            if not _linked(source, path):
                with a_full_disk_is_said():
                    _copy_file(source, path)
        except FileNotFoundError:
            raise NotFound from None
        return path

    def path_of(self, name: str) -> Path:
        """Where a file of that name is or would be; `ValueError` for what is no name of ours."""
        if not NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of a blob.")
        return self.root / name[:2] / name

    def _copy(self, source: Path, path: Path) -> None:
        partial = self.root / PARTIAL / secrets.token_hex(16)
        partial.parent.mkdir(exist_ok=True)
        try:
            _copy_file(source, partial)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)

    def _make_directory(self, directory: Path) -> None:
        if directory.is_dir():
            return
        directory.mkdir(parents=True, exist_ok=True)
        _sync_directory(self.root)
        _sync_directory(self.root.parent)


def _linked(source: Path, path: Path) -> bool:
    try:
        path.hardlink_to(source)
    except OSError as error:
        if error.errno in NO_LINK:
            return False
        raise
    return True


def _copy_file(source: Path, path: Path) -> None:
    """Copy a file to a new path and force it to the disk, or leave nothing."""
    with source.open("rb") as original:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with open(descriptor, "wb") as copy:  # noqa: PTH123 - a descriptor has no path
                shutil.copyfileobj(original, copy, 256 * 1024)
                copy.flush()
                os.fsync(descriptor)
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _entry(file: "os.DirEntry[str]") -> Entry | None:
    with suppress(FileNotFoundError):
        status = file.stat(follow_symlinks=False)
        # When it came here: a link keeps the time at which its bytes were written.
        return Entry(file.name, status.st_size, datetime.fromtimestamp(status.st_ctime, UTC))
    return None
