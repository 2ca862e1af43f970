"""Jobs of a limited kind: never more at once in one worker, and none left waiting."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from alice.common.tests.kit import wait_until
from system import tasks
from system.models import Job, JobStatus
from system.services import jobs

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def register(monkeypatch):
    """Registers a kind of job that runs the given function."""

    def add(name, run=lambda run: {}, **options):
        monkeypatch.setitem(jobs._kinds, name, jobs.JobKind(name, run, **options))

    return add


@pytest.fixture
def worker(monkeypatch):
    """Runs, in four threads as the worker does, each job that a message asks for."""
    messages = []
    with ThreadPoolExecutor(4) as pool:

        def run(job_id):
            try:
                tasks.run_job(job_id)
            finally:
                connection.close()

        def send(args, queue):
            messages.append(pool.submit(run, *args))

        monkeypatch.setattr(tasks.run_job, "apply_async", send)
        yield messages
    for message in messages:
        message.result()


class Work:
    """A handler that notes who runs, and goes on once it is let go."""

    def __init__(self):
        self.order = []
        self.running = 0
        self.most = 0
        self.may_go_on = threading.Event()
        self._lock = threading.Lock()

    def __call__(self, run):
        with self._lock:
            self.order.append(run.job_id)
            self.running += 1
            self.most = max(self.most, self.running)
        assert self.may_go_on.wait(10)
        with self._lock:
            self.running -= 1
        return {}


def queued(kind, count):
    return [jobs.enqueue_job(kind=kind).pk for _ in range(count)]


def are_all_completed():
    return not Job.objects.exclude(status=JobStatus.COMPLETED).exists()


def has_read(messages, count):
    return len(messages) == count and sum(message.done() for message in messages) == count - 1


@pytest.mark.parametrize(("at_once", "count"), [(1, 2), (1, 5), (2, 5)])
def test_jobs_of_a_limited_kind_run_in_turn_and_need_no_sweep(register, worker, at_once, count):
    work = Work()
    register("limited", work, at_once=at_once)
    ids = queued("limited", count)
    wait_until(lambda: len([m for m in worker if m.done()]) == count - at_once)
    wait_until(lambda: work.running == at_once)

    work.may_go_on.set()

    wait_until(are_all_completed)
    assert work.most == at_once
    assert sorted(work.order) == ids


def test_a_job_without_a_slot_is_neither_claimed_nor_counted_as_tried(register, worker):
    work = Work()
    register("limited", work, at_once=1)
    queued("limited", 2)
    wait_until(lambda: has_read(worker, 2) and work.running == 1)

    waiting = Job.objects.get(status=JobStatus.QUEUED)

    assert (waiting.attempts, waiting.claim, waiting.due_at <= timezone.now()) == (0, None, True)
    work.may_go_on.set()
    wait_until(are_all_completed)


def test_the_one_that_waited_longest_is_next(register, worker):
    work = Work()
    register("limited", work, at_once=1)
    first = queued("limited", 1)
    wait_until(lambda: work.order == first)
    waiting = queued("limited", 3)
    wait_until(lambda: has_read(worker, 4))
    last, *others = waiting
    Job.objects.filter(pk=last).update(due_at=timezone.now())

    work.may_go_on.set()

    wait_until(are_all_completed)
    assert work.order == [*first, *others, last]


def test_other_kinds_go_on_while_a_limited_one_is_full(register, worker):
    work = Work()
    register("limited", work, at_once=1)
    register("other")
    queued("limited", 8)
    wait_until(lambda: has_read(worker, 8))

    (other,) = queued("other", 1)

    wait_until(lambda: Job.objects.get(pk=other).status == JobStatus.COMPLETED)
    assert work.running == 1
    work.may_go_on.set()
    wait_until(are_all_completed)


@pytest.mark.parametrize("fault", [RuntimeError, jobs.JobFailed, jobs.JobLost, jobs.JobCancelled])
def test_a_run_that_ends_badly_gives_its_slot_back(register, worker, fault):
    first = threading.Event()

    def work(run):
        if not first.is_set():
            first.set()
            raise fault
        return {}

    register("limited", work, at_once=1, attempts_max=1)
    ids = queued("limited", 2)

    wait_until(lambda: Job.objects.filter(status=JobStatus.COMPLETED).count() == 1)
    assert first.is_set()
    assert Job.objects.filter(pk__in=ids, status=JobStatus.QUEUED).count() == 0


def test_a_worker_told_twice_of_one_job_takes_the_next(register):
    taken = []
    register("limited", lambda run: taken.append(run.job_id) or {}, at_once=2)
    Job.objects.bulk_create(
        Job(kind="limited", due_at=timezone.now() - timedelta(seconds=n)) for n in (2, 1)
    )
    first, second = Job.objects.order_by("pk").values_list("pk", flat=True)

    tasks.run_job(first)
    tasks.run_job(first)

    assert taken == [first, second]


def test_the_sweep_wakes_for_no_more_than_a_worker_takes(register, monkeypatch):
    woken = []
    register("limited", at_once=2)
    register("other")
    long_ago = timezone.now() - timedelta(minutes=1)
    Job.objects.bulk_create(Job(kind="limited", due_at=long_ago) for _ in range(10))
    Job.objects.bulk_create(Job(kind="other", due_at=long_ago) for _ in range(3))
    Job.objects.create(kind="of another version", due_at=long_ago)
    monkeypatch.setattr(jobs, "publish", woken.append)

    assert jobs.requeue_stalled_jobs() == 5

    oldest = Job.objects.filter(kind="limited").order_by("pk").values_list("pk", flat=True)[:2]
    assert [event.job_id for event in woken][:2] == list(oldest)
    assert len(woken) == 5


def test_a_job_of_another_version_is_left_to_its_workers():
    long_ago = timezone.now() - timedelta(minutes=1)
    unknown = {"kind": "of another version", "due_at": long_ago}
    job = Job.objects.create(**unknown)
    held = Job.objects.create(**unknown, status=JobStatus.RUNNING, lease_until=long_ago)

    tasks.run_job(job.pk)
    jobs.requeue_stalled_jobs()

    assert set(Job.objects.values_list("pk", "status", "attempts")) == {
        (job.pk, JobStatus.QUEUED, 0),
        (held.pk, JobStatus.RUNNING, 0),
    }


def test_progress_is_reported_by_one_statement(register, django_assert_num_queries):
    register("plain")
    run = jobs.claim_job(job_id=queued("plain", 1)[0])

    with django_assert_num_queries(1):
        run.report(10)

    assert Job.objects.get().progress == 10
