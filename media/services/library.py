"""Writing media objects: taken in, renamed, deleted with all that was made of them."""

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from django.db import transaction

from alice.common.conditional import ANY_VERSION, IfMatch, etag_of
from alice.common.errors import Forbidden
from alice.common.events import publish
from alice.common.versions import change_row
from collaboration.models import ResourceType
from collaboration.services.rights import OwnerOnly, ViewOnly, refusal
from collaboration.services.shares import forget
from files.models import Blob
from files.services.blobs import NewBlob, delete_blobs, keeping
from files.services.targets import Target
from files.storage.incoming import Received
from media.encoding.probing import Probe, probe
from media.events import MediaDeleted, MediaUpdated, MediaUploaded
from media.models import Media, MediaPart, MediaQuerySet
from media.services import jobs


def upload_media(
    *,
    owner_id: int,
    received: Received,
    original_filename: str,
    description: str = "",
    tags: Sequence[str] = (),
    is_paid: bool = False,
) -> Media:
    """Keep received bytes as a media object, announced by `MediaUploaded`; a poster follows.

    What it is is found in the bytes. Raises `NotMedia`, `MediaRefused` for what is too complex,
    `StorageQuotaReached` and `StorageFull`; then nothing is kept.
    """
    found = probe(received.path)
    new = NewBlob(received, found.mime_type, found.extension)
    with keeping(owner_id, [new], is_paid=is_paid) as (blob,):
        media = Media.objects.create(
            owner_id=owner_id,
            blob=blob,
            original_filename=original_filename,
            description=description,
            tags=list(tags),
            size_bytes=blob.size_bytes,
            **described(found),
        )
        jobs.enqueue_poster(media.pk)
        publish(MediaUploaded(media_id=media.pk, owner_id=owner_id))
    return media


def finish_upload(
    *,
    owner_id: int,
    received: Received,
    original_filename: str,
    description: str,
    tags: list[str],
) -> int:
    """Make a media object of a finished resumable upload; returns its id, raises as above."""
    media = upload_media(
        owner_id=owner_id,
        received=received,
        original_filename=original_filename,
        description=description,
        tags=tags,
        is_paid=True,
    )
    return media.pk


UPLOAD_TARGET = Target(finish_upload, "media/{id}")


def described(found: Probe) -> dict[str, Any]:
    """The columns of a media object that tell what is in its bytes."""
    return {
        "media_type": found.media_type,
        "duration": found.duration,
        "width": found.width,
        "height": found.height,
        "video_codec": found.video_codec,
        "audio_codec": found.audio_codec,
        "frame_rate": found.frame_rate,
    }


@transaction.atomic
def update_media(
    *,
    media: MediaQuerySet,
    media_id: int,
    changes: Mapping[str, Any],
    if_match: IfMatch = ANY_VERSION,
    shared: MediaQuerySet | None = None,
) -> Media:
    """Change the fields in `changes` of one of `media`; announced by `MediaUpdated`.

    What is equal to before makes no new version. Raises `NotFound`, or `ViewOnly` for one of
    `shared`, and `PreconditionFailed`.
    """
    row = _locked(media, media_id, shared, ViewOnly)
    if_match.require(etag_of(row.version))
    if changed := change_row(row, changes):
        publish(MediaUpdated(media_id=row.pk, owner_id=row.owner_id, changed=changed))
    return row


@transaction.atomic
def delete_media(
    *,
    media: MediaQuerySet,
    media_id: int,
    if_match: IfMatch = ANY_VERSION,
    shared: MediaQuerySet | None = None,
) -> None:
    """Delete one of `media` for good: its renditions, posters and parts, and running transcodes.

    Raises `NotFound`, or `OwnerOnly` for one of `shared`, and `PreconditionFailed`.
    """
    row = _locked(media, media_id, shared, OwnerOnly)
    if_match.require(etag_of(row.version))
    family = _with_renditions(row)
    jobs.cancel_transcodes_of(family)
    blobs = _blobs_of(family)
    Media.objects.filter(pk=row.pk).delete()
    forget(ResourceType.MEDIA, family)
    delete_blobs(blobs)
    if row.source_id is not None:
        others = Media.objects.filter(source_id=row.source_id)
        Media.objects.filter(pk=row.source_id).update(transcoded=others.exists())
    for media_id_gone in family:
        publish(MediaDeleted(media_id=media_id_gone, owner_id=row.owner_id))


def renamed(original_filename: str, extension: str) -> str:
    """The name of a rendition: its source's, with the extension of what it has become."""
    return f"{PurePath(original_filename).stem[:200] or 'media'}{extension}"


def _locked(
    media: MediaQuerySet, media_id: int, shared: MediaQuerySet | None, kind: type[Forbidden]
) -> Media:
    try:
        # Not a key update: renditions that refer to it can be written meanwhile.
        return media.select_for_update(no_key=True, of=("self",)).order_by().get(pk=media_id)
    except Media.DoesNotExist:
        raise refusal(shared, media_id, kind) from None


def _with_renditions(row: Media) -> list[int]:
    """The ids of a media object and of all that was made of it, generation by generation."""
    family = generation = [row.pk]
    while generation:
        # Locked, so that no rendition of them is added while they are deleted.
        made = Media.objects.filter(source_id__in=generation).select_for_update().order_by("pk")
        generation = list(made.values_list("pk", flat=True))
        family = family + generation
    return family


def _blobs_of(media_ids: Sequence[int]) -> list[Blob]:
    rows = Media.objects.filter(pk__in=media_ids).select_related("blob", "poster")
    parts = MediaPart.objects.filter(media_id__in=media_ids).select_related("blob")
    found = [blob for row in rows for blob in (row.blob, row.poster) if blob is not None]
    return found + [part.blob for part in parts]
