"""What is sent of a file, what its share shows, and what a user takes away in an export."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from django.conf import settings
from django.template.defaultfilters import filesizeformat
from django.urls import reverse

from accounts.models import User
from alice.common.compiled import Compiled, Statement, compiled
from alice.common.serializing import written_time
from alice.common.signed_urls import signed_url
from collaboration.models import ResourceType
from collaboration.services.shareables import (
    Brief,
    Description,
    Shareable,
    moment_in_words,
)
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
# What a browser shows as a picture without running any of it, and how large it may be.
PICTURE_TYPES = {"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp"}
PICTURE_BYTES_MAX = 20 * 1024 * 1024


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

    One query for the owner. `viewer_id` None is whoever came by a link to this file, which is
    permission enough.
    """
    sources = (_of_anybody,) if viewer_id is None else (_own, _shared)
    found = (_sent(source, viewer_id or 0, file_id) for source in sources)
    row = next(filter(None, found), None)
    if row is None:
        return None
    *columns, original_filename = row
    return StoredBytes(*columns), original_filename


def file_rows(user_id: int) -> Iterator[dict[str, Any]]:
    """The files a user owns, without their bytes, in flat memory."""
    rows = File.objects.filter(owner_id=user_id).order_by("pk").values(*EXPORT_COLUMNS)
    yield from rows.iterator(chunk_size=ROWS_AT_ONCE)


def file_briefs(file_ids: Collection[int]) -> dict[int, Brief]:
    """A line about each file, by its id."""
    rows = File.objects.filter(pk__in=file_ids).values_list("pk", "original_filename")
    return {pk: Brief(name, path_of(pk)) for pk, name in rows}


def describe_file(file_id: int) -> Description | None:
    """A file as its share shows it, with a link that downloads it."""
    file = File.objects.filter(pk=file_id).select_related("blob").first()
    if file is None:
        return None
    blob = file.blob
    link = signed_url(reverse("files:file-download", args=[file.pk]), verb="download")
    is_picture = blob.mime_type in PICTURE_TYPES and blob.size_bytes <= PICTURE_BYTES_MAX
    return Description(
        kind="file",
        title=file.original_filename,
        text=file.description,
        path=path_of(file.pk),
        tags=tuple(file.tags),
        facts=(
            ("Size", filesizeformat(blob.size_bytes)),
            ("Type", blob.mime_type),
            ("Uploaded", moment_in_words(file.created_at)),
        ),
        details={
            "file_size": blob.size_bytes,
            "mime_type": blob.mime_type,
            "sha256": blob.sha256,
            "created_at": written_time(file.created_at),
            "updated_at": written_time(file.updated_at),
        },
        links={"download_url": link},
        preview=link if is_picture else "",
    )


def path_of(file_id: int) -> str:
    """Where the signed in find a file."""
    return f"{settings.API_PREFIX}files/{file_id}"


def _own(user_id: int) -> FileQuerySet:
    return File.objects.owned_by(User(pk=user_id))


def _shared(user_id: int) -> FileQuerySet:
    return File.objects.shared_with(User(pk=user_id))


def _of_anybody(_user_id: int) -> FileQuerySet:
    return File.objects.all()


def _sent(files_of: Callable[[int], FileQuerySet], user_id: int, file_id: int) -> Any:
    look_up = _compiled(files_of)
    return look_up.statement.fetch_one(look_up.params(user_id, file_id))


@cache
def _compiled(files_of: Callable[[int], FileQuerySet]) -> Compiled:
    def build(user_id: int, key: int) -> Statement:
        rows = files_of(user_id).filter(pk=key).order_by()
        columns = rows.values_list(*SENT_COLUMNS, "original_filename")
        return Statement(*columns.query.sql_with_params(), rows.db)

    return compiled(build)


SHAREABLE = Shareable(
    resource_type=ResourceType.FILE,
    rows=File.objects.all,
    briefs=file_briefs,
    describe=describe_file,
)
