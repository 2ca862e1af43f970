from alice.common.events import subscribe
from system.events import JobQueued
from system.tasks import run_job


@subscribe(JobQueued)
def wake_a_worker(event: JobQueued) -> None:
    run_job.apply_async(args=(event.job_id,), queue=event.queue)
