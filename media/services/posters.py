"""Posters: a picture that stands for a media object in lists and before it plays."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from files.services.blobs import NewBlob, keeping
from files.storage.incoming import hash_file
from files.storage.stores import store
from media.encoding.posters import make_poster
from media.encoding.probing import probe
from media.models import Media
from media.services.transcodes import reasons_given, work_directory
from system.services.jobs import JobRun


def make_poster_of(run: JobRun) -> dict[str, Any]:
    """Make the poster a job asks for; it is not charged. Safe to run again after any crash.

    Raises `JobFailed` where the media has nothing to show.
    """
    media = Media.objects.filter(pk=run.arguments["media_id"], poster=None).first()
    if media is None:
        return {}
    with reasons_given(), work_directory(run) as directory, suppress(_NotWanted):
        path = store().local_copy(_playable_name(media), directory)
        _keep(media, make_poster(path, probe(path), directory=directory))
    return {"media_id": media.pk}


class _NotWanted(Exception):
    """The media object went, or has a poster by now."""


def _keep(media: Media, picture: Path) -> None:
    new = NewBlob(hash_file(picture), "image/jpeg", ".jpg", is_charged=False)
    with keeping(media.owner_id, [new]) as (blob,):
        if not Media.objects.filter(pk=media.pk, poster=None).update(poster=blob):
            raise _NotWanted


def _playable_name(media: Media) -> str:
    """The stored bytes to take the picture from: of HLS the smallest rung, not its playlist."""
    segments = media.parts.filter(name__endswith=".mp4").select_related("blob")
    smallest = segments.order_by("blob__size_bytes").first()
    return smallest.blob.name if smallest else media.blob.name
