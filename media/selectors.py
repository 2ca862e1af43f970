"""What is sent of a media object, what its share shows, and what goes into an export."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

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
    Kind,
    Shareable,
    moment_in_words,
)
from files.selectors import SENT_COLUMNS, StoredBytes
from media.models import Media, MediaPart, MediaQuerySet, MediaType

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

    One query for the owner. `viewer_id` None is whoever came by a link to it, which is
    permission enough.
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


def media_briefs(media_ids: Collection[int]) -> dict[int, Brief]:
    """A line about each media object, by its id."""
    rows = Media.objects.filter(pk__in=media_ids).values_list("pk", "original_filename")
    return {pk: Brief(name, path_of(pk)) for pk, name in rows}


def describe_media(media_id: int) -> Description | None:
    """A media object as its share shows it, with links that play it."""
    media = Media.objects.filter(pk=media_id).select_related("blob").first()
    if media is None:
        return None
    stream, poster = (
        signed_url(reverse(f"media:media-{verb}", args=[media.pk]), verb=verb)
        for verb in ("stream", "poster")
    )
    return Description(
        kind=cast("Kind", media.media_type),
        title=media.original_filename,
        text=media.description,
        path=path_of(media.pk),
        tags=tuple(media.tags),
        facts=_facts(media),
        details={
            "file_size": media.size_bytes,
            "mime_type": media.blob.mime_type,
            "media_type": media.media_type,
            "duration": media.duration,
            "width": media.width,
            "height": media.height,
            "created_at": written_time(media.created_at),
            "updated_at": written_time(media.updated_at),
        },
        links={"stream_url": stream, "poster_url": poster if media.poster_id else None},
        preview=stream if media.media_type == MediaType.IMAGE else "",
    )


def path_of(media_id: int) -> str:
    """Where the signed in find a media object."""
    return f"{settings.API_PREFIX}media/{media_id}"


def _facts(media: Media) -> tuple[tuple[str, str], ...]:
    facts = [("Size", filesizeformat(media.size_bytes)), ("Type", media.blob.mime_type)]
    if media.duration is not None:
        minutes, seconds = divmod(round(media.duration), 60)
        facts.append(("Length", f"{minutes}:{seconds:02d} min"))
    if media.width and media.height:
        facts.append(("Dimensions", f"{media.width} x {media.height}"))
    return (*facts, ("Uploaded", moment_in_words(media.created_at)))


def _found(columns: tuple[str, ...], media_id: int, viewer_id: int | None) -> Sent | None:
    sources = (_of_anybody,) if viewer_id is None else (_own, _shared)
    found = (_sent(columns, source, viewer_id or 0, media_id) for source in sources)
    row = next(filter(None, found), None)
    if row is None or row[0] is None:
        return None
    stored = StoredBytes(*row[: len(columns)])
    return Sent(stored, *row[len(columns) :])


def _own(user_id: int) -> MediaQuerySet:
    return Media.objects.owned_by(User(pk=user_id))


def _shared(user_id: int) -> MediaQuerySet:
    return Media.objects.shared_with(User(pk=user_id))


def _of_anybody(_user_id: int) -> MediaQuerySet:
    return Media.objects.all()


def _sent(
    columns: tuple[str, ...],
    media_of: Callable[[int], MediaQuerySet],
    user_id: int,
    media_id: int,
) -> Any:
    look_up = _compiled(columns, media_of)
    return look_up.statement.fetch_one(look_up.params(user_id, media_id))


@cache
def _compiled(columns: tuple[str, ...], media_of: Callable[[int], MediaQuerySet]) -> Compiled:
    def build(user_id: int, key: int) -> Statement:
        rows = media_of(user_id).filter(pk=key).order_by().values_list(*columns, *OWN_COLUMNS)
        return Statement(*rows.query.sql_with_params(), rows.db)

    return compiled(build)


SHAREABLE = Shareable(
    resource_type=ResourceType.MEDIA,
    rows=Media.objects.all,
    briefs=media_briefs,
    describe=describe_media,
)
