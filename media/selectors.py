"""What is sent of a media object, and what a user takes away in an export."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from accounts.models import User
from alice.common.compiled import Compiled, Statement, compiled
from files.selectors import SENT_COLUMNS, StoredBytes
from media.models import Media, MediaPart, MediaQuerySet

POSTER_COLUMNS = tuple(column.replace("blob", "poster", 1) for column in SENT_COLUMNS)
OWN_COLUMNS = ("original_filename", "output_format", "duration")
EXPORT_COLUMNS = (
    "id",
    "original_filename",
    "description",
    "tags",
    "media_type",
    "duration",
    "width",
    "height",
    "video_codec",
    "audio_codec",
    "frame_rate",
    "source_id",
    "output_format",
    "quality",
    "size_bytes",
    "blob__mime_type",
    "blob__sha256",
    "created_at",
    "updated_at",
)
ROWS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Sent:
    """Stored bytes of a media object, and what their answer has to know of it."""

    stored: StoredBytes
    original_filename: str
    output_format: str
    duration: float | None


def bytes_of_media(*, media_id: int, viewer_id: int | None) -> Sent | None:
    """What plays a media object that the viewer may see; None without one.

    One query. `viewer_id` None is whoever came by a link to it, which is permission enough.
    """
    return _found(SENT_COLUMNS, media_id, viewer_id)


def poster_of_media(*, media_id: int, viewer_id: int | None) -> Sent | None:
    """The poster of a media object, as `bytes_of_media`; None where there is none yet."""
    return _found(POSTER_COLUMNS, media_id, viewer_id)


def part_of_media(*, media_id: int, name: str) -> StoredBytes | None:
    """The bytes of a part by its name in the playlists, for whoever may play the whole."""
    columns = MediaPart.objects.filter(media_id=media_id, name=name).values_list(*SENT_COLUMNS)
    row = columns.first()
    return StoredBytes(*row) if row else None


def media_rows(user_id: int) -> Iterator[dict[str, Any]]:
    """The media objects a user owns, without their bytes, in flat memory."""
    rows = Media.objects.filter(owner_id=user_id).order_by("pk").values(*EXPORT_COLUMNS)
    yield from rows.iterator(chunk_size=ROWS_AT_ONCE)


def _found(columns: tuple[str, ...], media_id: int, viewer_id: int | None) -> Sent | None:
    look_up = _compiled(columns, _of_anybody if viewer_id is None else _visible)
    row = look_up.statement.fetch_one(look_up.params(viewer_id or 0, media_id))
    if row is None or row[0] is None:
        return None
    stored = StoredBytes(*row[: len(columns)])
    return Sent(stored, *row[len(columns) :])


def _visible(user_id: int) -> MediaQuerySet:
    return Media.objects.visible_to(User(pk=user_id))


def _of_anybody(_user_id: int) -> MediaQuerySet:
    return Media.objects.all()


@cache
def _compiled(columns: tuple[str, ...], media_of: Callable[[int], MediaQuerySet]) -> Compiled:
    def build(user_id: int, key: int) -> Statement:
        rows = media_of(user_id).filter(pk=key).order_by().values_list(*columns, *OWN_COLUMNS)
        return Statement(*rows.query.sql_with_params(), rows.db)

    return compiled(build)
