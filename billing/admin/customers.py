from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from alice.common.admin_parts import text_link
from alice.common.admin_site import ChoiceFilter, DayRangeFilter, labelled
from billing.admin.parts import TIER_COLOURS, MirroredAdmin, moment, standing_of, user_link
from billing.admin.subscriptions import STATUS_COLOURS, facts_of, in_short
from billing.models import Customer, Subscription

SUBSCRIPTIONS_SHOWN = 20


class CustomerFilter(ChoiceFilter):
    title = "account"
    parameter_name = "account"

    def conditions(self) -> dict[str, tuple[str, Q]]:
        return {
            "user": ("Of a user", Q(subscriber__isnull=False)),
            "gone": ("The user is gone", Q(subscriber=None)),
            "deleted": ("Deleted at Stripe", Q(date_purged__isnull=False)),
        }


@admin.register(Customer)
class CustomerAdmin(MirroredAdmin[Customer]):
    menu_icon = "account_balance_wallet"
    stripe_section = "customers"
    list_display = ["__str__", "mail", "tier", "status", "made", "deleted"]
    list_filter = [CustomerFilter, ("created", DayRangeFilter)]
    list_select_related = ["subscriber__standing"]
    search_fields = ["=id", "email", "subscriber__username", "subscriber__email"]
    search_help_text = "A user, an e-mail address or a whole id of Stripe's"
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("user", "mail"),
                    ("tier", "status"),
                    "at_stripe",
                    ("made", "deleted"),
                ]
            },
        ),
        ("Subscriptions", {"fields": ["subscriptions"]}),
        ("Stripe", {"classes": ["collapse"], "fields": ["stripe_json"]}),
    ]
    readonly_fields = [
        "user",
        "mail",
        "tier",
        "status",
        "at_stripe",
        "made",
        "deleted",
        "subscriptions",
        "stripe_json",
    ]

    @admin.display(description="user")
    def user(self, customer: Any) -> SafeString | str:
        return user_link(customer.subscriber)

    @admin.display(description="e-mail", ordering="email")
    def mail(self, customer: Any) -> str:
        return customer.email or "-"

    @labelled("tier", TIER_COLOURS)
    def tier(self, customer: Any) -> str | None:
        standing = standing_of(customer.subscriber)
        return standing.tier_at(timezone.now()) if standing else None

    @labelled("status", STATUS_COLOURS)
    def status(self, customer: Any) -> str | None:
        standing = standing_of(customer.subscriber)
        return in_short(standing.status) if standing else None

    @admin.display(description="deleted at Stripe", ordering="date_purged")
    def deleted(self, customer: Any) -> str:
        return moment(customer.date_purged)

    @admin.display(description="subscriptions")
    def subscriptions(self, customer: Any) -> SafeString | str:
        theirs = Subscription.objects.filter(customer_id=customer.id)[:SUBSCRIPTIONS_SHOWN]
        rows = [(link_to(row), moment(row.created)) for row in theirs]
        return format_html_join("", "<p>{}, since {}</p>", rows) or "-"


def link_to(subscription: Any) -> SafeString:
    facts = facts_of(subscription)
    address = reverse("admin:billing_subscription_change", args=[subscription.pk])
    return text_link(address, f"{in_short(facts.status)} {subscription.pk}")
