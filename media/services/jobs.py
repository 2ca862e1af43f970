"""Which long work there is on media, and how it is queued and stopped."""

from collections.abc import Iterable

from system.models import Job
from system.services.jobs import cancel_job, enqueue_job

TRANSCODE = "media.transcode"
POSTER = "media.poster"


def enqueue_poster(media_id: int) -> Job:
    """Have a picture made that stands for a media object. Nobody's job: it lists nowhere."""
    return enqueue_job(kind=POSTER, arguments={"media_id": media_id}, twin_key=str(media_id))


def cancel_transcodes_of(media_ids: Iterable[int]) -> None:
    """Stop what is being made of media objects that go."""
    active = Job.objects.active().filter(kind=TRANSCODE, arguments__media_id__in=list(media_ids))
    for job in active:
        cancel_job(job=job)
