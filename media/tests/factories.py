"""Media for tests, taken in by the service as in life."""

import atexit
import tempfile
from pathlib import Path

from django.core.files.uploadedfile import SimpleUploadedFile

from files.storage.incoming import hash_file
from media.models import Media
from media.services import library
from media.tests import clips
from system.models import Job
from system.services import jobs


def made_samples() -> Path:
    """A directory with one of each kind, made anew by every process that runs tests."""
    keeper = tempfile.TemporaryDirectory(prefix="alice-samples-")
    atexit.register(keeper.cleanup)
    directory = Path(keeper.name)
    clips.video(directory / "clip.mp4", size="320x180", rate=12, seconds=4)
    clips.audio(directory / "tone.wav", seconds=1)
    clips.image(directory / "picture.png", size="160x90")
    clips.image(directory / "picture.jpg", size="160x90")
    return directory


SAMPLES = made_samples()


def make_media(owner, path, name="clip.mp4", **fields) -> Media:
    """The file at `path` as a media object of `owner`; its poster is queued, not made."""
    received = hash_file(Path(path))
    return library.upload_media(
        owner_id=owner.pk, received=received, original_filename=name, **fields
    )


def sent(path, name=None, content_type="application/octet-stream"):
    """A file as a client sends it."""
    path = Path(path)
    return SimpleUploadedFile(name or path.name, path.read_bytes(), content_type)


def run_job(job_id) -> Job:
    """Do what a worker does with a job, and look how it ended."""
    run = jobs.claim_job(job_id=job_id)
    assert run is not None
    jobs.run_claimed(run)
    return Job.objects.get(pk=job_id)


def run_all(kind) -> list[Job]:
    """Do the jobs of a kind that are queued."""
    queued = Job.objects.active().filter(kind=kind).order_by("pk").values_list("pk", flat=True)
    return [run_job(job_id) for job_id in list(queued)]
