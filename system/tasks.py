import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from celery import shared_task
from django.db import DatabaseError, connection

from system.services import answers, jobs

logger = logging.getLogger("alice.jobs")

HEARTBEAT_SECONDS = 15


@shared_task
def run_job(job_id: int) -> None:
    """Run one job. Safe to run twice, late, or after the row is gone: only a claim lets it run."""
    run = jobs.claim_job(job_id=job_id)
    if run is None:
        return
    with heartbeat(run):
        jobs.run_claimed(run)


@shared_task
def requeue_stalled_jobs() -> int:
    """Find jobs whose worker was lost, or that no worker was told of, and queue them."""
    return jobs.requeue_stalled_jobs()


@shared_task
def clear_expired_records() -> int:
    """Delete what is kept for a time only: answers to requests with an Idempotency-Key."""
    return answers.clear_expired_answers()


@contextmanager
def heartbeat(run: jobs.JobRun) -> Iterator[None]:
    """Keep the lease of `run` from a thread of its own while the handler is busy."""
    is_over = threading.Event()

    def beat() -> None:
        while not is_over.wait(HEARTBEAT_SECONDS):
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
