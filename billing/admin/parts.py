"""What the pages on what is mirrored from Stripe have in common."""

from datetime import datetime
from typing import Any, cast

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.models import User
from alice.common.admin_parts import text_link
from alice.common.admin_site import ChoiceFilter, ReadOnlyAdmin, Row, pretty_json
from billing.models import Standing
from billing.selectors import THREE_DECIMALS, ZERO_DECIMALS, major_units

DASHBOARD = "https://dashboard.stripe.com"
TIER_COLOURS = {"pro": "primary", "free": "info"}


class MirroredAdmin(ReadOnlyAdmin[Row]):
    """Rows that only Stripe changes: what is to be otherwise goes through it."""

    menu_group = "Billing"
    stripe_section = ""

    @admin.display(description="at Stripe")
    def at_stripe(self, row: Any) -> SafeString | str:
        mode = "" if row.livemode else "test/"
        return outside_link(f"{DASHBOARD}/{mode}{self.stripe_section}/{row.id}", row.id)

    @admin.display(description="created", ordering="created")
    def made(self, row: Any) -> str:
        return moment(row.created)

    @admin.display(description="as Stripe sent it")
    def stripe_json(self, row: Any) -> SafeString:
        return pretty_json(row.stripe_data)


class StatusFilter(ChoiceFilter):
    """Rows by the status that Stripe gives them."""

    title = "status"
    parameter_name = "status"
    statuses: tuple[str, ...] = ()

    def conditions(self) -> dict[str, tuple[str, Q]]:
        return {word: (spoken(word), Q(stripe_data__status=word)) for word in self.statuses}


def actor_of(request: HttpRequest) -> User:
    return cast("User", request.user)


def spoken(word: str) -> str:
    """A word of Stripe's for people: past_due is Past due."""
    return word.replace("_", " ").capitalize()


def money(amount: int | None, currency: str | None) -> str:
    """An amount of Stripe's as people write it: 4999 and usd are 49.99 USD."""
    if amount is None or not currency:
        return "-"
    places = 0 if currency in ZERO_DECIMALS else 3 if currency in THREE_DECIMALS else 2
    return f"{major_units(amount, currency):,.{places}f} {currency.upper()}"


def moment(at: datetime | None) -> str:
    """A point in time as the admin's own columns show one."""
    return date_format(at, "DATETIME_FORMAT") if at else "-"


def user_link(user: User | None) -> SafeString | str:
    if user is None:
        return "-"
    return text_link(reverse("admin:accounts_user_change", args=[user.pk]), user.username)


def outside_link(address: str, text: str) -> SafeString | str:
    """A link that leaves the admin; the plain text where it would not go to a web page."""
    if not address.startswith("https://"):
        return text
    return format_html(
        '<a class="text-primary-600 dark:text-primary-500" rel="noreferrer" target="_blank"'
        ' href="{}" style="overflow-wrap: anywhere">{}</a>',
        address,
        text,
    )


def standing_of(user: User | None) -> Standing | None:
    """The standing that came along with the user's row."""
    return getattr(user, "standing", None)
