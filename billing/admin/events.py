from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import FieldTextFilter

from alice.common.admin_parts import one_line
from alice.common.admin_site import DayRangeFilter, attempt, confirmed_action, pretty_json
from billing.admin.parts import MirroredAdmin, actor_of, moment
from billing.models import Event
from billing.services import webhooks


@admin.register(Event)
class EventAdmin(MirroredAdmin[Event]):
    menu_icon = "bolt"
    stripe_section = "events"
    list_display = ["name", "about", "customer", "made", "arrived"]
    list_filter = [("type", FieldTextFilter), ("created", DayRangeFilter)]
    search_fields = ["=id", "type", "data__object__id__exact", "data__object__customer__exact"]
    search_help_text = "A type, or a whole id of Stripe's: of the event, its object or a customer"
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "kind",
                    ("about", "customer"),
                    ("made", "arrived"),
                    ("version", "at_stripe"),
                ]
            },
        ),
        ("Stripe", {"fields": ["data_json"]}),
    ]
    readonly_fields = [
        "kind",
        "about",
        "customer",
        "made",
        "arrived",
        "version",
        "at_stripe",
        "data_json",
    ]
    actions = ["replay"]
    actions_detail = ["replay_one"]

    @admin.display(description="type", ordering="type")
    def name(self, event: Any) -> SafeString:
        return one_line(event.type)

    @admin.display(description="type")
    def kind(self, event: Any) -> str:
        return str(event.type)

    @admin.display(description="about")
    def about(self, event: Any) -> str:
        return _object_of(event).get("id") or "-"

    @admin.display(description="customer")
    def customer(self, event: Any) -> str:
        return str(_object_of(event).get("customer") or "-")

    @admin.display(description="arrived", ordering="djstripe_created")
    def arrived(self, event: Any) -> str:
        return moment(event.djstripe_created)

    @admin.display(description="version of the API")
    def version(self, event: Any) -> str:
        return event.api_version or "-"

    @admin.display(description="content")
    def data_json(self, event: Any) -> SafeString:
        return pretty_json(event.data)

    @admin.action(description="Replay", permissions=["operate"])
    def replay(self, request: HttpRequest, rows: QuerySet[Event]) -> None:
        self.for_each(request, rows, lambda row: self.replay_as(request, row), "replayed")

    @confirmed_action(
        "Replay",
        "What it is about is read from Stripe as it is now, and mirrored again.",
        icon="replay",
    )
    def replay_one(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        event = self.row_or_404(request, object_id)
        if attempt(request, lambda: self.replay_as(request, event)):
            messages.success(request, "The event has taken its effect again.")
        return self.back(request, object_id)

    def replay_as(self, request: HttpRequest, event: Any) -> None:
        webhooks.replay_as_staff(event_id=event.pk, actor=actor_of(request))


def _object_of(event: Any) -> dict[str, Any]:
    return (event.data or {}).get("object") or {}
