from celery import shared_task

from content import services


@shared_task
def empty_trash() -> int:
    """Delete what was in the trash for its whole time. Safe to run twice or late."""
    return services.empty_trash()
