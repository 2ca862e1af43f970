from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesCheckboxFilter

from alice.common.admin_parts import text_link, wrapped
from alice.common.admin_site import (
    DayRangeFilter,
    ReadOnlyAdmin,
    attempt,
    confirmed_action,
    labelled,
)
from notifications.admin.actor import actor_of
from notifications.models import Delivery, DeliveryStatus
from notifications.services import deliveries

STATUS_COLOURS = {
    DeliveryStatus.PENDING.label: "info",
    DeliveryStatus.DELIVERED.label: "success",
    DeliveryStatus.FAILED.label: "danger",
}


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin[Delivery]):
    menu_group, menu_icon = "Notifications", "outgoing_mail"
    list_display = [
        "id",
        "owner",
        "channel_label",
        "status_label",
        "attempts",
        "response_status",
        "created_at",
        "next_try",
    ]
    list_filter = [
        ("status", ChoicesCheckboxFilter),
        ("channel", ChoicesCheckboxFilter),
        ("created_at", DayRangeFilter),
    ]
    list_select_related = ["owner"]
    search_fields = ["=id", "=notification__id", "owner__username"]
    search_help_text = "An owner, or the id of a delivery or notification"
    fields = [
        ("owner", "notification_link"),
        ("channel_label", "address"),
        "status_label",
        ("attempts", "response_status"),
        "problem",
        "message_id",
        ("created_at", "delivered_at", "next_try"),
    ]
    readonly_fields = [
        "next_try",
        "notification_link",
        "channel_label",
        "address",
        "status_label",
        "problem",
    ]
    actions = ["redeliver"]
    actions_detail = ["redeliver_one"]

    @labelled("status", STATUS_COLOURS, ordering="status")
    def status_label(self, row: Delivery) -> str:
        return row.get_status_display()

    @admin.display(description="next try", ordering="due_at")
    def next_try(self, row: Delivery) -> datetime | None:
        return row.due_at if row.status == DeliveryStatus.PENDING else None

    @admin.display(description="channel", ordering="channel")
    def channel_label(self, row: Delivery) -> str:
        return row.get_channel_display()

    @admin.display(description="notification")
    def notification_link(self, row: Delivery) -> SafeString:
        address = reverse("admin:notifications_notification_change", args=[row.notification_id])
        return text_link(address, row.notification.title)

    @admin.display(description="to")
    def address(self, row: Delivery) -> SafeString | str:
        return wrapped(row.endpoint.url if row.endpoint else row.owner.email)

    @admin.display(description="error")
    def problem(self, row: Delivery) -> SafeString | str:
        return wrapped(row.error)

    @admin.action(description="Deliver again", permissions=["operate"])
    def redeliver(self, request: HttpRequest, rows: QuerySet[Delivery]) -> None:
        self.for_each(request, rows, lambda row: self.redeliver_as(request, row), "owed again")

    @confirmed_action("Deliver again", "It is tried anew, from its first try on.", icon="replay")
    def redeliver_one(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        row = self.row_or_404(request, object_id)
        if attempt(request, lambda: self.redeliver_as(request, row)):
            messages.success(request, "It is owed again.")
        return self.back(request, object_id)

    def redeliver_as(self, request: HttpRequest, row: Delivery) -> Delivery:
        actor = actor_of(request)
        return deliveries.redeliver_as_staff(
            delivery_id=row.pk, actor_id=actor.pk, actor_name=actor.username
        )
