"""What every store of bytes can do."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from files.storage.incoming import Received


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that is stored."""

    name: str
    size_bytes: int
    modified_at: datetime


class Store(Protocol):
    """Keeps bytes under names of our own making: letters, digits, `-`, `_` and `.`.

    Every method raises `Unavailable` when the store does not answer, and `ValueError` for a name
    that is none.
    """

    def put(self, name: str, received: Received, *, content_type: str) -> None:
        """Keep the bytes for good: when this returns, a crash does not lose them.

        They are there whole or not at all. `received.path` stays as it is. Raises `StorageFull`.
        """

    def delete(self, name: str) -> None:
        """Forget the bytes; it is fine if they are gone already."""

    def open(self, name: str, *, first: int = 0) -> BinaryIO:
        """The bytes from number `first` on, to be read forward and closed. Raises `NotFound`."""

    def size(self, name: str) -> int | None:
        """How many bytes there are, or None where there is nothing of that name."""

    def entries(self) -> Iterator[Entry]:
        """Everything that is stored, in no particular order and in flat memory."""

    def link(self, name: str, *, content_type: str, disposition: str, seconds: int) -> str | None:
        """A URL that serves the bytes with these headers for so long, or None: stream them."""

    def local_copy(self, name: str, directory: Path) -> Path:
        """A path in `directory`, which exists, with these bytes. It is to be read only.

        Raises `NotFound` and `StorageFull`.
        """
