"""What a user does with notifications they were sent."""

from django.db import transaction
from django.utils import timezone

from alice.common.errors import NotFound
from alice.common.events import publish
from notifications.events import UnreadChanged
from notifications.models import Notification, NotificationQuerySet


def mark_read(*, notifications: NotificationQuerySet, notification_id: int) -> Notification:
    """Note that one of `notifications` was read; when it was first read stays. `NotFound`."""
    unread = notifications.filter(read_at=None)
    return _changed(notifications, unread, notification_id, read_at=timezone.now())


def mark_unread(*, notifications: NotificationQuerySet, notification_id: int) -> Notification:
    """Have one of `notifications` counted as unread again. `NotFound`."""
    read = notifications.filter(read_at__isnull=False)
    return _changed(notifications, read, notification_id, read_at=None)


def archive(*, notifications: NotificationQuerySet, notification_id: int) -> Notification:
    """Put one of `notifications` away, out of the list and of the unread ones. `NotFound`."""
    listed = notifications.not_archived()
    return _changed(notifications, listed, notification_id, archived_at=timezone.now())


def unarchive(*, notifications: NotificationQuerySet, notification_id: int) -> Notification:
    """Put one of `notifications` back into the list. `NotFound`."""
    return _changed(notifications, notifications.archived(), notification_id, archived_at=None)


@transaction.atomic
def delete(*, notifications: NotificationQuerySet, notification_id: int) -> None:
    """Delete one of `notifications`, and what is still owed of it. `NotFound`."""
    row = notifications.filter(pk=notification_id).select_for_update().first()
    if row is None:
        raise NotFound
    row.delete()
    publish(UnreadChanged(owner_id=row.owner_id))


@transaction.atomic
def mark_all_read(*, owner_id: int) -> int:
    """Note that all unread notifications of a user were read; return how many that were."""
    unread = Notification.objects.filter(owner_id=owner_id).unread()
    updated = unread.update(read_at=timezone.now())
    if updated:
        publish(UnreadChanged(owner_id=owner_id))
    return updated


@transaction.atomic
def _changed(
    notifications: NotificationQuerySet,
    to_change: NotificationQuerySet,
    notification_id: int,
    **changes: object,
) -> Notification:
    has_changed = to_change.filter(pk=notification_id).update(**changes)
    row = notifications.filter(pk=notification_id).first()
    if row is None:
        raise NotFound
    if has_changed:
        publish(UnreadChanged(owner_id=row.owner_id))
    return row
