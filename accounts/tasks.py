from celery import shared_task

from accounts.services import exports, sessions


@shared_task
def clear_ended_sessions() -> int:
    """Delete sessions that have been over for long."""
    return sessions.clear_ended_sessions()


@shared_task
def clear_old_exports() -> int:
    """Delete export files past their time."""
    return exports.clear_old_exports()
