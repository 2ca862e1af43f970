from alice.common.events import subscribe
from alice.common.realtime.groups import user_group
from alice.common.realtime.push import push
from system.events import JobEnded, JobProgressed, JobQueued
from system.models import JobStatus
from system.tasks import run_job


@subscribe(JobQueued)
def wake_a_worker(event: JobQueued) -> None:
    run_job.apply_async(args=(event.job_id,), queue=event.queue)


@subscribe(JobProgressed)
def tell_the_owner_of_progress(event: JobProgressed) -> None:
    _tell_the_owner(event, JobStatus.RUNNING)


@subscribe(JobEnded)
def tell_the_owner_of_the_end(event: JobEnded) -> None:
    _tell_the_owner(event, event.status)


def _tell_the_owner(event: JobProgressed | JobEnded, status: str) -> None:
    if event.owner_id is None:
        return
    frame = {
        "type": "job",
        "id": event.job_id,
        "kind": event.kind,
        "status": status,
        "progress": event.progress,
    }
    push(user_group(event.owner_id), frame)
