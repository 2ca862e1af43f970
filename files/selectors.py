"""What is sent of a file, and what a user takes away in an export."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from accounts.models import User
from alice.common.compiled import Compiled, Statement, compiled
from files.models import File, FileQuerySet

SENT_COLUMNS = (
    "blob__name",
    "blob__size_bytes",
    "blob__sha256",
    "blob__mime_type",
    "blob__created_at",
)
EXPORT_COLUMNS = (
    "id",
    "original_filename",
    "description",
    "tags",
    "blob__name",
    "blob__size_bytes",
    "blob__mime_type",
    "blob__sha256",
    "version",
    "created_at",
    "updated_at",
)
ROWS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class StoredBytes:
    """What an answer with stored bytes is made of."""

    name: str
    size_bytes: int
    sha256: str
    mime_type: str
    created_at: datetime


def bytes_of_file(*, file_id: int, viewer_id: int | None) -> tuple[StoredBytes, str] | None:
    """The bytes of a file that the viewer may see, and the file's name; None without one.

    One query. `viewer_id` None is whoever came by a link to this file, which is permission enough.
    """
    statement = _bytes_of_visible() if viewer_id is not None else _bytes_of_any()
    row = statement.statement.fetch_one(statement.params(viewer_id or 0, file_id))
    if row is None:
        return None
    *columns, original_filename = row
    return StoredBytes(*columns), original_filename


def file_rows(user_id: int) -> Iterator[dict[str, Any]]:
    """The files a user owns, without their bytes, in flat memory."""
    rows = File.objects.filter(owner_id=user_id).order_by("pk").values(*EXPORT_COLUMNS)
    yield from rows.iterator(chunk_size=ROWS_AT_ONCE)


@cache
def _bytes_of_visible() -> Compiled:
    def build(user_id: int, key: int) -> Statement:
        return _statement(File.objects.visible_to(User(pk=user_id)).filter(pk=key))

    return compiled(build)


@cache
def _bytes_of_any() -> Compiled:
    return compiled(lambda _user_id, key: _statement(File.objects.filter(pk=key)))


def _statement(files: FileQuerySet) -> Statement:
    rows = files.order_by().values_list(*SENT_COLUMNS, "original_filename")
    return Statement(*rows.query.sql_with_params(), files.db)
