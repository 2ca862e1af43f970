from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from alice.common.fields import TagsField
from alice.common.links import LinkField
from files.fields import DescriptionSerializer
from media.models import Media, OutputFormat, Quality
from system.models import Job

SHOWN: dict[str, Any] = {
    "id": 12,
    "filename": "5f6b4a0e-1c1e-4a57-9f0e-6d9b5a3f7c21.mp4",
    "original_filename": "street.mp4",
    "file_size": 1024000,
    "mime_type": "video/mp4",
    "media_type": "video",
    "duration": 120.0,
    "width": 1920,
    "height": 1080,
    "video_codec": "h264",
    "audio_codec": "aac",
    "frame_rate": 25.0,
    "transcoded": False,
    "source_id": None,
    "output_format": "",
    "quality": "",
    "description": "A street on a Sunday.",
    "tags": ["streets"],
    "user_id": 7,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "version": 1,
    "created_at": "2026-01-31T12:00:00.000000Z",
    "updated_at": "2026-01-31T12:00:00.000000Z",
    "stream_url": "https://alice.example/api/media/12/stream?expires=1769861700&signature=...",
    "poster_url": "https://alice.example/api/media/12/poster?expires=1769861700&signature=...",
}
A_VIDEO = OpenApiExample("A video", value=SHOWN, response_only=True)
TO_WEBM = OpenApiExample(
    "To WebM", value={"output_format": "webm", "quality": "low"}, request_only=True
)
A_TRANSCODE = OpenApiExample(
    "Queued",
    value={
        "job_id": 31,
        "media_id": 12,
        "output_format": "webm",
        "quality": "low",
        "status": "queued",
        "progress": 0,
    },
    response_only=True,
)


@extend_schema_serializer(examples=[A_VIDEO])
class MediaSerializer(serializers.ModelSerializer[Media]):
    filename = serializers.CharField(source="blob.name", read_only=True)
    file_size = serializers.IntegerField(source="size_bytes", read_only=True)
    mime_type = serializers.CharField(source="blob.mime_type", read_only=True)
    sha256 = serializers.CharField(source="blob.sha256", read_only=True)
    tags = TagsField(read_only=True)
    user_id = serializers.IntegerField(source="owner_id", read_only=True)
    source_id = serializers.IntegerField(read_only=True, allow_null=True)
    stream_url = LinkField(route="media:media-stream", verb="stream")
    poster_url = LinkField(route="media:media-poster", verb="poster", source="poster_id")

    class Meta:
        model = Media
        fields = list(SHOWN)
        read_only_fields = fields


class MediaUploadSerializer(DescriptionSerializer):
    file = serializers.FileField(help_text="A video, a sound or a picture.")


@extend_schema_serializer(examples=[TO_WEBM])
class TranscodeRequestSerializer(serializers.Serializer[Any]):
    output_format = serializers.ChoiceField(choices=OutputFormat.choices)
    quality = serializers.ChoiceField(choices=Quality.choices, default=Quality.MEDIUM)


@extend_schema_serializer(examples=[A_TRANSCODE])
class TranscodeSerializer(serializers.ModelSerializer[Job]):
    job_id = serializers.IntegerField(source="pk", read_only=True)
    media_id = serializers.SerializerMethodField()
    output_format = serializers.SerializerMethodField()
    quality = serializers.SerializerMethodField()

    class Meta:
        model = Job
        fields = ["job_id", "media_id", "output_format", "quality", "status", "progress"]
        read_only_fields = fields

    def get_media_id(self, job: Job) -> int:
        return int(job.arguments["media_id"])

    @extend_schema_field(serializers.ChoiceField(choices=OutputFormat.choices))
    def get_output_format(self, job: Job) -> str:
        return str(job.arguments["output_format"])

    @extend_schema_field(serializers.ChoiceField(choices=Quality.choices))
    def get_quality(self, job: Job) -> str:
        return str(job.arguments["quality"])
