"""Jobs: queued once, run by one worker, settled by how they end."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from system import tasks
from system.events import JobEnded, JobQueued
from system.models import Job, JobStatus
from system.services import jobs

pytestmark = pytest.mark.django_db


@pytest.fixture
def kind(monkeypatch):
    """Registers a kind of job called `test` that runs the given function."""

    def register(run=lambda run: {"done": True}, **options):
        monkeypatch.setitem(jobs._kinds, "test", jobs.JobKind("test", run, **options))

    return register


@pytest.fixture
def announced(monkeypatch):
    """What was published, in order."""
    events = []
    monkeypatch.setattr(jobs, "publish", events.append)
    return events


def queued(**fields):
    return jobs.enqueue_job(kind="test", **fields)


def test_a_job_runs_to_its_result(kind, announced):
    kind()
    job = queued(owner_id=7)

    tasks.run_job(job.pk)

    job.refresh_from_db()
    assert (job.status, job.progress, job.result) == (JobStatus.COMPLETED, 100, {"done": True})
    assert job.started_at <= job.finished_at
    assert job.lease_until is None
    assert announced == [
        JobQueued(job_id=job.pk, queue="default"),
        JobEnded(job_id=job.pk, owner_id=7, kind="test", status="completed", progress=100),
    ]


def test_a_job_told_of_twice_runs_once(kind):
    runs = []
    kind(lambda run: runs.append(run.job_id) or {})
    job = queued()

    for _ in range(3):
        tasks.run_job(job.pk)

    assert runs == [job.pk]


def test_a_job_that_is_gone_is_no_fault(kind):
    kind()
    tasks.run_job(10**12)


def test_an_active_twin_is_joined_and_an_ended_one_is_not(kind):
    kind()
    first = queued(twin_key="a")

    assert queued(twin_key="a") == first
    assert queued(twin_key="b") != first
    tasks.run_job(first.pk)
    assert queued(twin_key="a") != first


def test_a_reason_ends_a_job_as_failed_at_once(kind):
    def fail(run):
        raise jobs.JobFailed("The file is not a video.")

    kind(fail)
    job = queued()

    tasks.run_job(job.pk)

    job.refresh_from_db()
    assert (job.status, job.error, job.attempts) == (
        JobStatus.FAILED, "The file is not a video.", 1,
    )  # fmt: skip


def test_a_fault_is_tried_again_later_and_told_without_its_inside(kind):
    def fail(run):
        raise RuntimeError("secret /path")

    kind(fail, attempts_max=2)
    job = queued()

    tasks.run_job(job.pk)
    job.refresh_from_db()
    assert job.status == JobStatus.QUEUED
    assert timedelta(seconds=8) < job.due_at - timezone.now() <= timedelta(seconds=10)
    tasks.run_job(job.pk)
    job.refresh_from_db()
    assert job.attempts == 1  # not due yet
    Job.objects.update(due_at=timezone.now())
    tasks.run_job(job.pk)
    job.refresh_from_db()
    assert (job.status, job.error) == (JobStatus.FAILED, jobs.INTERNAL_ERROR)


def test_progress_only_grows_and_stays_below_a_hundred_until_the_end(kind):
    seen = []

    def work(run):
        for per_cent in (10, 5, 60, 100):
            run.report(per_cent)
            seen.append(Job.objects.get(pk=run.job_id).progress)
        return {}

    kind(work)
    tasks.run_job(queued().pk)

    assert seen == [10, 10, 60, 99]


def test_a_running_job_stops_when_asked(kind):
    def work(run):
        jobs.cancel_job(job=Job.objects.get(pk=run.job_id))
        run.report(50)
        raise AssertionError("went on")

    kind(work)
    job = queued()
    tasks.run_job(job.pk)

    job.refresh_from_db()
    assert job.status == JobStatus.CANCELLED


def test_a_run_that_lost_its_lease_settles_nothing(kind):
    kind()
    job = queued()
    late = jobs.claim_job(job_id=job.pk)
    Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    jobs.requeue_stalled_jobs()
    second = jobs.claim_job(job_id=job.pk)

    with pytest.raises(jobs.JobLost):
        late.report(10)
    assert not jobs.settle_job(run=late, status=JobStatus.COMPLETED, result={"by": "late"})
    assert jobs.settle_job(run=second, status=JobStatus.COMPLETED, result={"by": "second"})

    job.refresh_from_db()
    assert (job.result, job.attempts) == ({"by": "second"}, 2)


def test_a_job_whose_worker_keeps_dying_is_given_up(kind):
    kind(attempts_max=2)
    job = queued()
    for _ in range(2):
        jobs.claim_job(job_id=job.pk)
        Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        jobs.requeue_stalled_jobs()

    job.refresh_from_db()
    assert job.status == JobStatus.FAILED
    assert job.error == "The work was given up: its worker was lost 2 times."


def test_a_job_nobody_was_told_of_is_announced_again(kind, announced):
    kind(queue="media")
    job = queued()
    Job.objects.update(due_at=timezone.now() - timedelta(minutes=1))
    announced.clear()

    assert jobs.requeue_stalled_jobs() == 1

    assert announced == [JobQueued(job_id=job.pk, queue="media")]


def test_the_sweep_leaves_fresh_and_running_jobs_alone(kind, announced):
    kind()
    queued()
    jobs.claim_job(job_id=queued().pk)
    announced.clear()

    assert jobs.requeue_stalled_jobs() == 0
    assert announced == []


@pytest.mark.django_db(transaction=True)
def test_of_eight_workers_one_gets_the_job(kind):
    kind()
    job = queued()
    barrier = threading.Barrier(8)
    claims = []

    def claim():
        barrier.wait()
        claims.append(jobs.claim_job(job_id=job.pk))
        connection.close()

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len([claim for claim in claims if claim]) == 1


@pytest.mark.django_db(transaction=True)
def test_of_eight_twins_at_the_same_moment_one_is_made(kind):
    kind()
    barrier = threading.Barrier(8)
    made = []

    def enqueue():
        barrier.wait()
        made.append(queued(twin_key="same").pk)
        connection.close()

    threads = [threading.Thread(target=enqueue) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(made)) == 1
    assert Job.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_lease_is_kept_while_the_handler_is_busy(kind, monkeypatch, settings):
    settings.JOB_LEASE_SECONDS = 4
    renewed = threading.Event()
    extend = jobs.extend_lease

    def extend_and_tell(**arguments):
        renewed.set()
        return extend(**arguments)

    monkeypatch.setattr(jobs, "extend_lease", extend_and_tell)
    kind(lambda run: {"renewed": renewed.wait(10)})
    job = queued()

    tasks.run_job(job.pk)

    job.refresh_from_db()
    assert job.result == {"renewed": True}


def test_a_user_sees_own_jobs_and_nobody_elses(kind, alice, bob):
    kind()
    mine = queued(owner_id=alice.user.pk)
    queued(owner_id=bob.user.pk)
    queued()

    assert [job["id"] for job in alice.get("/api/jobs").json()] == [mine.pk]
    assert set(alice.get(f"/api/jobs/{mine.pk}").json()) == {
        "id", "kind", "status", "progress", "result", "error",
        "created_at", "started_at", "finished_at",
    }  # fmt: skip


def test_a_stranger_neither_sees_nor_cancels_a_job(kind, alice, bob):
    kind()
    job = queued(owner_id=alice.user.pk)
    missing = bob.get("/api/jobs/999999999").json()

    seen = bob.get(f"/api/jobs/{job.pk}")
    cancelled = bob.post(f"/api/jobs/{job.pk}/cancel")

    assert (seen.status_code, cancelled.status_code) == (404, 404)
    assert seen.json()["detail"] == missing["detail"]
    job.refresh_from_db()
    assert (job.status, job.is_cancel_requested) == (JobStatus.QUEUED, False)


def test_cancelling_a_waiting_job_ends_it_and_doing_so_again_is_fine(kind, alice):
    kind()
    job = queued(owner_id=alice.user.pk)

    for _ in range(2):
        response = alice.post(f"/api/jobs/{job.pk}/cancel")
        assert (response.status_code, response.json()["status"]) == (200, "cancelled")

    tasks.run_job(job.pk)
    job.refresh_from_db()
    assert job.status == JobStatus.CANCELLED


def test_a_completed_job_cannot_be_cancelled(kind, alice):
    kind()
    job = queued(owner_id=alice.user.pk)
    tasks.run_job(job.pk)

    response = alice.post(f"/api/jobs/{job.pk}/cancel")

    assert (response.status_code, response.json()["code"]) == (409, "job_already_ended")
    job.refresh_from_db()
    assert job.status == JobStatus.COMPLETED


def test_jobs_are_filtered_by_status(kind, alice):
    kind()
    done = queued(owner_id=alice.user.pk)
    tasks.run_job(done.pk)
    queued(owner_id=alice.user.pk)

    listed = alice.get("/api/jobs?status=completed").json()

    assert [job["id"] for job in listed] == [done.pk]
    assert alice.get("/api/jobs?status=nope").status_code == 400


@pytest.mark.parametrize("rows", [1, 20])
def test_listing_jobs_costs_one_query(kind, alice, rows, django_assert_num_queries):
    kind()
    for _ in range(rows):
        queued(owner_id=alice.user.pk)
    alice.get("/api/jobs")

    with django_assert_num_queries(1):
        assert len(alice.get("/api/jobs").json()) == rows


def test_what_was_spent_is_given_back_where_nothing_is_made(kind):
    def run(run):
        if run.owner_id == 1:
            raise jobs.JobFailed("No.")
        return {}

    ended = []
    kind(run, attempts_max=1, on_nothing_made=lambda job: ended.append(job.owner_id))
    failed, done, cancelled, lost = (queued(owner_id=owner_id) for owner_id in (1, 2, 3, 4))

    for job in (failed, done):
        tasks.run_job(job.pk)
    jobs.cancel_job(job=cancelled)
    jobs.claim_job(job_id=lost.pk)
    Job.objects.filter(pk=lost.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    tasks.requeue_stalled_jobs()

    assert ended == [1, 3, 4]


def test_a_job_ends_only_together_with_what_is_given_back(kind):
    def breaks(job):
        raise ValueError("a fault")

    kind(on_nothing_made=breaks)
    job = queued()

    with pytest.raises(ValueError, match="a fault"):
        jobs.cancel_job(job=job)

    assert Job.objects.get(pk=job.pk).status == JobStatus.QUEUED
