from django.contrib import admin
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from alice.common.admin_parts import text_link
from alice.common.admin_site import ChoiceFilter, ReadOnlyAdmin, labelled
from billing.admin.parts import TIER_COLOURS, user_link
from billing.admin.subscriptions import STATUS_COLOURS, in_short
from billing.models import Standing


class TierFilter(ChoiceFilter):
    title = "tier"
    parameter_name = "tier"

    def conditions(self) -> dict[str, tuple[str, Q]]:
        is_pro = Q(pro_until__gt=timezone.now())
        return {"pro": ("Pro", is_pro), "free": ("Free", ~is_pro)}


class GraceFilter(ChoiceFilter):
    title = "grace"
    parameter_name = "grace"

    def conditions(self) -> dict[str, tuple[str, Q]]:
        now = timezone.now()
        return {
            "runs": ("Runs", Q(grace_ends_at__gt=now)),
            "over": ("Is over", Q(grace_ends_at__lte=now)),
        }


@admin.register(Standing)
class StandingAdmin(ReadOnlyAdmin[Standing]):
    menu_group, menu_icon = "Billing", "workspace_premium"
    list_display = [
        "name",
        "tier_now",
        "status_label",
        "pro_until",
        "grace_ends_at",
        "ends_at",
        "changed_at",
    ]
    list_filter = [TierFilter, GraceFilter]
    list_select_related = ["user"]
    search_fields = ["user__username", "user__email"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("owner", "subscription"),
                    ("tier_now", "status_label"),
                    ("pro_until", "changed_at"),
                ]
            },
        ),
        ("Cancellation", {"fields": [("is_cancel_scheduled", "ends_at")]}),
        (
            "Grace",
            {"fields": [("past_due_since", "grace_ends_at"), "grace_ended_at"]},
        ),
    ]
    readonly_fields = ["owner", "subscription", "tier_now", "status_label"]

    @admin.display(description="user", ordering="user__username")
    def name(self, standing: Standing) -> str:
        return standing.user.username

    @admin.display(description="user")
    def owner(self, standing: Standing) -> SafeString | str:
        return user_link(standing.user)

    @admin.display(description="subscription")
    def subscription(self, standing: Standing) -> SafeString | str:
        if standing.subscription_id is None:
            return "-"
        address = reverse("admin:billing_subscription_change", args=[standing.subscription_id])
        return text_link(address, f"Subscription {standing.subscription_id}")

    @labelled("tier", TIER_COLOURS)
    def tier_now(self, standing: Standing) -> str:
        return standing.tier_at(timezone.now())

    @labelled("status", STATUS_COLOURS, ordering="status")
    def status_label(self, standing: Standing) -> str | None:
        return in_short(standing.status)
