from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from alice.common.admin_parts import text_link
from alice.common.admin_site import (
    ChoiceFilter,
    DayRangeFilter,
    attempt,
    confirmed_action,
    labelled,
)
from billing.admin.parts import (
    TIER_COLOURS,
    MirroredAdmin,
    StatusFilter,
    actor_of,
    moment,
    money,
    spoken,
    standing_of,
    user_link,
)
from billing.models import Subscription
from billing.selectors import OPEN_STATUSES, SubscriptionFacts
from billing.services import subscriptions

COLOURS = {
    "active": "success",
    "trialing": "info",
    "past_due": "warning",
    "unpaid": "danger",
    "paused": "warning",
    "incomplete": "warning",
}
STATUS_COLOURS = {spoken(word): colour for word, colour in COLOURS.items()}


class SubscriptionStatusFilter(StatusFilter):
    statuses = (*COLOURS, "canceled", "incomplete_expired")


class EndFilter(ChoiceFilter):
    title = "cancellation"
    parameter_name = "cancellation"

    def conditions(self) -> dict[str, tuple[str, Q]]:
        dated = Q(stripe_data__cancel_at__isnull=False, stripe_data__cancel_at__gt=0)
        is_ending = Q(stripe_data__cancel_at_period_end=True) | dated
        is_open = Q(stripe_data__status__in=OPEN_STATUSES)
        return {"scheduled": ("Scheduled", is_open & is_ending)}


def facts_of(subscription: Any) -> SubscriptionFacts:
    return SubscriptionFacts.of(subscription)


def in_short(status: str) -> str | None:
    """The status as a label, None for nobody's."""
    return spoken(status) if status else None


@admin.register(Subscription)
class SubscriptionAdmin(MirroredAdmin[Subscription]):
    menu_icon = "autorenew"
    stripe_section = "subscriptions"
    list_display = ["owner", "status", "plan", "tier", "period_end", "ends", "made"]
    list_filter = [SubscriptionStatusFilter, EndFilter, ("created", DayRangeFilter)]
    list_select_related = ["customer__subscriber__standing"]
    search_fields = [
        "=djstripe_id",
        "=id",
        "=customer__id",
        "customer__email",
        "customer__subscriber__username",
    ]
    search_help_text = "A user, an e-mail address or a whole id"
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("user", "customer_link"),
                    ("status", "tier"),
                    ("plan", "price_id"),
                    ("period_start", "period_end"),
                    ("ends", "made"),
                    "at_stripe",
                ]
            },
        ),
        ("Stripe", {"classes": ["collapse"], "fields": ["stripe_json"]}),
    ]
    readonly_fields = [
        "user",
        "customer_link",
        "status",
        "tier",
        "plan",
        "price_id",
        "period_start",
        "period_end",
        "ends",
        "made",
        "at_stripe",
        "stripe_json",
    ]
    actions = ["refresh"]
    actions_detail = ["refresh_one", "cancel_at_period_end", "cancel_now"]

    @admin.display(description="user", ordering="customer__subscriber__username")
    def owner(self, subscription: Any) -> str:
        customer = subscription.customer
        return str(customer.subscriber or customer.email or customer.id)

    @admin.display(description="user")
    def user(self, subscription: Any) -> SafeString | str:
        return user_link(subscription.customer.subscriber)

    @admin.display(description="customer")
    def customer_link(self, subscription: Any) -> SafeString:
        address = reverse("admin:billing_customer_change", args=[subscription.customer.pk])
        return text_link(address, subscription.customer_id)

    @labelled("status", STATUS_COLOURS, ordering="stripe_data__status")
    def status(self, subscription: Any) -> str | None:
        return in_short(facts_of(subscription).status)

    @labelled("tier", TIER_COLOURS)
    def tier(self, subscription: Any) -> str | None:
        standing = standing_of(subscription.customer.subscriber)
        is_the_one = standing is not None and standing.subscription_id == subscription.pk
        return standing.tier_at(timezone.now()) if standing and is_the_one else None

    @admin.display(description="plan")
    def plan(self, subscription: Any) -> str:
        items = (subscription.stripe_data.get("items") or {}).get("data") or []
        price = (items[0].get("price") or {}) if items else {}
        each = money(price.get("unit_amount"), price.get("currency"))
        interval = facts_of(subscription).interval
        return f"{each} a {interval}" if interval else each

    @admin.display(description="price")
    def price_id(self, subscription: Any) -> str:
        return facts_of(subscription).price_id or "-"

    @admin.display(description="period from")
    def period_start(self, subscription: Any) -> str:
        return moment(facts_of(subscription).current_period_start)

    @admin.display(description="paid until")
    def period_end(self, subscription: Any) -> str:
        return moment(facts_of(subscription).current_period_end)

    @admin.display(description="is to end")
    def ends(self, subscription: Any) -> str:
        facts = facts_of(subscription)
        return moment(facts.ends_at) if facts.status in OPEN_STATUSES else "-"

    @admin.action(description="Refresh from Stripe", permissions=["operate"])
    def refresh(self, request: HttpRequest, rows: QuerySet[Subscription]) -> None:
        self.for_each(request, rows, lambda row: self.refresh_as(request, row), "refreshed")

    @confirmed_action("Refresh", "It is read anew from Stripe.", icon="sync")
    def refresh_one(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        return self._do(request, object_id, self.refresh_as, "The subscription is refreshed.")

    @confirmed_action(
        "Cancel at the end", "It ends with the period that is paid.", icon="event_busy"
    )
    def cancel_at_period_end(
        self, request: HttpRequest, form: Any, object_id: str
    ) -> HttpResponse:
        return self._do(request, object_id, self.cancel_later_as, "The subscription is to end.")

    @confirmed_action(
        "Cancel now",
        "It ends at once, and with it what the plan allows. Nothing is paid back by this.",
        icon="cancel",
        is_dangerous=True,
    )
    def cancel_now(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        return self._do(request, object_id, self.cancel_now_as, "The subscription has ended.")

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        """Only the buttons that the state has a use for."""
        buttons: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        found = Subscription.objects.filter(pk=object_id).first()
        facts = facts_of(found) if found else None
        useless = []
        if facts is None or facts.status not in OPEN_STATUSES:
            useless = ["_cancel_at_period_end", "_cancel_now"]
        elif facts.cancel_at_period_end:
            useless = ["_cancel_at_period_end"]
        return [button for button in buttons if not button.action_name.endswith(tuple(useless))]

    def refresh_as(self, request: HttpRequest, row: Any) -> object:
        return subscriptions.refresh_as_staff(subscription_id=row.pk, actor=actor_of(request))

    def cancel_later_as(self, request: HttpRequest, row: Any) -> object:
        return subscriptions.cancel_as_staff(
            subscription_id=row.pk, is_immediate=False, actor=actor_of(request)
        )

    def cancel_now_as(self, request: HttpRequest, row: Any) -> object:
        return subscriptions.cancel_as_staff(
            subscription_id=row.pk, is_immediate=True, actor=actor_of(request)
        )

    def _do(
        self,
        request: HttpRequest,
        object_id: str,
        act: Callable[[HttpRequest, Any], object],
        done: str,
    ) -> HttpResponse:
        row = self.row_or_404(request, object_id)
        if attempt(request, lambda: act(request, row)):
            messages.success(request, done)
        return self.back(request, object_id)
