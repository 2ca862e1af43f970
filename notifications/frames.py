"""What notifications say at /ws/events."""

from alice.common.realtime.described import EVENTS, FrameKind, describe_frames
from notifications.serializers import SHOWN, NotificationSerializer, UnreadSerializer

describe_frames(
    EVENTS,
    sent=[
        FrameKind(
            name="hello",
            summary="You are signed in; so many notifications are unread.",
            fields=UnreadSerializer,
            example={"unread": 3},
        ),
        FrameKind(
            name="notification",
            summary="You were told something.",
            fields=NotificationSerializer,
            example=SHOWN,
        ),
        FrameKind(
            name="unread",
            summary="The number of your unread notifications has changed, by you or others.",
            fields=UnreadSerializer,
            example={"unread": 4},
        ),
    ],
)
