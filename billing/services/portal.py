"""Stripe's own pages for cards, plans and invoices."""

import stripe

from alice.common.errors import NotFound
from billing.selectors import customer_of
from billing.services.return_urls import require_own_url
from billing.stripe_api import calling


class NoCustomer(NotFound):
    code = "no_customer"
    detail = "There is nothing to manage yet: subscribe first."


def open_portal(*, owner_id: int, return_url: str) -> str:
    """The address of a portal session, good for some minutes and for this user only.

    Raises `Invalid`, `NoCustomer`, `BillingOff`, or what Stripe's calls raise.
    """
    require_own_url("return_url", return_url)
    customer = customer_of(owner_id)
    if customer is None:
        raise NoCustomer
    with calling() as key:
        session = stripe.billing_portal.Session.create(
            customer=customer.id, return_url=return_url, api_key=key
        )
        return session.url
