"""The kinds of jobs that the workers of the media queue run."""

from django.conf import settings

from media.services.jobs import POSTER, TRANSCODE
from media.services.minutes import give_minutes_back
from media.services.posters import make_poster_of
from media.services.transcodes import transcode
from system.services.jobs import JobKind, register_job_kind


def register_kinds() -> None:
    """Make the workers know how to transcode and how to make posters."""
    register_job_kind(
        JobKind(
            TRANSCODE,
            transcode,
            queue="media",
            at_once=settings.TRANSCODES_AT_ONCE,
            on_nothing_made=give_minutes_back,
        )
    )
    register_job_kind(JobKind(POSTER, make_poster_of, queue="media"))
