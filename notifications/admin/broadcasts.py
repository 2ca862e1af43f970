from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from alice.common.admin_parts import one_line, text_link, wrapped
from alice.common.admin_site import DayRangeFilter, StaffModelAdmin, labelled, pretty_json
from notifications.admin.actor import actor_of
from notifications.admin.forms import ContentForm
from notifications.models import Broadcast
from notifications.services.broadcasts import request_broadcast

STATE_COLOURS = {"Sent": "success", "Under way": "primary"}


class BroadcastForm(ContentForm[Broadcast]):
    class Meta(ContentForm.Meta):
        model = Broadcast


@admin.register(Broadcast)
class BroadcastAdmin(StaffModelAdmin[Broadcast]):
    """To look at; adding one tells every active user."""

    menu_group, menu_icon = "Notifications", "campaign"
    list_display = ["one_line_title", "sender_id", "state_label", "reached_count", "created_at"]
    list_filter = [("created_at", DayRangeFilter)]
    search_fields = ["=id", "title"]
    form = BroadcastForm
    shown_fieldsets = [
        (None, {"fields": ["whole_title", "whole_message", "link", "metadata_json"]}),
        ("Sending", {"fields": ["state_label", ("sender_id", "reached_count"), "job_link"]}),
        ("Time", {"fields": [("created_at", "finished_at")]}),
    ]

    @admin.display(description="title", ordering="title")
    def one_line_title(self, row: Broadcast) -> SafeString:
        return one_line(row.title)

    @admin.display(description="title")
    def whole_title(self, row: Broadcast) -> SafeString | str:
        return wrapped(row.title)

    @admin.display(description="message")
    def whole_message(self, row: Broadcast) -> SafeString | str:
        return wrapped(row.message)

    @admin.display(description="action URL")
    def link(self, row: Broadcast) -> SafeString | str:
        return wrapped(row.action_url)

    @admin.display(description="metadata")
    def metadata_json(self, row: Broadcast) -> SafeString:
        return pretty_json(row.metadata)

    @labelled("state", STATE_COLOURS)
    def state_label(self, row: Broadcast) -> str:
        return "Sent" if row.finished_at else "Under way"

    @admin.display(description="job")
    def job_link(self, row: Broadcast) -> SafeString | str:
        if row.job_id is None:
            return "-"
        return text_link(reverse("admin:system_job_change", args=[row.job_id]), f"#{row.job_id}")

    def has_change_permission(self, request: HttpRequest, obj: Broadcast | None = None) -> bool:
        return False

    has_delete_permission = has_change_permission

    def get_fieldsets(self, request: HttpRequest, obj: Broadcast | None = None) -> Any:
        return self.shown_fieldsets if obj else [(None, {"fields": BroadcastForm.Meta.fields})]

    def get_readonly_fields(self, request: HttpRequest, obj: Broadcast | None = None) -> Any:
        if obj is None:
            return []
        names = ["whole_title", "whole_message", "link", "metadata_json", "job_link"]
        return [*super().get_readonly_fields(request, obj), *names, "state_label"]

    def save_model(self, request: HttpRequest, obj: Broadcast, form: Any, change: bool) -> None:  # noqa: FBT001 - Django's signature
        job = request_broadcast(actor=actor_of(request), **form.content())
        obj.pk = job.arguments["broadcast_id"]
