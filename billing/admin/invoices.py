from typing import Any

from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from alice.common.admin_site import DayRangeFilter, labelled
from billing.admin.parts import (
    MirroredAdmin,
    StatusFilter,
    money,
    outside_link,
    spoken,
    user_link,
)
from billing.models import Invoice

COLOURS = {"draft": "info", "open": "warning", "paid": "success", "uncollectible": "danger"}
STATUS_COLOURS = {spoken(word): colour for word, colour in COLOURS.items()}
LINES_SHOWN = 50


class InvoiceStatusFilter(StatusFilter):
    statuses = (*COLOURS, "void")


@admin.register(Invoice)
class InvoiceAdmin(MirroredAdmin[Invoice]):
    menu_icon = "receipt_long"
    stripe_section = "invoices"
    list_display = ["number", "user", "status", "due", "paid", "made"]
    list_filter = [InvoiceStatusFilter, ("created", DayRangeFilter)]
    list_select_related = ["customer__subscriber"]
    search_fields = [
        "=id",
        "stripe_data__number",
        "=customer__id",
        "customer__email",
        "customer__subscriber__username",
    ]
    search_help_text = "A number, a user, an e-mail address or a whole id of Stripe's"
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("number", "status"),
                    ("user", "made"),
                    ("due", "paid"),
                    ("remaining", "attempts"),
                    "lines",
                    ("page", "pdf"),
                    "at_stripe",
                ]
            },
        ),
        ("Stripe", {"classes": ["collapse"], "fields": ["stripe_json"]}),
    ]
    readonly_fields = [
        "number",
        "status",
        "user",
        "made",
        "due",
        "paid",
        "remaining",
        "attempts",
        "lines",
        "page",
        "pdf",
        "at_stripe",
        "stripe_json",
    ]

    @admin.display(description="number", ordering="stripe_data__number")
    def number(self, invoice: Any) -> str:
        return str(invoice.stripe_data.get("number") or invoice.id)

    @admin.display(description="user", ordering="customer__subscriber__username")
    def user(self, invoice: Any) -> SafeString | str:
        return user_link(invoice.customer.subscriber)

    @labelled("status", STATUS_COLOURS, ordering="stripe_data__status")
    def status(self, invoice: Any) -> str | None:
        word = invoice.stripe_data.get("status")
        return spoken(word) if word else None

    @admin.display(description="due")
    def due(self, invoice: Any) -> str:
        return self._amount(invoice, "amount_due")

    @admin.display(description="paid")
    def paid(self, invoice: Any) -> str:
        return self._amount(invoice, "amount_paid")

    @admin.display(description="still to pay")
    def remaining(self, invoice: Any) -> str:
        return self._amount(invoice, "amount_remaining")

    @admin.display(description="attempts to collect it")
    def attempts(self, invoice: Any) -> int:
        return invoice.stripe_data.get("attempt_count") or 0

    @admin.display(description="for")
    def lines(self, invoice: Any) -> SafeString | str:
        lines = (invoice.stripe_data.get("lines") or {}).get("data") or []
        rows = [
            (line.get("description") or "-", money(line.get("amount"), line.get("currency")))
            for line in lines[:LINES_SHOWN]
        ]
        return format_html_join("", "<p>{}: {}</p>", rows) or "-"

    @admin.display(description="page of the invoice")
    def page(self, invoice: Any) -> SafeString | str:
        address = invoice.stripe_data.get("hosted_invoice_url") or ""
        return outside_link(address, "Open") if address else "-"

    @admin.display(description="PDF")
    def pdf(self, invoice: Any) -> SafeString | str:
        address = invoice.stripe_data.get("invoice_pdf") or ""
        return outside_link(address, "Download") if address else "-"

    def _amount(self, invoice: Any, name: str) -> str:
        return money(invoice.stripe_data.get(name), invoice.stripe_data.get("currency"))
