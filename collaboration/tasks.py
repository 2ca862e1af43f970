from celery import shared_task

from collaboration.services import shares


@shared_task
def clear_ended_shares() -> int:
    """Delete shares that ended 90 days ago. Safe to run twice or late."""
    return shares.delete_ended_shares()
