from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Count, Q
from django.db.models.functions import TruncDate
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesCheckboxFilter, FieldTextFilter

from alice.common.admin_cards import Card, register_dashboard_card
from alice.common.admin_parts import one_line, wrapped
from alice.common.admin_site import (
    ChoiceFilter,
    DayRangeFilter,
    StaffModelAdmin,
    labelled,
    pretty_json,
)
from notifications.admin.actor import actor_of
from notifications.admin.forms import ContentForm
from notifications.models import Notification
from notifications.services.sending import direct_note, send_as_staff

TYPE_COLOURS = {"Info": "info", "Success": "success", "Warning": "warning", "Error": "danger"}
STATE_COLOURS = {
    "Unread": "primary",
    "Read": "success",
    "Archived": "info",
    "Not shown": "warning",
}
DAYS_SHOWN = 14
COLOUR = "#f59e0b"


class StateFilter(ChoiceFilter):
    title = "state"
    parameter_name = "state"

    def conditions(self) -> dict[str, tuple[str, Q]]:
        return {
            "unread": ("Unread", Q(read_at=None, archived_at=None, is_shown=True)),
            "read": ("Read", Q(read_at__isnull=False)),
            "archived": ("Archived", Q(archived_at__isnull=False)),
            "hidden": ("Not shown", Q(is_shown=False)),
        }


class SendForm(ContentForm[Notification]):
    class Meta(ContentForm.Meta):
        model = Notification
        fields = ["owner", *ContentForm.Meta.fields]


@admin.register(Notification)
class NotificationAdmin(StaffModelAdmin[Notification]):
    """To look at; adding one sends it."""

    menu_group, menu_icon = "Notifications", "notifications"
    list_display = ["one_line_title", "owner", "type_label", "topic", "state_label", "created_at"]
    list_filter = [
        StateFilter,
        ("notification_type", ChoicesCheckboxFilter),
        ("topic", FieldTextFilter),
        ("created_at", DayRangeFilter),
    ]
    list_select_related = ["owner"]
    search_fields = ["=id", "title", "owner__username", "owner__email"]
    search_help_text = "A title, an owner or an id"
    autocomplete_fields = ["owner"]
    form = SendForm
    shown_fieldsets = [
        (None, {"fields": ["whole_title", "whole_message", ("owner", "sender_id")]}),
        ("About", {"fields": [("type_label", "topic"), "link", "metadata_json", "source"]}),
        ("State", {"fields": ["state_label", ("created_at", "read_at", "archived_at")]}),
    ]

    @admin.display(description="title", ordering="title")
    def one_line_title(self, row: Notification) -> SafeString:
        return one_line(row.title)

    @admin.display(description="title")
    def whole_title(self, row: Notification) -> SafeString | str:
        return wrapped(row.title)

    @admin.display(description="message")
    def whole_message(self, row: Notification) -> SafeString | str:
        return wrapped(row.message)

    @admin.display(description="action URL")
    def link(self, row: Notification) -> SafeString | str:
        # Not to be followed from here: it is whatever a user wrote.
        return wrapped(row.action_url)

    @admin.display(description="metadata")
    def metadata_json(self, row: Notification) -> SafeString:
        return pretty_json(row.metadata)

    @labelled("type", TYPE_COLOURS, ordering="notification_type")
    def type_label(self, row: Notification) -> str:
        return row.get_notification_type_display()

    @labelled("state", STATE_COLOURS)
    def state_label(self, row: Notification) -> str:
        if not row.is_shown:
            return "Not shown"
        if row.archived_at:
            return "Archived"
        return "Read" if row.is_read else "Unread"

    def has_change_permission(self, request: HttpRequest, obj: Notification | None = None) -> bool:
        return False

    has_delete_permission = has_change_permission

    def get_fieldsets(self, request: HttpRequest, obj: Notification | None = None) -> Any:
        return self.shown_fieldsets if obj else [(None, {"fields": SendForm.Meta.fields})]

    def get_readonly_fields(self, request: HttpRequest, obj: Notification | None = None) -> Any:
        if obj is None:
            return []
        names = ["whole_title", "whole_message", "type_label", "link", "metadata_json"]
        return [*super().get_readonly_fields(request, obj), *names, "state_label"]

    def save_model(self, request: HttpRequest, obj: Notification, form: Any, change: bool) -> None:  # noqa: FBT001 - Django's signature
        actor = actor_of(request)
        note = direct_note(sender_id=actor.pk, **form.content())
        obj.pk = send_as_staff(owner_id=obj.owner_id, note=note, actor=actor).pk


@register_dashboard_card
def notifications_per_day(request: HttpRequest) -> Card | None:
    if not request.user.has_perm("notifications.view_notification"):
        return None
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    moments = [midnight - timedelta(days=back) for back in reversed(range(DAYS_SHOWN))]
    recent = Notification.objects.filter(created_at__gte=moments[0]).order_by()
    days = recent.annotate(day=TruncDate("created_at")).values_list("day")
    per_day = dict(days.annotate(count=Count("pk")))
    values = [per_day.get(moment.date(), 0) for moment in moments]
    return Card(
        title="Notifications per day",
        figure=sum(values),
        note=f"in the last {DAYS_SHOWN} days",
        chart="bar",
        labels=[f"{moment.day} {moment:%b}" for moment in moments],
        values=values,
        colours=COLOUR,
        href=reverse("admin:notifications_notification_changelist"),
    )
