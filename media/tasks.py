from celery import shared_task

from media.services import transcodes


@shared_task
def clear_work_directories() -> int:
    """Delete what killed runs left behind; return how many directories went."""
    return transcodes.clear_work_directories()
