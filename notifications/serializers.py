from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from alice.common.errors import Invalid
from alice.common.fields import JsonObjectField, TextField
from notifications.models import (
    MESSAGE_MAX,
    TITLE_MAX,
    TOPIC_MAX,
    URL_MAX,
    Channel,
    Delivery,
    Digest,
    Endpoint,
    Notification,
    NotificationType,
)
from notifications.services.action_urls import SENTENCE, require_harmless

METADATA_BYTES_MAX = 16 * 1024

WRITTEN: dict[str, Any] = {
    "title": "Your render is done",
    "message": "It took three minutes.",
    "notification_type": "success",
    "action_url": "https://app.example/renders/7",
    "metadata": {"render": 7},
}
SHOWN: dict[str, Any] = {
    "id": 42,
    "topic": "direct",
    **WRITTEN,
    "read": False,
    "sender_id": 7,
    "created_at": "2026-01-31T12:00:00.000000Z",
    "read_at": None,
    "archived_at": None,
}
WISHES: dict[str, Any] = {
    "digest": "daily",
    "topics": [{"topic": "chat.mention", "channels": {"email": True}}],
}
WISHED: dict[str, Any] = {
    "digest": "daily",
    "topics": [
        {
            "topic": "chat.mention",
            "title": "Somebody mentions you in a room",
            "channels": {"in_app": True, "email": True, "webhook": True},
            "mandatory": [],
        }
    ],
}
DELIVERY: dict[str, Any] = {
    "id": 118,
    "notification_id": 42,
    "message_id": "0190d1c2-7c5e-4b0a-9d53-2f6f4a4a8d11",
    "status": "delivered",
    "attempts": 1,
    "response_status": 204,
    "error": "",
    "created_at": "2026-01-31T12:00:00.000000Z",
    "due_at": "2026-01-31T12:00:00.000000Z",
    "delivered_at": "2026-01-31T12:00:00.412000Z",
}
ENDPOINT: dict[str, Any] = {
    "id": 3,
    "url": "https://hooks.example/alice",
    "is_enabled": True,
    "paused_until": None,
    "rotated_at": None,
    "created_at": "2026-01-31T12:00:00.000000Z",
}


class ActionUrlField(TextField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=URL_MAX, allow_blank=True, trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        try:
            require_harmless(text)
        except Invalid as refusal:
            raise serializers.ValidationError(SENTENCE) from refusal
        return text


@extend_schema_serializer(
    examples=[
        OpenApiExample("A success", value=WRITTEN, request_only=True),
        OpenApiExample("A notification", value=SHOWN, response_only=True),
    ]
)
class NotificationSerializer(serializers.ModelSerializer[Notification]):
    title = TextField(max_length=TITLE_MAX)
    message = TextField(max_length=MESSAGE_MAX, allow_blank=True, required=False)
    notification_type = serializers.ChoiceField(choices=NotificationType.choices, required=False)
    action_url = ActionUrlField(required=False)
    metadata = JsonObjectField(max_bytes=METADATA_BYTES_MAX, required=False)
    read = serializers.BooleanField(source="is_read", read_only=True)

    class Meta:
        model = Notification
        fields = [
            "id",
            "topic",
            "title",
            "message",
            "notification_type",
            "read",
            "action_url",
            "metadata",
            "sender_id",
            "created_at",
            "read_at",
            "archived_at",
        ]
        read_only_fields = ["topic", "sender_id", "created_at", "read_at", "archived_at"]


@extend_schema_serializer(examples=[OpenApiExample("Three were unread", value={"updated": 3})])
class UpdatedSerializer(serializers.Serializer[Any]):
    updated = serializers.IntegerField(help_text="How many were unread.")


@extend_schema_serializer(examples=[OpenApiExample("Three of them", value={"unread": 3})])
class UnreadSerializer(serializers.Serializer[Any]):
    unread = serializers.IntegerField()


class ChannelsSerializer(serializers.Serializer[Any]):
    in_app = serializers.BooleanField(required=False)
    email = serializers.BooleanField(required=False, help_text="To a verified address only.")
    webhook = serializers.BooleanField(required=False, help_text="To every enabled endpoint.")


class TopicSerializer(serializers.Serializer[Any]):
    topic = TextField(max_length=TOPIC_MAX)
    title = serializers.CharField(read_only=True)
    channels = ChannelsSerializer()
    mandatory = serializers.ListField(
        child=serializers.ChoiceField(choices=Channel.choices),
        read_only=True,
        help_text="Channels that cannot be switched off.",
    )


@extend_schema_serializer(
    examples=[
        OpenApiExample("Mentions by mail, once a day", value=WISHES, request_only=True),
        OpenApiExample("As it is then", value=WISHED, response_only=True),
    ]
)
class PreferencesSerializer(serializers.Serializer[Any]):
    digest = serializers.ChoiceField(choices=Digest.choices, required=False)
    topics = TopicSerializer(many=True, required=False)


@extend_schema_serializer(
    examples=[
        OpenApiExample("An endpoint", value={"url": ENDPOINT["url"]}, request_only=True),
        OpenApiExample("An endpoint that works", value=ENDPOINT, response_only=True),
    ]
)
class EndpointSerializer(serializers.ModelSerializer[Endpoint]):
    url = TextField(max_length=URL_MAX, trim_whitespace=False, help_text="https only.")

    class Meta:
        model = Endpoint
        fields = ["id", "url", "is_enabled", "paused_until", "rotated_at", "created_at"]
        read_only_fields = ["is_enabled", "paused_until", "rotated_at", "created_at"]


@extend_schema_serializer(
    examples=[OpenApiExample("Enable it again", value={"is_enabled": True}, request_only=True)]
)
class EndpointChangesSerializer(serializers.Serializer[Any]):
    url = TextField(max_length=URL_MAX, trim_whitespace=False, required=False)
    is_enabled = serializers.BooleanField(required=False)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "With its secret, this once",
            value=ENDPOINT | {"secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"},
            response_only=True,
        )
    ]
)
class EndpointWithSecretSerializer(EndpointSerializer):
    secret = serializers.CharField(read_only=True, help_text="Shown this once. Keep it.")

    class Meta(EndpointSerializer.Meta):
        fields = [*EndpointSerializer.Meta.fields, "secret"]


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "One that went out", value=DELIVERY, response_only=True, status_codes=["200", "202"]
        )
    ]
)
class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    notification_id = serializers.IntegerField(read_only=True)

    class Meta:
        model = Delivery
        fields = [
            "id",
            "notification_id",
            "message_id",
            "status",
            "attempts",
            "response_status",
            "error",
            "created_at",
            "due_at",
            "delivered_at",
        ]
        read_only_fields = fields


class BroadcastSerializer(NotificationSerializer):
    """What everybody is told."""

    class Meta(NotificationSerializer.Meta):
        fields = ["title", "message", "notification_type", "action_url", "metadata"]


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Queued",
            value={"job_id": 9, "status": "queued"},
            response_only=True,
            status_codes=["202"],
        )
    ]
)
class BroadcastJobSerializer(serializers.Serializer[Any]):
    job_id = serializers.IntegerField(source="pk", help_text="Its progress: GET /api/jobs/{id}.")
    status = serializers.CharField()
