"""Reads for screens, bells and exports."""

from collections.abc import Collection, Iterator
from typing import Any

from django.db.models import Count

from notifications.models import Endpoint, Notification, Preference

EXPORTED = (
    "id",
    "topic",
    "title",
    "message",
    "notification_type",
    "action_url",
    "metadata",
    "sender_id",
    "created_at",
    "read_at",
    "archived_at",
)
ROWS_AT_ONCE = 500


def unread_counts(owner_ids: Collection[int]) -> dict[int, int]:
    """Per user how many notifications are unread, none of which is 0."""
    unread = Notification.objects.unread().filter(owner_id__in=owner_ids).order_by()
    counted = dict(unread.values_list("owner_id").annotate(count=Count("pk")))
    return {owner_id: counted.get(owner_id, 0) for owner_id in owner_ids}


def greeting(user_id: int) -> dict[str, Any]:
    """What the hello of /ws/events tells a user."""
    return {"unread": unread_counts([user_id])[user_id]}


def shown_among(notification_ids: Collection[int]) -> list[Notification]:
    """Those of the notifications that are listed in the app."""
    return list(Notification.objects.filter(pk__in=notification_ids, is_shown=True))


def notification_rows(user_id: int) -> Iterator[dict[str, Any]]:
    """What a user was told, in flat memory, for an export."""
    rows = Notification.objects.filter(owner_id=user_id, is_shown=True).order_by("pk")
    yield from rows.values(*EXPORTED).iterator(chunk_size=ROWS_AT_ONCE)


def preference_rows(user_id: int) -> Iterator[dict[str, Any]]:
    """What a user wishes to be told of, for an export."""
    columns = ("topic", "channel", "is_wanted")
    yield from Preference.objects.filter(owner_id=user_id).values(*columns)


def endpoint_rows(user_id: int) -> Iterator[dict[str, Any]]:
    """A user's endpoints without their secrets, for an export."""
    columns = ("id", "url", "is_enabled", "created_at", "rotated_at")
    yield from Endpoint.objects.filter(owner_id=user_id).values(*columns)
