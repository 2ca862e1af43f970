"""Transcodes: asked for once, run by a worker, and one finished rendition whatever dies."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings
from django.db import transaction

from alice.common.errors import DomainError, Invalid, TooManyRequests
from alice.common.events import publish
from alice.common.versions import change_row
from collaboration.services.rights import OwnerOnly, refusal
from files.services import quotas
from files.services.blobs import NewBlob, keeping
from files.storage.incoming import hash_file
from files.storage.stores import store
from media.encoding.errors import EncodingFailed
from media.encoding.ffmpeg import Encoded, Order, encode
from media.encoding.probing import probe
from media.encoding.recipes import suitable_formats
from media.events import MediaTranscoded
from media.models import Media, MediaPart, MediaQuerySet, OutputFormat
from media.services.jobs import TRANSCODE, enqueue_poster
from media.services.library import described, renamed
from media.services.minutes import spend_minutes
from system.models import Job
from system.services.jobs import JobFailed, JobLost, JobRun, enqueue_job, extend_lease

ABANDONED_SECONDS = 3600
SOURCE_GONE = "The source was deleted."


class FormatUnsuitable(Invalid):
    code = "format_unsuitable"


class TooManyTranscodes(TooManyRequests):
    code = "too_many_transcodes"


@transaction.atomic
def request_transcode(
    *,
    media: MediaQuerySet,
    media_id: int,
    output_format: str,
    quality: str,
    shared: MediaQuerySet | None = None,
) -> Job:
    """Queue the making of a rendition of one of `media`, and return its job.

    The same request while one runs returns that job, and while its rendition is there the job
    that made it. Raises `NotFound`, or `OwnerOnly` for one of `shared`, `FormatUnsuitable`,
    `TooManyTranscodes` and `TranscodeMinutesSpent`.
    """
    # Locked, so that the rendition cannot appear between the two looks.
    source = media.select_for_update(no_key=True, of=("self",)).filter(pk=media_id).first()
    if source is None:
        raise refusal(shared, media_id, OwnerOnly)
    _require_suitable(source, output_format)
    if job := _job_of_rendition(source, output_format, quality):
        return job
    twin_key = f"{source.pk}:{output_format}:{quality}"
    active = Job.objects.active().filter(kind=TRANSCODE, owner_id=source.owner_id)
    if twin := active.filter(twin_key=twin_key).first():
        return twin
    if active.count() >= settings.TRANSCODES_PER_USER:
        sentence = f"{settings.TRANSCODES_PER_USER} transcodes are waiting. Let one finish first."
        raise TooManyTranscodes(sentence, retry_after=60)
    wish = {"media_id": source.pk, "output_format": output_format, "quality": quality}
    return enqueue_job(
        kind=TRANSCODE,
        owner_id=source.owner_id,
        arguments=wish | spend_minutes(source),
        twin_key=twin_key,
    )


def transcode(run: JobRun) -> dict[str, Any]:
    """Make the rendition a job asks for; `{"media_id": N}` says where it is.

    Safe to run again after any crash: a rendition this job has made is found, not made twice.
    Raises `JobFailed` with a reason a person understands, `JobCancelled` and `JobLost`.
    """
    made = Media.objects.filter(job_id=run.job_id).first()
    if made is None:
        source = Media.objects.filter(pk=run.arguments["media_id"]).select_related("blob").first()
        if source is None:
            raise JobFailed(SOURCE_GONE)
        with reasons_given(), work_directory(run) as directory:
            made = _keep(run, source, _encode(run, source, directory))
    return {"media_id": made.pk}


def formats_of(media: Media) -> tuple[str, ...]:
    """What a media object can become; HLS is an end."""
    if media.output_format == OutputFormat.HLS:
        return ()
    return suitable_formats(media.media_type, has_audio=bool(media.audio_codec))


@contextmanager
def reasons_given() -> Iterator[None]:
    """Turn what no further try would change into the job's failure, in the same words."""
    try:
        yield
    except (EncodingFailed, Invalid, quotas.StorageQuotaReached) as reason:
        sentence = reason.detail if isinstance(reason, DomainError) else str(reason)
        raise JobFailed(sentence) from reason


@contextmanager
def work_directory(run: JobRun) -> Iterator[Path]:
    """A private directory for one run of a job, gone when it is over or the next one begins."""
    root = Path(settings.DATA_DIR) / "work"
    root.mkdir(parents=True, exist_ok=True)
    for left_by_a_crash in root.glob(f"{run.job_id}-*"):
        shutil.rmtree(left_by_a_crash, ignore_errors=True)
    with TemporaryDirectory(
        prefix=f"{run.job_id}-", dir=root, ignore_cleanup_errors=True
    ) as directory:
        yield Path(directory)


def clear_work_directories() -> int:
    """Delete what runs left behind that were killed and never begun again; return how many."""
    oldest = time.time() - settings.TRANSCODE_SECONDS_MAX - ABANDONED_SECONDS
    root = Path(settings.DATA_DIR) / "work"
    abandoned = [path for path in root.glob("*") if path.stat().st_mtime < oldest]
    for path in abandoned:
        shutil.rmtree(path, ignore_errors=True)
    return len(abandoned)


def _require_suitable(source: Media, output_format: str) -> None:
    suitable = formats_of(source)
    if output_format not in suitable:
        names = ", ".join(suitable)
        advice = f"Choose one of {names}." if names else "There is none that it can become."
        sentence = f"This {source.media_type} cannot become {output_format}. {advice}"
        raise FormatUnsuitable(sentence, errors={"output_format": [sentence]})


def _job_of_rendition(source: Media, output_format: str, quality: str) -> Job | None:
    made = source.renditions.filter(output_format=output_format, quality=quality)
    return Job.objects.filter(pk__in=made.values("job_id")).first()


def _encode(run: JobRun, source: Media, directory: Path) -> Encoded:
    quotas.require_room(owner_id=source.owner_id, size_bytes=1)
    path = store().local_copy(source.blob.name, directory)
    free_bytes = quotas.usage_of(source.owner_id).free_bytes
    output = directory / "out"
    output.mkdir()
    order = Order(
        output_format=run.arguments["output_format"],
        quality=run.arguments["quality"],
        seconds_max=settings.TRANSCODE_SECONDS_MAX,
        bytes_max=min(free_bytes, settings.TRANSCODE_BYTES_MAX),
    )
    return encode(path, probe(path), order, directory=output, on_progress=run.report)


def _keep(run: JobRun, source: Media, encoded: Encoded) -> Media:
    new = [NewBlob(hash_file(encoded.main), encoded.mime_type, encoded.extension)]
    new += [NewBlob(hash_file(path), mime, path.suffix) for path, mime in encoded.parts]
    with keeping(source.owner_id, new) as (main, *parts):
        _require_held(run, source)
        made = Media.objects.create(
            owner_id=source.owner_id,
            blob=main,
            source=source,
            job_id=run.job_id,
            output_format=run.arguments["output_format"],
            quality=run.arguments["quality"],
            original_filename=renamed(source.original_filename, encoded.extension),
            size_bytes=sum(blob.size_bytes for blob in (main, *parts)),
            **described(encoded.probe),
        )
        MediaPart.objects.bulk_create(
            MediaPart(media=made, blob=blob, name=path.name)
            for blob, (path, _) in zip(parts, encoded.parts, strict=True)
        )
        enqueue_poster(made.pk)
        event = MediaTranscoded(media_id=made.pk, source_id=source.pk, owner_id=made.owner_id)
        publish(event)
    return made


def _require_held(run: JobRun, source: Media) -> None:
    """Lock job and source up to the commit: only the run that holds the job leaves a rendition."""
    if not extend_lease(job_id=run.job_id, claim=run.claim, progress=99):
        raise JobLost
    # With the source's lock, whoever deletes it sees this rendition, or this sees it is gone.
    locked = Media.objects.select_for_update(no_key=True).filter(pk=source.pk).first()
    if locked is None:
        raise JobFailed(SOURCE_GONE)
    change_row(locked, {"transcoded": True})
