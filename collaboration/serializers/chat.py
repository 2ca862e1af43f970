from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from alice.common.converters import LARGEST_ID
from alice.common.fields import JsonObjectField, TextField
from collaboration.models import (
    CLIENT_ID_MAX,
    MESSAGE_MAX,
    METADATA_MAX_BYTES,
    ROOM_ID_PATTERN,
    TITLE_MAX,
    Member,
    MemberRole,
    Message,
    MessageType,
    ResourceType,
    Room,
)
from collaboration.services.access import RESERVED_IDS

ATTACHMENTS_MAX = 10
MEMBERS_AT_ONCE = 100
USERNAME_MAX = 64
SENT_TYPES = [choice for choice in MessageType.choices if choice[0] != MessageType.SYSTEM]
ATTACHED_TYPES = [(str(kind), kind.label) for kind in (ResourceType.FILE, ResourceType.MEDIA)]
WRITTEN: dict[str, Any] = {
    "room_id": "garden",
    "message": "The tulips are out, @bob!",
    "message_type": "text",
    "metadata": {},
    "client_id": "6f1c9d1e",
    "reply_to": None,
    "attachments": [{"type": "media", "id": 31}],
}
SHOWN: dict[str, Any] = {
    "id": 4217,
    "seq": 12,
    "room_id": "garden",
    "user_id": 7,
    "username": "ada",
    "message": "The tulips are out, @bob!",
    "message_type": "text",
    "metadata": {},
    "client_id": "6f1c9d1e",
    "reply_to": None,
    "attachments": [{"type": "media", "id": 31}],
    "reactions": {"🌷": [8, 9]},
    "created_at": "2026-03-31T12:00:00.000000Z",
    "edited_at": None,
    "deleted_at": None,
}
ROOM: dict[str, Any] = {
    "id": 5,
    "room_id": "garden",
    "title": "The garden",
    "private": True,
    "creator_id": 7,
    "role": "owner",
    "muted": False,
    "can_write": True,
    "last_seq": 12,
    "read_seq": 10,
    "unread_count": 2,
    "last_message": {
        "id": 4217,
        "seq": 12,
        "user_id": 8,
        "username": "bob",
        "message": "On my way.",
        "message_type": "text",
        "created_at": "2026-03-31T12:00:00.000000Z",
        "deleted": False,
    },
    "created_at": "2026-03-01T08:00:00.000000Z",
}
MEMBER: dict[str, Any] = {
    "id": 61,
    "user_id": 8,
    "username": "bob",
    "role": "member",
    "read_seq": 12,
    "joined_at": "2026-03-01T08:00:00.000000Z",
}
PERSON: dict[str, Any] = {"user_id": 8, "username": "bob"}
A_DRAFT = OpenApiExample("A message", value=WRITTEN, request_only=True)
A_MESSAGE = OpenApiExample("A message", value=SHOWN, response_only=True)
AN_EDIT = OpenApiExample("Another text", value={"message": "They are out."}, request_only=True)
A_NEW_ROOM = OpenApiExample(
    "A private room",
    value={"room_id": "garden", "title": "The garden", "private": True, "members": ["bob", 9]},
    request_only=True,
)
A_ROOM = OpenApiExample("A room", value=ROOM, response_only=True)
CLOSE_IT = OpenApiExample("Close it to others", value={"private": True}, request_only=True)
A_PERSON = OpenApiExample("By name", value={"user": "bob", "role": "member"}, request_only=True)
A_MEMBER = OpenApiExample("A member", value=MEMBER, response_only=True)
A_ROLE = OpenApiExample("A moderator", value={"role": "moderator"}, request_only=True)


class MessageTextField(TextField):
    """1 to 4,000 characters as they were sent, blanks inside and around, but not blanks alone."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=MESSAGE_MAX, trim_whitespace=False, **options)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not text.strip():
            self.fail("blank")
        return text


@extend_schema_field({"oneOf": [{"type": "integer", "format": "int64"}, {"type": "string"}]})
class PersonField(serializers.Field[int | str, Any, Any, Any]):
    """A user by id or by username."""

    default_error_messages = {"invalid": "Give the id of a user or a username."}

    def to_internal_value(self, data: Any) -> int | str:
        is_id = isinstance(data, int) and not isinstance(data, bool) and 0 < data <= LARGEST_ID
        if not is_id and not (isinstance(data, str) and 0 < len(data) <= USERNAME_MAX):
            self.fail("invalid")
        return data  # type: ignore[no-any-return]  # one of the two

    def to_representation(self, value: int | str) -> int | str:
        return value


class RoomIdField(TextField, serializers.RegexField):
    def __init__(self, **options: Any) -> None:
        super().__init__(
            ROOM_ID_PATTERN.replace("$", r"\Z"),
            trim_whitespace=False,
            error_messages={
                "invalid": "Use 1 to 100 of letters, digits and - _ . :",
                "reserved": f"{', '.join(sorted(RESERVED_IDS))} are reserved.",
            },
            **options,
        )

    def to_internal_value(self, data: Any) -> str:
        room_id = super().to_internal_value(data)
        if room_id in RESERVED_IDS:
            self.fail("reserved")
        return room_id


class AttachmentSerializer(serializers.Serializer[Any]):
    type = serializers.ChoiceField(choices=ATTACHED_TYPES)
    id = serializers.IntegerField(min_value=1, max_value=LARGEST_ID)


@extend_schema_field(AttachmentSerializer(many=True))
class AttachmentsField(serializers.ListField):
    """Distinct pairs of type and id, in the order given."""

    child = AttachmentSerializer()

    def to_internal_value(self, data: Any) -> Any:
        attached = super().to_internal_value(data)
        return list(dict.fromkeys((one["type"], one["id"]) for one in attached))


class DraftSerializer(serializers.Serializer[Any]):
    """What can be said: the fields of a `Draft`. A socket is in its room already."""

    message = MessageTextField()
    message_type = serializers.ChoiceField(choices=SENT_TYPES, default=MessageType.TEXT.value)
    metadata = JsonObjectField(max_bytes=METADATA_MAX_BYTES, default=dict)
    client_id = TextField(
        max_length=CLIENT_ID_MAX,
        allow_blank=True,
        trim_whitespace=False,
        default="",
        help_text="Your own: sent again with the same one, the message is stored once.",
    )
    reply_to = serializers.IntegerField(
        min_value=1,
        max_value=LARGEST_ID,
        allow_null=True,
        default=None,
        help_text="A message of the same room.",
    )
    attachments = AttachmentsField(
        default=list, max_length=ATTACHMENTS_MAX, help_text="Your own files and media."
    )


@extend_schema_serializer(examples=[A_DRAFT])
class SendSerializer(DraftSerializer):
    """What can be said, and where."""

    room_id = RoomIdField(help_text="It comes to be with its first message.")


@extend_schema_serializer(examples=[A_MESSAGE])
class MessageSerializer(serializers.ModelSerializer[Message]):
    room_id = serializers.CharField(source="room.room_id", read_only=True)
    user_id = serializers.IntegerField(
        source="author_id", read_only=True, allow_null=True, help_text="Null: the account is gone."
    )
    username = serializers.CharField(source="author.username", read_only=True, allow_null=True)
    metadata = JsonObjectField(max_bytes=METADATA_MAX_BYTES, read_only=True)
    reply_to = serializers.IntegerField(source="reply_to_id", read_only=True, allow_null=True)
    attachments = AttachmentSerializer(source="shown_attachments", many=True, read_only=True)
    reactions = serializers.DictField(
        source="shown_reactions",
        child=serializers.ListField(child=serializers.IntegerField()),
        read_only=True,
        help_text="Emoji to the ids of those who put it.",
    )

    class Meta:
        model = Message
        fields = list(SHOWN)
        read_only_fields = fields


@extend_schema_serializer(examples=[AN_EDIT])
class EditSerializer(serializers.Serializer[Any]):
    message = MessageTextField(required=False)
    metadata = JsonObjectField(max_bytes=METADATA_MAX_BYTES, required=False)


@extend_schema_serializer(
    examples=[OpenApiExample("Up to the twelfth", value={"seq": 12}, request_only=True)]
)
class SeqSerializer(serializers.Serializer[Any]):
    seq = serializers.IntegerField(min_value=0, max_value=LARGEST_ID)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Up to the twelfth", value={"room_id": "garden", "read_seq": 12}, response_only=True
        )
    ]
)
class ReadSerializer(serializers.Serializer[Any]):
    room_id = serializers.CharField(read_only=True)
    read_seq = serializers.IntegerField(read_only=True)


@extend_schema_serializer(
    examples=[OpenApiExample("Stopped", value={"typing": False}, request_only=True)]
)
class TypingSerializer(serializers.Serializer[Any]):
    typing = serializers.BooleanField(default=True, help_text="False: stopped.")


class ResumeSerializer(serializers.Serializer[Any]):
    after_seq = serializers.IntegerField(min_value=0, max_value=LARGEST_ID)


class PersonSerializer(serializers.Serializer[Any]):
    user_id = serializers.IntegerField(read_only=True)
    username = serializers.CharField(read_only=True)


@extend_schema_serializer(
    examples=[OpenApiExample("One types", value={"online": [PERSON], "typing": [PERSON]})]
)
class PresenceSerializer(serializers.Serializer[Any]):
    online = PersonSerializer(many=True, read_only=True)
    typing = PersonSerializer(many=True, read_only=True)


@extend_schema_serializer(examples=[A_NEW_ROOM])
class NewRoomSerializer(serializers.Serializer[Any]):
    room_id = RoomIdField()
    title = TextField(max_length=TITLE_MAX, allow_blank=True, default="")
    private = serializers.BooleanField(source="is_private", default=False)
    members = serializers.ListField(
        child=PersonField(), default=list, max_length=MEMBERS_AT_ONCE, help_text="Beside yourself."
    )


@extend_schema_serializer(examples=[CLOSE_IT])
class RoomChangesSerializer(serializers.Serializer[Any]):
    title = TextField(max_length=TITLE_MAX, allow_blank=True, required=False)
    private = serializers.BooleanField(source="is_private", required=False)


class LastMessageSerializer(serializers.ModelSerializer[Message]):
    user_id = serializers.IntegerField(read_only=True, allow_null=True)
    username = serializers.CharField(read_only=True, allow_null=True)
    deleted = serializers.BooleanField(read_only=True)

    class Meta:
        model = Message
        fields = list(ROOM["last_message"])
        read_only_fields = fields


@extend_schema_serializer(examples=[A_ROOM])
class RoomSerializer(serializers.ModelSerializer[Room]):
    private = serializers.BooleanField(source="is_private", read_only=True)
    creator_id = serializers.IntegerField(read_only=True, allow_null=True)
    role = serializers.ChoiceField(
        source="mine.role",
        choices=MemberRole.choices,
        read_only=True,
        allow_null=True,
        help_text="Yours; null for who is no member.",
    )
    muted = serializers.BooleanField(source="mine.is_muted", read_only=True, allow_null=True)
    can_write = serializers.BooleanField(read_only=True)
    read_seq = serializers.IntegerField(source="mine.read_seq", read_only=True, allow_null=True)
    unread_count = serializers.IntegerField(read_only=True, allow_null=True)
    last_message = LastMessageSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Room
        fields = list(ROOM)
        read_only_fields = fields


@extend_schema_serializer(examples=[A_PERSON])
class NewMemberSerializer(serializers.Serializer[Any]):
    user = PersonField(source="person")
    role = serializers.ChoiceField(choices=MemberRole.choices, default=MemberRole.MEMBER.value)


@extend_schema_serializer(examples=[A_ROLE])
class RoleSerializer(serializers.Serializer[Any]):
    role = serializers.ChoiceField(choices=MemberRole.choices)


@extend_schema_serializer(examples=[A_MEMBER])
class MemberSerializer(serializers.ModelSerializer[Member]):
    username = serializers.CharField(source="user.username", read_only=True)

    class Meta:
        model = Member
        fields = list(MEMBER)
        read_only_fields = fields
