from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from alice.common.fields import TagsField, TextField
from alice.common.links import LinkField
from files.fields import DescriptionSerializer, FilenameField, FormTagsField
from files.models import DESCRIPTION_MAX, File, Upload
from files.services.targets import target_names

SHOWN: dict[str, Any] = {
    "id": 7,
    "filename": "0d3f1b1e-7a0c-4f0a-9f3e-2f6a8a1c5b9d.pdf",
    "original_filename": "document.pdf",
    "file_size": 50000,
    "mime_type": "application/pdf",
    "description": "The contract, signed.",
    "tags": ["contracts", "2026"],
    "user_id": 3,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "version": 1,
    "created_at": "2026-01-31T12:00:00.000000Z",
    "updated_at": "2026-01-31T12:00:00.000000Z",
    "download_url": "https://alice.example/api/files/7/download?expires=1769861700&signature=...",
}
A_FILE = OpenApiExample("A file", value=SHOWN, response_only=True)
SOME_USAGE = OpenApiExample(
    "Some of it is used",
    value={
        "used_bytes": 50000,
        "limit_bytes": 1073741824,
        "free_bytes": 1073691824,
        "file_count": 1,
        "tier": "free",
    },
    response_only=True,
)
AN_UPLOAD = OpenApiExample(
    "Half of it is there",
    value={
        "id": "5f0c9d0e-4a2b-4c58-9d55-0c8e6c1f7a10",
        "target": "file",
        "status": "uploading",
        "offset": 25000,
        "length": 50000,
        "original_filename": "document.pdf",
        "created_at": "2026-01-31T12:00:00.000000Z",
        "expires_at": "2026-02-01T12:00:00.000000Z",
        "file_id": None,
        "media_id": None,
    },
    response_only=True,
)


@extend_schema_serializer(examples=[A_FILE])
class FileSerializer(serializers.ModelSerializer[File]):
    filename = serializers.CharField(
        source="blob.name", read_only=True, help_text="The name that it is kept under."
    )
    file_size = serializers.IntegerField(
        source="blob.size_bytes", read_only=True, help_text="Bytes."
    )
    mime_type = serializers.CharField(
        source="blob.mime_type", read_only=True, help_text="By its bytes, never by its name."
    )
    tags = TagsField(read_only=True)
    user_id = serializers.IntegerField(source="owner_id", read_only=True)
    sha256 = serializers.CharField(source="blob.sha256", read_only=True, help_text="Hex digits.")
    download_url = LinkField(route="files:file-download", verb="download")

    class Meta:
        model = File
        fields = list(SHOWN)
        read_only_fields = fields


class FileUploadSerializer(DescriptionSerializer):
    file = serializers.FileField(help_text="Any file; its type is found in its bytes.")


@extend_schema_serializer(examples=[SOME_USAGE])
class UsageSerializer(serializers.Serializer[Any]):
    used_bytes = serializers.IntegerField(help_text="Unfinished resumable uploads included.")
    limit_bytes = serializers.IntegerField()
    free_bytes = serializers.IntegerField()
    file_count = serializers.IntegerField(help_text="Without media.")
    tier = serializers.CharField()


@extend_schema_serializer(examples=[AN_UPLOAD])
class UploadSerializer(serializers.ModelSerializer[Upload]):
    status = serializers.ChoiceField(choices=["uploading", "finished"], read_only=True)
    file_id = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="The file that it has become."
    )
    media_id = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="The media object that it has become."
    )

    class Meta:
        model = Upload
        fields = [
            "id",
            "target",
            "status",
            "offset",
            "length",
            "original_filename",
            "created_at",
            "expires_at",
            "file_id",
            "media_id",
        ]
        read_only_fields = fields


class UploadMetadataSerializer(serializers.Serializer[Any]):
    """What Upload-Metadata may say; other keys are the client's own."""

    filename = FilenameField(source="original_filename", default="upload")
    target = serializers.CharField(default="file")
    description = TextField(max_length=DESCRIPTION_MAX, allow_blank=True, default="")
    tags = FormTagsField(default=list)

    def validate_target(self, value: str) -> str:
        if value not in target_names():
            raise serializers.ValidationError(f"Use one of: {', '.join(target_names())}.")
        return value
