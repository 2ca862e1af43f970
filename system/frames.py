"""What jobs say at /ws/events."""

from typing import Any

from rest_framework import serializers

from alice.common.realtime.described import EVENTS, FrameKind, describe_frames
from system.models import JobStatus


class JobFrameSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    kind = serializers.CharField()
    status = serializers.ChoiceField(choices=JobStatus.choices)
    progress = serializers.IntegerField(help_text="Per cent.")


describe_frames(
    EVENTS,
    sent=[
        FrameKind(
            name="job",
            summary="Work you started came further or has ended; its result is at /api/jobs/{id}.",
            fields=JobFrameSerializer,
            example={"id": 9, "kind": "media.transcode", "status": "running", "progress": 40},
        )
    ],
)
