from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from alice.common.admin_parts import DeletedByService, one_line, text_link, wrapped
from alice.common.admin_site import ChoiceFilter, DayRangeFilter, labelled
from collaboration.models import Member, Message, Room
from collaboration.services import rooms
from system.services import audit

MEMBERS_SHOWN = 50
MESSAGES_SHOWN = 20
PRIVACY_COLOURS = {"Private": "warning", "Open": "info"}
TABLE = '<div class="overflow-x-auto"><table class="w-full text-left">{}</table></div>'
ROW = (
    '<tr class="align-top border-b border-base-200 dark:border-base-800">'
    '<td class="py-2 pr-4 whitespace-nowrap">{}</td>'
    '<td class="py-2 pr-4 whitespace-nowrap">{}</td>'
    '<td class="py-2 w-full" style="overflow-wrap: anywhere">{}</td></tr>'
)


class PrivacyFilter(ChoiceFilter):
    title = "privacy"
    parameter_name = "privacy"

    def conditions(self) -> dict[str, tuple[str, Q]]:
        return {
            "private": ("Private", Q(is_private=True)),
            "open": ("Open", Q(is_private=False)),
        }


@admin.register(Room)
class RoomAdmin(DeletedByService[Room]):
    menu_group, menu_icon = "Conversations", "forum"
    list_display = ["name", "privacy", "creator", "member_count", "last_seq", "created_at"]
    list_filter = [PrivacyFilter, ("created_at", DayRangeFilter)]
    list_select_related = ["creator"]
    search_fields = ["=id", "room_id", "title", "creator__username"]
    search_help_text = "A name, a title, a creator or an id"
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("room_id", "whole_title"),
                    ("privacy", "creator"),
                    ("last_seq", "created_at"),
                ]
            },
        ),
        ("Members", {"fields": ["people"]}),
        ("Last messages", {"fields": ["last_messages"]}),
    ]
    readonly_fields = ["whole_title", "privacy", "people", "last_messages"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Room]:
        counted: QuerySet[Room] = super().get_queryset(request)
        return counted.annotate(people_count=Count("members"))

    @admin.display(description="room", ordering="room_id")
    def name(self, room: Room) -> SafeString:
        return one_line(room.title or room.room_id)

    @admin.display(description="title")
    def whole_title(self, room: Room) -> SafeString | str:
        return wrapped(room.title)

    @labelled("Privacy", PRIVACY_COLOURS, ordering="is_private")
    def privacy(self, room: Room) -> str:
        return "Private" if room.is_private else "Open"

    @admin.display(description="members", ordering="people_count")
    def member_count(self, room: Any) -> int:
        count: int = room.people_count
        return count

    @admin.display(description="members")
    def people(self, room: Room) -> SafeString | str:
        first = Member.objects.filter(room=room).select_related("user").order_by("-role", "pk")
        rows = [
            (member.user.username, member.get_role_display(), f"read up to {member.read_seq}")
            for member in first[:MEMBERS_SHOWN]
        ]
        return format_html(TABLE, format_html_join("", ROW, rows)) if rows else "-"

    @admin.display(description="messages")
    def last_messages(self, room: Room) -> SafeString | str:
        last = Message.objects.filter(room=room).select_related("author").order_by("-seq")
        rows = [
            (link_to(said), said.author or "-", said.message or "(deleted)")
            for said in last[:MESSAGES_SHOWN]
        ]
        return format_html(TABLE, format_html_join("", ROW, rows)) if rows else "-"

    @transaction.atomic
    def delete_as(self, request: HttpRequest, row: Room) -> None:
        rooms.delete_room_as_staff(room_pk=row.pk)
        audit.record(
            action="room.deleted_by_staff",
            target=f"room:{row.pk}",
            actor_id=request.user.pk,
            actor_name=request.user.get_username(),
            room_id=row.room_id,
            message_count=row.last_seq,
        )


def link_to(message: Message) -> SafeString:
    address = reverse("admin:collaboration_message_change", args=[message.pk])
    return text_link(address, f"{message.created_at:%Y-%m-%d %H:%M}")
