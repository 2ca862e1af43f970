from celery import shared_task

from files.services import uploads
from files.services.reconcile import reconcile as reconcile_all


@shared_task
def clear_expired_uploads() -> int:
    """Delete resumable uploads past their time; return how many went."""
    return uploads.delete_expired_uploads()


@shared_task
def reconcile() -> None:
    """Have rows and stored bytes agree again. Safe to run twice or late."""
    reconcile_all()
