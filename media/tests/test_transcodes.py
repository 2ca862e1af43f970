"""Transcodes: one finished rendition whatever happens on the way, or none and a reason."""

import os
import uuid

import pytest

from alice.common.tests.kit import entitle
from files.models import Blob, StorageUsage
from files.storage.incoming import hash_file
from files.storage.stores import store
from media.models import Media
from media.services import posters, transcodes
from media.services.jobs import POSTER, TRANSCODE
from media.tasks import clear_work_directories
from media.tests import clips
from media.tests.factories import SAMPLES, make_media, run_all, run_job
from system.models import Job, JobStatus
from system.services import jobs

pytestmark = pytest.mark.django_db

CLIP = SAMPLES / "clip.mp4"
TO_MP3 = {"output_format": "mp3", "quality": "low"}
TO_MP4 = {"output_format": "mp4", "quality": "low"}


@pytest.fixture
def clip(alice):
    return make_media(alice.user, CLIP)


def ask(client, media, **wish):
    return client.post(f"/api/media/{media.pk}/transcode", wish)


def kept_names():
    return {entry.name for entry in store().entries()}


def nothing_was_made(source):
    return (
        not Media.objects.exclude(pk=source.pk).exists()
        and kept_names() == {source.blob.name}
        and StorageUsage.objects.get().used_bytes == source.size_bytes
    )


def test_a_transcode_answers_its_job(alice, clip):
    answer = ask(alice, clip, **TO_MP3)

    job = Job.objects.get(kind=TRANSCODE)
    assert answer.status_code == 200
    assert answer.headers["Location"] == f"/api/jobs/{job.pk}"
    assert answer.json() == {
        "job_id": job.pk,
        "media_id": clip.pk,
        **TO_MP3,
        "status": "queued",
        "progress": 0,
    }


def test_the_quality_is_medium_unless_said(alice, clip):
    assert ask(alice, clip, output_format="mp3").json()["quality"] == "medium"


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"output_format": "exe"},
        {"output_format": "mp4;id"},
        {"output_format": "-y"},
        {"output_format": "../x"},
        {"output_format": "m3u8"},
        {"output_format": "tee"},
        {"output_format": "x" * 10_000},
        {"output_format": "mp4", "quality": "best"},
        {"output_format": "mp4", "quality": "-crf 0"},
        {"output_format": "png"},
    ],
)
def test_what_cannot_be_made_is_refused_before_it_is_queued(alice, clip, wish):
    answer = ask(alice, clip, **wish)

    assert answer.status_code == 400
    assert answer.json()["errors"]
    assert not Job.objects.filter(kind=TRANSCODE).exists()


def test_a_refusal_names_what_can_be_made(alice):
    picture = make_media(alice.user, SAMPLES / "picture.png")

    answer = ask(alice, picture, **TO_MP4)

    assert answer.json()["detail"] == (
        "This image cannot become mp4. Choose one of webp, jpg, png."
    )


def test_a_finished_transcode_is_a_new_object_of_its_source(alice, any_store, clip):
    ask(alice, clip, **TO_MP3)

    (job,) = run_all(TRANSCODE)

    made = alice.get(f"/api/media/{job.result['media_id']}").json()
    assert (job.status, job.progress) == (JobStatus.COMPLETED, 100)
    assert (made["source_id"], made["output_format"], made["quality"]) == (clip.pk, "mp3", "low")
    assert (made["media_type"], made["mime_type"]) == ("audio", "audio/mpeg")
    assert made["original_filename"] == "clip.mp3"
    assert alice.get(f"/api/media/{clip.pk}").json()["transcoded"] is True
    assert StorageUsage.objects.get().used_bytes == clip.size_bytes + made["file_size"]


def test_the_same_request_joins_the_job_that_runs(alice, clip):
    first = ask(alice, clip, **TO_MP3).json()
    jobs.claim_job(job_id=first["job_id"])

    again = ask(alice, clip, **TO_MP3).json()

    assert (again["job_id"], again["status"]) == (first["job_id"], "running")
    assert ask(alice, clip, **TO_MP4).json()["job_id"] != first["job_id"]


def test_what_is_there_is_not_made_twice(alice, clip):
    first = ask(alice, clip, **TO_MP3).json()
    (done,) = run_all(TRANSCODE)

    again = ask(alice, clip, **TO_MP3).json()
    alice.delete(f"/api/media/{done.result['media_id']}")
    anew = ask(alice, clip, **TO_MP3).json()

    assert (again["job_id"], again["status"]) == (first["job_id"], "completed")
    assert anew["job_id"] != first["job_id"]


def test_nobody_queues_without_end(alice, clip, settings):
    settings.TRANSCODES_PER_USER = 1
    ask(alice, clip, **TO_MP3)

    answer = ask(alice, clip, **TO_MP4)

    assert answer.status_code == 429
    assert answer.json()["code"] == "too_many_transcodes"
    assert Job.objects.filter(kind=TRANSCODE).count() == 1


def test_a_run_after_a_crash_finds_what_the_first_one_made(alice, clip):
    ask(alice, clip, **TO_MP3)
    run = jobs.claim_job(job_id=Job.objects.get(kind=TRANSCODE).pk)
    made = transcodes.transcode(run)

    again = transcodes.transcode(run)

    assert again == made
    assert clip.renditions.count() == 1


def test_a_run_that_lost_its_job_leaves_nothing(alice, clip):
    ask(alice, clip, **TO_MP3)
    run = jobs.claim_job(job_id=Job.objects.get(kind=TRANSCODE).pk)
    Job.objects.filter(pk=run.job_id).update(claim=uuid.uuid4())

    with pytest.raises(jobs.JobLost):
        transcodes.transcode(run)

    assert nothing_was_made(clip)


def test_the_rendition_of_a_source_that_goes_meanwhile_is_not_kept(alice, clip, monkeypatch):
    ask(alice, clip, **TO_MP3)
    job_id = Job.objects.get(kind=TRANSCODE).pk

    def made_meanwhile(path):
        Media.objects.filter(pk=clip.pk).delete()
        return hash_file(path)

    monkeypatch.setattr(transcodes, "hash_file", made_meanwhile)
    job = run_job(job_id)

    assert (job.status, job.error) == (JobStatus.FAILED, "The source was deleted.")
    assert not Media.objects.exists()
    assert kept_names() == {clip.blob.name}


def test_a_cancelled_transcode_stops_and_leaves_nothing(alice, clip):
    job_id = ask(alice, clip, **TO_MP4).json()["job_id"]
    run = jobs.claim_job(job_id=job_id)
    alice.post(f"/api/jobs/{job_id}/cancel")

    jobs.run_claimed(run)

    assert Job.objects.get(pk=job_id).status == JobStatus.CANCELLED
    assert nothing_was_made(clip)


def test_a_poison_file_fails_with_a_reason(alice, tmp_path):
    whole = clips.video(tmp_path / "whole.mp4", "-movflags", "+faststart")
    poison = make_media(alice.user, clips.spoilt(whole, tmp_path / "poison.mp4", 4000))
    ask(alice, poison, **TO_MP4)

    (job,) = run_all(TRANSCODE)

    assert job.status == JobStatus.FAILED
    assert job.attempts == 1
    assert job.error
    assert "/" not in job.error
    assert nothing_was_made(poison)


def test_a_full_storage_fails_with_a_reason(alice, clip, settings):
    entitle(settings, free={"storage_bytes": clip.size_bytes})
    ask(alice, clip, **TO_MP3)

    (job,) = run_all(TRANSCODE)

    assert job.status == JobStatus.FAILED
    assert job.error == "Your storage is full. Delete something, or choose a larger plan."
    assert nothing_was_made(clip)


def test_no_work_directory_is_left(alice, clip, settings):
    ask(alice, clip, **TO_MP3)
    ask(alice, clip, output_format="hls", quality="low")

    run_all(TRANSCODE)
    run_all(POSTER)

    assert [*(settings.DATA_DIR / "work").iterdir()] == []


def test_what_a_killed_run_left_goes_with_time(settings):
    left, running = settings.DATA_DIR / "work/1-a", settings.DATA_DIR / "work/2-b"
    for directory in (left, running):
        directory.mkdir(parents=True)
    os.utime(left, (0, 0))

    assert clear_work_directories() == 1
    assert [*left.parent.iterdir()] == [running]


def test_the_next_run_clears_what_the_killed_one_left(alice, clip, settings):
    job_id = ask(alice, clip, **TO_MP3).json()["job_id"]
    left = settings.DATA_DIR / f"work/{job_id}-killed"
    left.mkdir(parents=True)

    assert run_job(job_id).status == JobStatus.COMPLETED
    assert not left.exists()


def test_a_poster_is_made_once_and_costs_nobody_storage(alice, any_store, clip):
    (job,) = run_all(POSTER)
    run = jobs.JobRun(job.pk, None, job.arguments, uuid.uuid4(), kind=POSTER)

    assert posters.make_poster_of(run) == {}
    assert Blob.objects.get(is_charged=False).mime_type == "image/jpeg"
    assert StorageUsage.objects.get().used_bytes == clip.size_bytes


def test_a_poster_comes_too_late_for_what_was_deleted(alice, clip):
    job_id = Job.objects.get(kind=POSTER).pk
    alice.delete(f"/api/media/{clip.pk}")

    job = run_job(job_id)

    assert job.status == JobStatus.COMPLETED
    assert kept_names() == set()


def test_posters_are_nobody_s_jobs(alice, clip):
    assert Job.objects.get().kind == POSTER
    assert alice.get("/api/jobs").json() == []
