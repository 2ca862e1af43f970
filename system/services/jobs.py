"""Jobs: a row first, then a worker that claims it, keeps its lease and settles it."""

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from alice.common.errors import DomainError
from alice.common.events import publish
from system.events import JobEnded, JobProgressed, JobQueued
from system.models import ACTIVE_STATUSES, Job, JobQuerySet, JobStatus
from system.services import audit

logger = logging.getLogger("alice.jobs")

RETRY_BASE_SECONDS = 5
INTERNAL_ERROR = "Something went wrong on our side. It has been logged."
WORKER_LOST = "The work was given up: its worker was lost {attempts} times."


class JobAlreadyEnded(DomainError):
    code = "job_already_ended"
    detail = "This job has already ended."


class JobNotFailed(DomainError):
    code = "job_not_failed"
    detail = "Only a failed job can be tried again."


class JobTwinActive(DomainError):
    code = "job_twin_active"
    detail = "The same work is already queued or running."


class JobKindUnknown(DomainError):
    code = "job_kind_unknown"
    detail = "This version has no workers for jobs of this kind."


class JobFailed(Exception):
    """Raised by a job's handler to end it as failed, with a reason a person understands."""


class JobCancelled(Exception):
    """Raised inside a handler when its job is to stop."""


class JobLost(Exception):
    """Raised inside a handler when another run has taken the job over."""


@dataclass(frozen=True, slots=True)
class JobKind:
    """How jobs of one kind are run; `run` must be safe to run again after a crash.

    One worker process runs at most `at_once` of them at the same time; None: as many as it can.
    `on_nothing_made` is called with a job that fails or is cancelled, in the transaction that
    ends it: to give back what was spent on it.
    """

    name: str
    run: "Callable[[JobRun], dict[str, Any]]"
    queue: str = "default"
    attempts_max: int = 3
    at_once: int | None = None
    on_nothing_made: Callable[[Job], None] | None = None


@dataclass(slots=True)
class JobRun:
    """What a handler is given: its arguments, and a way to tell how far it is."""

    job_id: int
    owner_id: int | None
    arguments: dict[str, Any]
    claim: uuid.UUID
    kind: str
    progress: int = 0

    def report(self, progress: int) -> None:
        """Note the progress in per cent and prolong the lease, in one statement.

        Raises `JobCancelled` when somebody asked for an end, `JobLost` when the lease had run
        out and another worker took over.
        """
        progress = max(self.progress, min(99, progress))
        held = _held(self.job_id, self.claim)
        wanted = held.filter(is_cancel_requested=False)
        if not wanted.update(lease_until=timezone.now() + lease(), progress=progress):
            raise JobCancelled if held.exists() else JobLost
        if progress > self.progress:
            self.progress = progress
            publish(
                JobProgressed(
                    job_id=self.job_id,
                    owner_id=self.owner_id,
                    kind=self.kind,
                    progress=progress,
                )
            )


def lease() -> timedelta:
    """How long a run may be silent before its job is given to another."""
    return timedelta(seconds=settings.JOB_LEASE_SECONDS)


_kinds: dict[str, JobKind] = {}


def register_job_kind(kind: JobKind) -> None:
    """Make `kind` known to the workers; called from an app's `ready()`."""
    _kinds[kind.name] = kind


def job_kind(name: str) -> JobKind:
    """The registered kind of that name; `KeyError` for one that nobody registered."""
    return _kinds[name]


def enqueue_job(
    *,
    kind: str,
    owner_id: int | None = None,
    arguments: dict[str, Any] | None = None,
    twin_key: str = "",
) -> Job:
    """Put a job into the queue, in the caller's transaction, and wake a worker after its commit.

    With a `twin_key`, an active job of the same kind and key is returned instead of a second one.
    """
    registered = job_kind(kind)
    active_twins = Job.objects.active().filter(kind=kind, twin_key=twin_key)
    if twin_key and (twin := active_twins.first()):
        return twin
    try:
        with transaction.atomic():
            job = Job.objects.create(
                kind=kind,
                owner_id=owner_id,
                arguments=arguments or {},
                twin_key=twin_key,
                due_at=timezone.now(),
            )
    except IntegrityError:
        return active_twins.get()
    publish(JobQueued(job_id=job.pk, queue=registered.queue))
    return job


def claim_job(*, job_id: int) -> JobRun | None:
    """Take a queued job for this worker, or None when it is not there to be taken."""
    now = timezone.now()
    claim = uuid.uuid4()
    taken = (
        Job.objects.due(now)
        .filter(pk=job_id)
        .update(
            status=JobStatus.RUNNING,
            claim=claim,
            lease_until=now + lease(),
            attempts=F("attempts") + 1,
            started_at=now,
            progress=0,
        )
    )
    if not taken:
        return None
    job = Job.objects.get(pk=job_id)
    return JobRun(job.pk, job.owner_id, job.arguments, claim, job.kind)


def kind_of(job_id: int) -> JobKind | None:
    """How a job is run; None when its row is gone or this version knows nothing of its kind."""
    name = Job.objects.filter(pk=job_id).values_list("kind", flat=True).first()
    return _kinds.get(name or "")


def claim_oldest(kind: JobKind) -> JobRun | None:
    """Take the job of `kind` that waits longest for this worker, or None when none is due."""
    while (job_id := _oldest_due(kind)) is not None:
        if run := claim_job(job_id=job_id):
            return run
    return None


def wake_for_oldest(kind: JobKind) -> None:
    """Wake a worker for the job of `kind` that waits longest, if there is one."""
    if job_id := _oldest_due(kind):
        publish(JobQueued(job_id=job_id, queue=kind.queue))


def _oldest_due(kind: JobKind) -> int | None:
    due = Job.objects.due(timezone.now()).filter(kind=kind.name)
    return due.order_by("due_at", "pk").values_list("pk", flat=True).first()


def extend_lease(*, job_id: int, claim: uuid.UUID, progress: int | None = None) -> bool:
    """Keep a running job for the run that claimed it; False when that run has lost it."""
    changes: dict[str, Any] = {"lease_until": timezone.now() + lease()}
    if progress is not None:
        changes["progress"] = progress
    return _held(job_id, claim).update(**changes) == 1


def _held(job_id: int, claim: uuid.UUID) -> JobQuerySet:
    return Job.objects.filter(pk=job_id, claim=claim, status=JobStatus.RUNNING)


def run_claimed(run: JobRun) -> None:
    """Run the handler of a claimed job and settle the job by how it ends.

    A handler's `JobFailed` is final; any other fault is logged and tried again later, up to the
    kind's `attempts_max`.
    """
    kind = job_kind(run.kind)
    try:
        result = kind.run(run)
    except JobLost:
        logger.warning("Job lost to another worker", extra={"job_id": run.job_id})
    except JobCancelled:
        settle_job(run=run, status=JobStatus.CANCELLED)
    except JobFailed as reason:
        settle_job(run=run, status=JobStatus.FAILED, error=str(reason))
    except Exception:
        logger.exception("Job failed", extra={"job_id": run.job_id, "kind": kind.name})
        retry_job(run=run, attempts_max=kind.attempts_max)
    else:
        settle_job(run=run, status=JobStatus.COMPLETED, result=result)


@transaction.atomic
def settle_job(
    *,
    run: JobRun,
    status: JobStatus,
    result: dict[str, Any] | None = None,
    error: str = "",
) -> bool:
    """End a job as its run found; False when the run had lost it, and nothing changes."""
    return _end(_held(run.job_id, run.claim), status=status, result=result, error=error)


@transaction.atomic
def retry_job(*, run: JobRun, attempts_max: int) -> None:
    """Queue a job again after a fault, later each time, or end it when its attempts are spent."""
    held = _held(run.job_id, run.claim)
    job = held.select_for_update().first()
    if job is None:
        return
    if job.attempts >= attempts_max:
        _end(held, status=JobStatus.FAILED, error=INTERNAL_ERROR)
        return
    delay = timedelta(seconds=RETRY_BASE_SECONDS * 2**job.attempts)
    held.update(status=JobStatus.QUEUED, claim=None, due_at=timezone.now() + delay)


@transaction.atomic
def cancel_job(*, job: Job) -> Job:
    """Ask for an end: a queued job ends at once, a running one when its handler next reports.

    Asking twice is no error. Raises `JobAlreadyEnded` for a job that completed or failed.
    """
    locked = Job.objects.select_for_update().get(pk=job.pk)
    if locked.status == JobStatus.CANCELLED:
        return locked
    if locked.status not in ACTIVE_STATUSES:
        raise JobAlreadyEnded
    Job.objects.filter(pk=job.pk).update(is_cancel_requested=True)
    _end(Job.objects.filter(pk=job.pk, status=JobStatus.QUEUED), status=JobStatus.CANCELLED)
    locked.refresh_from_db()
    return locked


@transaction.atomic
def cancel_job_as_staff(*, job_id: int, actor_id: int, actor_name: str) -> Job:
    """Ask for the end of anybody's job, as `cancel_job` does, and note who asked. For staff."""
    job = cancel_job(job=Job.objects.get(pk=job_id))
    audit.record(
        action="job.cancelled_by_staff",
        target=f"job:{job_id}",
        actor_id=actor_id,
        actor_name=actor_name,
        kind=job.kind,
    )
    return job


@transaction.atomic
def retry_failed_job(*, job_id: int, actor_id: int, actor_name: str) -> Job:
    """Queue a failed job again with all its attempts before it. For staff.

    Raises `JobNotFailed`, `JobTwinActive` when the same work was asked for again meanwhile, and
    `JobKindUnknown`.
    """
    job = Job.objects.select_for_update().get(pk=job_id)
    if job.status != JobStatus.FAILED:
        raise JobNotFailed
    if job.kind not in _kinds:
        raise JobKindUnknown
    _queue_anew(job)
    audit.record(
        action="job.retried_by_staff",
        target=f"job:{job.pk}",
        actor_id=actor_id,
        actor_name=actor_name,
        kind=job.kind,
    )
    publish(JobQueued(job_id=job.pk, queue=job_kind(job.kind).queue))
    return job


def _queue_anew(job: Job) -> None:
    job.status = JobStatus.QUEUED
    job.progress = job.attempts = 0
    job.error, job.result = "", None
    job.is_cancel_requested = False
    job.due_at, job.started_at, job.finished_at = timezone.now(), None, None
    try:
        with transaction.atomic():
            job.save(
                update_fields=[
                    "status",
                    "progress",
                    "attempts",
                    "error",
                    "result",
                    "is_cancel_requested",
                    "due_at",
                    "started_at",
                    "finished_at",
                ]
            )
    except IntegrityError as error:
        raise JobTwinActive from error


def requeue_stalled_jobs() -> int:
    """Give jobs of lost workers to others and wake workers for jobs left waiting; return how many.

    A job whose attempts are spent ends as failed. Of a kind that is limited no more are woken for
    than one worker takes: the rest wait for their turn, and each that ends wakes the next. Kinds
    of another version are left to its workers.
    """
    now = timezone.now()
    for job in Job.objects.with_expired_lease(now).filter(kind__in=_kinds):
        _take_back(job)
    return sum(_wake_for_waiting(kind, now - lease() / 4) for kind in _kinds.values())


def _wake_for_waiting(kind: JobKind, due_before: datetime) -> int:
    waiting = Job.objects.due(due_before).filter(kind=kind.name).order_by("due_at", "pk")
    job_ids = list(waiting.values_list("pk", flat=True)[: kind.at_once])
    for job_id in job_ids:
        publish(JobQueued(job_id=job_id, queue=kind.queue))
    return len(job_ids)


def delete_jobs_of(*, owner_id: int) -> None:
    """Forget the jobs of a user who leaves; a running one finds its row gone and stops."""
    Job.objects.filter(owner_id=owner_id).delete()


@transaction.atomic
def _take_back(job: Job) -> None:
    lost = Job.objects.filter(pk=job.pk, claim=job.claim, status=JobStatus.RUNNING)
    if job.attempts >= job_kind(job.kind).attempts_max:
        _end(lost, status=JobStatus.FAILED, error=WORKER_LOST.format(attempts=job.attempts))
        return
    long_due = timezone.now() - lease() / 4
    lost.update(status=JobStatus.QUEUED, claim=None, due_at=long_due)


def _end(
    jobs: Any, *, status: JobStatus, result: dict[str, Any] | None = None, error: str = ""
) -> bool:
    changes: dict[str, Any] = {"status": status, "result": result, "error": error}
    if status == JobStatus.COMPLETED:
        changes["progress"] = 100
    job = jobs.select_for_update().first()
    if job is None:
        return False
    jobs.update(**changes, claim=None, lease_until=None, finished_at=timezone.now())
    kind = _kinds.get(job.kind)
    if status != JobStatus.COMPLETED and kind and kind.on_nothing_made:
        kind.on_nothing_made(job)
    publish(
        JobEnded(
            job_id=job.pk,
            owner_id=job.owner_id,
            kind=job.kind,
            status=status.value,
            progress=changes.get("progress", job.progress),
        )
    )
    return True
