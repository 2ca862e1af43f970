from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from alice.common.fields import JsonObjectField, TagsField, TextField
from content.models import (
    DESCRIPTION_MAX,
    ITEM_TYPE_PATTERN,
    JSON_MAX_BYTES,
    TITLE_MAX,
    Item,
    Revision,
    Status,
)

WRITTEN: dict[str, Any] = {
    "title": "Zebra crossing",
    "description": "How a street learned to be polite.",
    "content": {"blocks": [{"type": "text", "text": "It began with paint."}]},
    "item_type": "post",
    "status": "published",
    "metadata": {"reading_minutes": 3},
    "tags": ["streets", "history"],
}
SHOWN: dict[str, Any] = {
    "id": 42,
    **WRITTEN,
    "user_id": 7,
    "version": 2,
    "created_at": "2026-01-31T12:00:00.000000Z",
    "updated_at": "2026-01-31T12:30:00.000000Z",
    "published_at": "2026-01-31T12:30:00.000000Z",
}
SUMMARY: dict[str, Any] = {
    "id": 108,
    "item_id": 42,
    "version": 1,
    "title": "Zebra",
    "item_type": "post",
    "status": "draft",
    "editor_id": 7,
    "created_at": "2026-01-31T12:00:00.000000Z",
}
A_POST = OpenApiExample("A post", value=WRITTEN, request_only=True)
AN_ITEM = OpenApiExample("An item", value=SHOWN, response_only=True)
PUBLISH = OpenApiExample("Publish it", value={"status": "published"}, request_only=True)
IN_THE_TRASH = OpenApiExample(
    "In the trash",
    value={**SHOWN, "trashed_at": "2026-02-01T08:00:00.000000Z"},
    response_only=True,
)
FIRST_VERSION = OpenApiExample("The first version", value=SUMMARY, response_only=True)
FIRST_VERSION_WHOLE = OpenApiExample(
    "The first version, whole",
    value={**SUMMARY, "description": "", "content": {}, "metadata": {}, "tags": []},
    response_only=True,
)


@extend_schema_serializer(examples=[A_POST, AN_ITEM])
class ItemSerializer(serializers.ModelSerializer[Item]):
    title = TextField(max_length=TITLE_MAX)
    description = TextField(max_length=DESCRIPTION_MAX, allow_blank=True, required=False)
    content = JsonObjectField(max_bytes=JSON_MAX_BYTES, required=False)
    item_type = serializers.RegexField(
        ITEM_TYPE_PATTERN.replace("$", r"\Z"),
        required=False,
        trim_whitespace=False,
        error_messages={"invalid": "Use 1 to 50 of a-z, 0-9, _ and -."},
    )
    status = serializers.ChoiceField(choices=Status.choices, required=False)
    metadata = JsonObjectField(max_bytes=JSON_MAX_BYTES, required=False)
    tags = TagsField(required=False)

    class Meta:
        model = Item
        fields = [
            "id",
            "title",
            "description",
            "content",
            "item_type",
            "status",
            "user_id",
            "metadata",
            "tags",
            "version",
            "created_at",
            "updated_at",
            "published_at",
        ]
        read_only_fields = ["version", "created_at", "updated_at", "published_at"]

    user_id = serializers.IntegerField(source="owner_id", read_only=True)


@extend_schema_serializer(examples=[PUBLISH])
class ItemChangesSerializer(ItemSerializer):
    """What PUT and PATCH take: what the body leaves out stays."""

    title = TextField(max_length=TITLE_MAX, required=False)


@extend_schema_serializer(examples=[IN_THE_TRASH])
class TrashedItemSerializer(ItemSerializer):
    class Meta(ItemSerializer.Meta):
        fields = [*ItemSerializer.Meta.fields, "trashed_at"]
        read_only_fields = fields


@extend_schema_serializer(examples=[FIRST_VERSION])
class RevisionSummarySerializer(serializers.ModelSerializer[Revision]):
    class Meta:
        model = Revision
        fields = [
            "id",
            "item_id",
            "version",
            "title",
            "item_type",
            "status",
            "editor_id",
            "created_at",
        ]
        read_only_fields = fields


@extend_schema_serializer(examples=[FIRST_VERSION_WHOLE])
class RevisionSerializer(serializers.ModelSerializer[Revision]):
    content = JsonObjectField(max_bytes=JSON_MAX_BYTES, read_only=True)
    metadata = JsonObjectField(max_bytes=JSON_MAX_BYTES, read_only=True)
    tags = TagsField(read_only=True)

    class Meta:
        model = Revision
        fields = [
            *RevisionSummarySerializer.Meta.fields,
            "description",
            "content",
            "metadata",
            "tags",
        ]
        read_only_fields = fields
