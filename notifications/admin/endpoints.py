from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from alice.common.admin_parts import one_line, text_link, wrapped
from alice.common.admin_site import DayRangeFilter, ReadOnlyAdmin, labelled
from notifications.admin.actor import actor_of
from notifications.models import Endpoint
from notifications.services.endpoints import set_enabled_as_staff

STATE_COLOURS = {"Enabled": "success", "Disabled": "danger"}


@admin.register(Endpoint)
class EndpointAdmin(ReadOnlyAdmin[Endpoint]):
    """Never with a secret: the page does not even read them."""

    menu_group, menu_icon = "Notifications", "webhook"
    list_display = ["address", "owner", "state_label", "paused_until", "created_at"]
    list_filter = ["is_enabled", ("created_at", DayRangeFilter)]
    list_select_related = ["owner"]
    search_fields = ["=id", "url", "owner__username"]
    fields = [
        "whole_address",
        ("owner", "state_label"),
        ("created_at", "rotated_at", "paused_until"),
        "deliveries_link",
    ]
    readonly_fields = ["whole_address", "state_label", "deliveries_link"]
    actions = ["enable", "disable"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Endpoint]:
        return super().get_queryset(request).defer("secret", "former_secret")

    @admin.display(description="address", ordering="url")
    def address(self, row: Endpoint) -> SafeString:
        return one_line(row.url)

    @admin.display(description="address")
    def whole_address(self, row: Endpoint) -> SafeString | str:
        return wrapped(row.url)

    @labelled("state", STATE_COLOURS, ordering="is_enabled")
    def state_label(self, row: Endpoint) -> str:
        return "Enabled" if row.is_enabled else "Disabled"

    @admin.display(description="deliveries")
    def deliveries_link(self, row: Endpoint) -> SafeString:
        address = reverse("admin:notifications_delivery_changelist")
        return text_link(f"{address}?endpoint__id__exact={row.pk}", "What was sent there")

    @admin.action(description="Enable", permissions=["operate"])
    def enable(self, request: HttpRequest, rows: QuerySet[Endpoint]) -> None:
        self.set_enabled(request, rows, "enabled", is_enabled=True)

    @admin.action(description="Disable", permissions=["operate"])
    def disable(self, request: HttpRequest, rows: QuerySet[Endpoint]) -> None:
        self.set_enabled(request, rows, "disabled", is_enabled=False)

    def set_enabled(
        self, request: HttpRequest, rows: QuerySet[Endpoint], done: str, *, is_enabled: bool
    ) -> None:
        actor = actor_of(request)

        def act(row: Endpoint) -> Endpoint:
            return set_enabled_as_staff(endpoint_id=row.pk, is_enabled=is_enabled, actor=actor)

        self.for_each(request, rows, act, done)
