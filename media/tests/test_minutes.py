"""Transcode minutes: of the source, by the month, counted once and given back for nothing."""

import threading

import pytest
from django.db import connection

from alice.common.tests.kit import entitle
from media.models import Media
from media.services.jobs import TRANSCODE
from media.services.minutes import used_minutes
from media.tests.factories import SAMPLES, make_media, run_job
from system.models import Job, JobStatus, Meter, UsageMonth
from system.services import jobs

pytestmark = pytest.mark.django_db

TO_MP3 = {"output_format": "mp3", "quality": "low"}
TO_MP4 = {"output_format": "mp4", "quality": "low"}


@pytest.fixture
def clip(alice):
    """Four seconds of film, which its row says are ninety."""
    media = make_media(alice.user, SAMPLES / "clip.mp4")
    Media.objects.filter(pk=media.pk).update(duration=89.2)
    return media


def ask(client, media, **wish):
    return client.post(f"/api/media/{media.pk}/transcode", wish)


def seconds_spent():
    return sum(UsageMonth.objects.values_list("amount", flat=True))


def test_an_accepted_transcode_counts_the_length_of_its_source(alice, clip):
    ask(alice, clip, **TO_MP3)

    row = UsageMonth.objects.get()
    assert (row.owner_id, row.meter, row.amount) == (alice.user.pk, "transcode_seconds", 90)
    assert used_minutes(alice.user.pk) == 2


def test_what_is_joined_or_there_already_costs_nothing(alice, clip):
    job_id = ask(alice, clip, **TO_MP3).json()["job_id"]
    ask(alice, clip, **TO_MP3)
    run_job(job_id)

    assert ask(alice, clip, **TO_MP3).json()["status"] == "completed"

    assert seconds_spent() == 90


def test_a_picture_costs_nothing(alice, settings):
    entitle(settings, free={"transcode_minutes": 0})
    picture = make_media(alice.user, SAMPLES / "picture.png")

    answer = ask(alice, picture, output_format="webp")

    assert answer.status_code == 200
    assert not UsageMonth.objects.exists()


def test_what_does_not_fit_is_refused_with_a_way_out_and_queues_nothing(alice, clip, settings):
    entitle(settings, free={"transcode_minutes": 2})
    ask(alice, clip, **TO_MP3)

    answer = ask(alice, clip, **TO_MP4)

    told = answer.json()
    assert (answer.status_code, told["code"]) == (403, "transcode_minutes_spent")
    assert "/api/billing/plans" in told["detail"]
    assert [told[f"{name}_minutes"] for name in ("used", "limit", "needed")] == [2, 2, 2]
    assert Job.objects.filter(kind=TRANSCODE).count() == 1
    assert seconds_spent() == 90


def test_the_last_minute_can_be_used(alice, clip, settings):
    entitle(settings, free={"transcode_minutes": 3})

    assert [ask(alice, clip, **wish).status_code for wish in (TO_MP3, TO_MP4)] == [200, 200]
    assert used_minutes(alice.user.pk) == 3


def test_what_is_refused_for_another_reason_costs_nothing(alice, clip, settings):
    settings.TRANSCODES_PER_USER = 0

    assert ask(alice, clip, **TO_MP3).status_code == 429
    assert ask(alice, clip, output_format="png").status_code == 400
    assert seconds_spent() == 0


def test_a_repeated_request_by_its_key_costs_once(alice, clip):
    for _ in range(2):
        headers = {"Idempotency-Key": "k1"}
        alice.post(f"/api/media/{clip.pk}/transcode", TO_MP3, headers=headers)

    assert seconds_spent() == 90


def test_a_queued_transcode_that_is_cancelled_gives_its_minutes_back(alice, clip):
    job_id = ask(alice, clip, **TO_MP3).json()["job_id"]

    for _ in range(2):
        alice.post(f"/api/jobs/{job_id}/cancel")

    assert seconds_spent() == 0


def test_a_running_one_gives_them_back_when_it_stops(alice, clip):
    job_id = ask(alice, clip, **TO_MP4).json()["job_id"]
    run = jobs.claim_job(job_id=job_id)
    alice.post(f"/api/jobs/{job_id}/cancel")
    assert seconds_spent() == 90

    jobs.run_claimed(run)

    assert Job.objects.get(pk=job_id).status == JobStatus.CANCELLED
    assert seconds_spent() == 0


def test_a_failed_one_gives_them_back_once_and_its_retry_is_free(alice, staff, clip, settings):
    job_id = ask(alice, clip, **TO_MP3).json()["job_id"]
    ask(alice, clip, **TO_MP4)
    entitle(settings, free={"storage_bytes": 1})
    assert run_job(job_id).status == JobStatus.FAILED
    assert seconds_spent() == 90

    jobs.retry_failed_job(job_id=job_id, actor_id=staff.user.pk, actor_name="staff")
    assert run_job(job_id).status == JobStatus.FAILED

    assert seconds_spent() == 90


def test_a_deleted_source_gives_back_what_waits_for_it(alice, clip):
    ask(alice, clip, **TO_MP3)
    ask(alice, clip, **TO_MP4)

    alice.delete(f"/api/media/{clip.pk}")

    assert seconds_spent() == 0


def test_what_was_given_back_counts_for_the_month_it_was_asked_in(alice, clip):
    job_id = ask(alice, clip, **TO_MP3).json()["job_id"]
    UsageMonth.objects.update(month="2026-01-01")
    job = Job.objects.get(pk=job_id)
    job.arguments["metered"]["month"] = "2026-01-01"
    job.save(update_fields=["arguments"])
    owner_id, meter = alice.user.pk, Meter.TRANSCODE_SECONDS
    UsageMonth.objects.create(owner_id=owner_id, meter=meter, month="2026-02-01", amount=5)

    alice.post(f"/api/jobs/{job_id}/cancel")

    assert list(UsageMonth.objects.order_by("month").values_list("amount", flat=True)) == [0, 5]


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_only_those_are_queued_that_fit(alice, settings):
    entitle(settings, free={"transcode_minutes": 2})
    clips = [make_media(alice.user, SAMPLES / "clip.mp4") for _ in range(4)]
    Media.objects.update(duration=59.5)
    together, outcomes = threading.Barrier(4), []

    def send(media):
        together.wait()
        outcomes.append(ask(alice, media, **TO_MP3).status_code)
        connection.close()

    threads = [threading.Thread(target=send, args=[media]) for media in clips]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == [200, 200, 403, 403]
    assert Job.objects.filter(kind=TRANSCODE).count() == 2
    assert seconds_spent() == 120
