"""A notification as it goes out: in frames and in calls, with the keys of the API."""

from datetime import UTC, datetime
from typing import Any

from notifications.models import Notification


def payload_of(row: Notification) -> dict[str, Any]:
    """Every key of the notification, ready to be encoded."""
    return {
        "id": row.pk,
        "topic": row.topic,
        "title": row.title,
        "message": row.message,
        "notification_type": row.notification_type,
        "read": row.is_read,
        "action_url": row.action_url,
        "metadata": row.metadata,
        "sender_id": row.sender_id,
        "created_at": written(row.created_at),
        "read_at": row.read_at and written(row.read_at),
        "archived_at": row.archived_at and written(row.archived_at),
    }


def written(moment: datetime) -> str:
    """A time as the API writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
