"""What billing says at /ws/events."""

from typing import Any

from rest_framework import serializers

from alice.common.realtime.described import EVENTS, FrameKind, describe_frames


class BillingFrameSerializer(serializers.Serializer[Any]):
    tier = serializers.CharField(help_text="What the user may do from now on: free or pro.")
    status = serializers.CharField(help_text="Of the subscription, as Stripe calls it.")


describe_frames(
    EVENTS,
    sent=[
        FrameKind(
            name="billing",
            summary="Your subscription or your tier has changed.",
            fields=BillingFrameSerializer,
            example={"tier": "pro", "status": "active"},
        )
    ],
)
