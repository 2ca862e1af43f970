from django.contrib import admin
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from alice.common.admin_parts import DeletedByService, one_line, text_link, wrapped
from alice.common.admin_site import ChoiceFilter, DayRangeFilter, labelled, pretty_json
from collaboration.models import Message, MessageType
from collaboration.services import edits
from system.services import audit

DELETED = "Deleted"
STATE_COLOURS = {"Sent": "info", "Edited": "warning", DELETED: "danger"}


class StateFilter(ChoiceFilter):
    title = "state"
    parameter_name = "state"

    def conditions(self) -> dict[str, tuple[str, Q]]:
        return {
            "there": ("There", Q(deleted_at=None)),
            "edited": ("Edited", Q(deleted_at=None, edited_at__isnull=False)),
            "deleted": (DELETED, Q(deleted_at__isnull=False)),
        }


class TypeFilter(ChoiceFilter):
    title = "type"
    parameter_name = "type"

    def conditions(self) -> dict[str, tuple[str, Q]]:
        return {value: (label, Q(message_type=value)) for value, label in MessageType.choices}


@admin.register(Message)
class MessageAdmin(DeletedByService[Message]):
    menu_group, menu_icon = "Conversations", "chat"
    list_display = ["text", "author", "room_link", "state", "created_at"]
    list_filter = [StateFilter, TypeFilter, ("created_at", DayRangeFilter)]
    list_select_related = ["author", "room"]
    ordering = ["-pk"]
    search_fields = ["=id", "message", "author__username", "room__room_id"]
    search_help_text = "Words, an author, a room or an id"
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "whole_text",
                    ("author", "room_link"),
                    ("state", "message_type"),
                    ("attached", "reactions_shown"),
                    ("seq", "answered"),
                ]
            },
        ),
        ("Time", {"fields": [("created_at", "edited_at"), "deleted_at"]}),
        ("Metadata", {"fields": ["metadata_shown"], "classes": ["collapse"]}),
    ]
    readonly_fields = [
        "whole_text",
        "room_link",
        "state",
        "attached",
        "reactions_shown",
        "answered",
        "metadata_shown",
    ]

    @admin.display(description="message")
    def text(self, message: Message) -> SafeString:
        return one_line(message.message or f"({DELETED.lower()})")

    @admin.display(description="message")
    def whole_text(self, message: Message) -> SafeString | str:
        return wrapped(message.message)

    @admin.display(description="room", ordering="room__room_id")
    def room_link(self, message: Message) -> SafeString:
        address = reverse("admin:collaboration_room_change", args=[message.room_id])
        return text_link(address, message.room.room_id)

    @labelled("State", STATE_COLOURS)
    def state(self, message: Message) -> str:
        if message.deleted_at:
            return DELETED
        return "Edited" if message.edited_at else "Sent"

    @admin.display(description="attachments")
    def attached(self, message: Message) -> str:
        things = message.attachments.values_list("resource_type", "resource_id")
        return ", ".join(f"{kind} {key}" for kind, key in things) or "-"

    @admin.display(description="reactions")
    def reactions_shown(self, message: Message) -> str:
        put = message.reactions.values_list("emoji", "user__username")
        return ", ".join(f"{emoji} {username}" for emoji, username in put) or "-"

    @admin.display(description="answers")
    def answered(self, message: Message) -> SafeString | str:
        if message.reply_to_id is None:
            return "-"
        address = reverse("admin:collaboration_message_change", args=[message.reply_to_id])
        return text_link(address, f"message {message.reply_to_id}")

    @admin.display(description="metadata")
    def metadata_shown(self, message: Message) -> SafeString:
        return pretty_json(message.metadata)

    @transaction.atomic
    def delete_as(self, request: HttpRequest, row: Message) -> None:
        """A tombstone stays: `seq` has no gaps."""
        edits.delete_message_as_staff(message_id=row.pk)
        audit.record(
            action="message.deleted_by_staff",
            target=f"message:{row.pk}",
            actor_id=request.user.pk,
            actor_name=request.user.get_username(),
            author_id=row.author_id,
            room_id=row.room.room_id,
        )
