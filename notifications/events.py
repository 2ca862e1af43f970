from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class NotificationSent:
    """Bells ring: the same is told to each owner, by a notification of their own."""

    notification_ids: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class UnreadChanged:
    """The number of unread notifications of a user has changed otherwise."""

    owner_id: int


@dataclass(frozen=True, kw_only=True)
class DeliveriesDue:
    """Something is owed on a channel at once; the rows say what."""

    channel: str
