from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from alice.common.converters import LARGEST_ID
from collaboration.models import Permission, ResourceType, Share

DAYS_MAX = 365
ADDRESS = "0b0a9c5e-6f0e-4b7e-9d3a-6a1f0c5f8e21"
THING: dict[str, Any] = {"resource_type": "item", "resource_id": 42, "title": "Zebra crossing"}
MADE: dict[str, Any] = {
    "id": 9,
    **THING,
    "permission": "view",
    "shared_with_user_id": None,
    "shared_with_username": None,
    "share_token": ADDRESS,
    "share_url": f"https://alice.example/shared/{ADDRESS}",
    "created_at": "2026-01-31T12:00:00.000000Z",
    "expires_at": "2026-02-07T12:00:00.000000Z",
    "expired": False,
    "revoked_at": None,
    "open_count": 3,
    "path": "/api/items/42",
}
HELD: dict[str, Any] = {
    "id": 9,
    **THING,
    "permission": "view",
    "owner_id": 7,
    "owner_username": "ada",
    "created_at": "2026-01-31T12:00:00.000000Z",
    "expires_at": None,
    "path": "/api/items/42",
}
OPENED: dict[str, Any] = {
    **THING,
    "permission": "view",
    "owner_username": "ada",
    "expires_at": None,
    "path": "/api/items/42",
    "kind": "item",
    "description": "How a street learned to be polite.",
    "tags": ["streets", "history"],
    "details": {"content": {"blocks": [{"type": "text", "text": "It began with paint."}]}},
    "links": {},
}
A_LINK = OpenApiExample(
    "A link for a week",
    value={
        "resource_type": "item",
        "resource_id": 42,
        "shared_with_user_id": None,
        "permission": "view",
        "expires_in_days": 7,
    },
    request_only=True,
)
A_SHARE = OpenApiExample("A link", value=MADE, response_only=True)
A_HELD_SHARE = OpenApiExample("An item of somebody else", value=HELD, response_only=True)
AN_OPENED_SHARE = OpenApiExample("An item", value=OPENED, response_only=True)


@extend_schema_serializer(examples=[A_LINK])
class ShareRequestSerializer(serializers.Serializer[Any]):
    resource_type = serializers.ChoiceField(choices=ResourceType.choices)
    resource_id = serializers.IntegerField(min_value=1, max_value=LARGEST_ID)
    shared_with_user_id = serializers.IntegerField(
        min_value=1,
        max_value=LARGEST_ID,
        allow_null=True,
        default=None,
        help_text="Null: whoever has the link.",
    )
    permission = serializers.ChoiceField(choices=Permission.choices, default=Permission.VIEW.value)
    expires_in_days = serializers.IntegerField(
        min_value=1, max_value=DAYS_MAX, allow_null=True, default=None, help_text="Null: never."
    )


class ShareRowSerializer(serializers.ModelSerializer[Share]):
    """The columns of a share that its owner sees."""

    shared_with_user_id = serializers.IntegerField(
        source="shared_with_id", read_only=True, allow_null=True
    )
    shared_with_username = serializers.CharField(
        source="shared_with.username", read_only=True, allow_null=True
    )
    share_token = serializers.UUIDField(source="token", read_only=True)
    share_url = serializers.CharField(read_only=True)
    expired = serializers.BooleanField(read_only=True)

    class Meta:
        model = Share
        fields = [name for name in MADE if name not in {"title", "path"}]
        read_only_fields = fields


class HeldShareRowSerializer(serializers.ModelSerializer[Share]):
    """The columns of a share that those who hold it see; the token is its owner's to give."""

    owner_username = serializers.CharField(source="owner.username", read_only=True)
    owner_id = serializers.IntegerField(read_only=True)

    class Meta:
        model = Share
        fields = [name for name in HELD if name not in {"title", "path"}]
        read_only_fields = fields


class _ThingSerializer(serializers.Serializer[Any]):
    title = serializers.CharField(
        read_only=True, allow_null=True, help_text="Null while it is in the trash."
    )
    path = serializers.CharField(
        read_only=True, allow_null=True, help_text="Where the signed in find it."
    )


@extend_schema_serializer(examples=[A_SHARE])
class ShareSerializer(_ThingSerializer, ShareRowSerializer):
    class Meta(ShareRowSerializer.Meta):
        fields = list(MADE)
        read_only_fields = fields


@extend_schema_serializer(examples=[A_HELD_SHARE])
class HeldShareSerializer(_ThingSerializer, HeldShareRowSerializer):
    class Meta(HeldShareRowSerializer.Meta):
        fields = list(HELD)
        read_only_fields = fields


@extend_schema_serializer(examples=[AN_OPENED_SHARE])
class OpenedShareSerializer(serializers.Serializer[Any]):
    """What a share's link shows; `links` are signed and good for 15 minutes."""

    resource_type = serializers.ChoiceField(choices=ResourceType.choices, read_only=True)
    resource_id = serializers.IntegerField(read_only=True)
    permission = serializers.ChoiceField(choices=Permission.choices, read_only=True)
    owner_username = serializers.CharField(read_only=True)
    expires_at = serializers.DateTimeField(read_only=True, allow_null=True)
    kind = serializers.CharField(read_only=True)
    title = serializers.CharField(read_only=True)
    description = serializers.CharField(read_only=True)
    tags = serializers.ListField(child=serializers.CharField(), read_only=True)
    details = serializers.DictField(read_only=True, help_text="What else is known of this kind.")
    links = serializers.DictField(child=serializers.URLField(allow_null=True), read_only=True)
    path = serializers.CharField(read_only=True, help_text="Where the signed in find it.")
