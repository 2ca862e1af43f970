"""How long notifications are kept."""

from django.conf import settings
from django.db.models import Count, QuerySet
from django.utils import timezone

from notifications.models import Notification

DELETED_AT_ONCE = 1000


def delete_old() -> int:
    """Delete what was sent `settings.NOTIFICATIONS_KEPT` ago and is read, archived or hidden.

    Returns how many went; what is still unread stays.
    """
    oldest = timezone.now() - settings.NOTIFICATIONS_KEPT
    return _delete(Notification.objects.done_with_since(oldest))


def trim() -> int:
    """Keep the newest `settings.NOTIFICATIONS_PER_USER` of each user; return how many went."""
    most = settings.NOTIFICATIONS_PER_USER
    owners = Notification.objects.order_by("owner_id").values_list("owner_id")
    too_many = owners.annotate(count=Count("pk")).filter(count__gt=most)
    return sum(_delete_beyond(owner_id, most) for owner_id, _ in too_many)


def _delete_beyond(owner_id: int, most: int) -> int:
    mine = Notification.objects.filter(owner_id=owner_id).order_by("-pk")
    newest_to_go = mine.values_list("pk", flat=True)[most : most + 1].first()
    return _delete(mine.filter(pk__lte=newest_to_go or 0))


def _delete(rows: QuerySet[Notification]) -> int:
    deleted = 0
    while ids := list(rows.order_by("pk").values_list("pk", flat=True)[:DELETED_AT_ONCE]):
        _, per_model = Notification.objects.filter(pk__in=ids).delete()
        deleted += per_model.get(Notification._meta.label, 0)
    return deleted
