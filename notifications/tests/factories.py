"""Notifications for tests, and what tests do with them."""

from notifications.models import Endpoint, Notification, Preference
from notifications.services import sending
from notifications.services.sending import Note
from notifications.services.signing import new_secret

NOTE = {
    "title": "Hello",
    "message": "World",
    "notification_type": "info",
    "action_url": "https://example.com/x",
    "metadata": {"a": 1},
}
DIRECT = Note(topic="direct", title="Hello", message="World")


def make_notification(owner, **fields):
    return Notification.objects.create(owner=owner, **{"title": "Hello", **fields})


def make_notifications(owner, count, **fields):
    return [make_notification(owner, **fields) for _ in range(count)]


def make_endpoint(owner, url="https://hooks.example/", **fields):
    fields.setdefault("secret", new_secret())
    return Endpoint.objects.create(owner=owner, url=url, **fields)


def wish(owner, topic, **channels):
    for channel, is_wanted in channels.items():
        Preference.objects.update_or_create(
            owner=owner, topic=topic, channel=channel, defaults={"is_wanted": is_wanted}
        )


def tell(owner, **fields):
    """Notify by the service."""
    return sending.notify(
        owner_id=owner.pk, note=Note(**{"topic": "direct", "title": "Hello", **fields})
    )
