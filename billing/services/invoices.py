"""A user's invoices, as Stripe has them at this moment."""

from dataclasses import dataclass
from datetime import UTC, datetime

import stripe

from billing.selectors import customer_of
from billing.stripe_api import calling


@dataclass(frozen=True, slots=True)
class ShownInvoice:
    """Amounts are in the smallest unit of the currency."""

    id: str
    amount_due: int
    amount_paid: int
    currency: str
    status: str | None
    created: datetime
    invoice_pdf: str | None
    hosted_invoice_url: str | None


def invoices_of(*, owner_id: int, limit: int) -> list[ShownInvoice]:
    """The newest invoices, newest first; none, without a call, for who never bought.

    Raises `BillingOff`, or what Stripe's calls raise.
    """
    customer = customer_of(owner_id)
    if customer is None:
        return []
    with calling() as key:
        found = stripe.Invoice.list(customer=customer.id, limit=limit, api_key=key)
        return [_shown(invoice) for invoice in found.data]


def _shown(invoice: stripe.Invoice) -> ShownInvoice:
    return ShownInvoice(
        id=invoice.id or "",
        amount_due=invoice.amount_due,
        amount_paid=invoice.amount_paid,
        currency=invoice.currency,
        status=invoice.status,
        created=datetime.fromtimestamp(invoice.created, UTC),
        invoice_pdf=invoice.invoice_pdf,
        hosted_invoice_url=invoice.hosted_invoice_url,
    )
