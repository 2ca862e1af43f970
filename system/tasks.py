import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from celery import shared_task
from django.conf import settings
from django.db import DatabaseError, connection

from system.services import answers, jobs, metering, slots

logger = logging.getLogger("alice.jobs")


@shared_task
def run_job(job_id: int) -> None:
    """Run one job. Safe to run twice, late, or after the row is gone: only a claim lets it run.

    Where this process runs as many of its kind as it may, the job stays queued, and the next of
    them to end wakes a worker for it.
    """
    kind = jobs.kind_of(job_id)
    if kind is None:
        return
    if kind.at_once is None:
        run_and_keep(jobs.claim_job(job_id=job_id))
        return
    with slots.slot(kind.name, kind.at_once) as is_free:
        if not is_free:
            return
        # Two runs that end at once wake twice for the same job; the second takes the next one.
        run_and_keep(jobs.claim_job(job_id=job_id) or jobs.claim_oldest(kind))
    # Only now, with the slot given back: whoever found none free before is seen here as due.
    jobs.wake_for_oldest(kind)


def run_and_keep(run: jobs.JobRun | None) -> None:
    """Run a job that was claimed, if one was, and keep its lease meanwhile."""
    if run is not None:
        with heartbeat(run):
            jobs.run_claimed(run)


@shared_task
def requeue_stalled_jobs() -> int:
    """Find jobs whose worker was lost, or that no worker was told of, and queue them."""
    return jobs.requeue_stalled_jobs()


@shared_task
def clear_expired_records() -> int:
    """Delete what is kept for a time only: answers by Idempotency-Key, usage of past months."""
    return answers.clear_expired_answers() + metering.clear_old_usage()


@contextmanager
def heartbeat(run: jobs.JobRun) -> Iterator[None]:
    """Keep the lease of `run` from a thread of its own while the handler is busy."""
    is_over = threading.Event()

    def beat() -> None:
        while not is_over.wait(settings.JOB_LEASE_SECONDS / 4):
            try:
                jobs.extend_lease(job_id=run.job_id, claim=run.claim)
            except DatabaseError:
                logger.warning("No heartbeat written", extra={"job_id": run.job_id})
        connection.close()

    thread = threading.Thread(target=beat, name=f"heartbeat-{run.job_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
