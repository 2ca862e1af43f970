"""Rows as dj-stripe stores them, made without Stripe: for what only reads them."""

import itertools
from datetime import UTC, datetime, timedelta

from django.utils import timezone
from djstripe.models import Customer, Event, Invoice, Subscription

numbers = itertools.count(1)


def stamp(moment):
    return int(moment.timestamp())


def make_customer(user=None, **fields):
    known = {"email": user.email if user else "", "subscriber": user, "livemode": False}
    return Customer.objects.create(
        id=f"cus_{next(numbers)}", created=timezone.now(), **known | fields
    )


def price_of(amount=4999, currency="usd", interval="month", **given):
    recurring = {"interval": interval, "interval_count": given.pop("interval_count", 1)}
    return {
        "id": f"price_{amount}{interval}",
        "lookup_key": None,
        "nickname": None,
        "unit_amount": amount,
        "currency": currency,
        "recurring": recurring,
        **given,
    }


def make_subscription(customer, status="active", price=None, quantity=1, **sent):
    """A subscription in its first month; `sent` is what Stripe said beside that."""
    begun = sent.pop("begun", timezone.now())
    item = {
        "price": price or price_of(),
        "quantity": quantity,
        "current_period_start": stamp(begun),
        "current_period_end": stamp(begun + timedelta(days=30)),
    }
    data = {"status": status, "items": {"data": [item]}, "cancel_at_period_end": False, **sent}
    return Subscription.objects.create(
        id=f"sub_{next(numbers)}",
        customer=customer,
        created=begun,
        livemode=False,
        stripe_data=data,
    )


def make_invoice(customer, amount=4999, currency="usd", status="paid", **sent):
    """An invoice of now, paid at once; `at` is another moment."""
    at = sent.pop("at", timezone.now())
    number = next(numbers)
    paid_at = stamp(at) if status == "paid" else None
    data = {
        "number": f"A-{number:04}",
        "status": status,
        "currency": currency,
        "amount_due": amount,
        "amount_paid": amount if status == "paid" else 0,
        "amount_remaining": 0 if status == "paid" else amount,
        "status_transitions": {"paid_at": paid_at},
        "hosted_invoice_url": f"https://invoice.stripe.com/i/{number}",
        "invoice_pdf": f"https://pay.stripe.com/invoice/{number}/pdf",
        "lines": {"data": [{"description": "1 x Pro", "amount": amount, "currency": currency}]},
        **sent,
    }
    return Invoice.objects.create(
        id=f"in_{number}", customer=customer, created=at, livemode=False, stripe_data=data
    )


def make_event(kind="customer.subscription.updated", **about):
    """An event about an object of which `about` tells."""
    about = {"id": "sub_1", "object": "subscription", "customer": "cus_1"} | about
    number = next(numbers)
    return Event.objects.create(
        id=f"evt_{number}",
        type=kind,
        created=datetime(2026, 11, 1, tzinfo=UTC),
        livemode=False,
        data={"object": about},
        stripe_data={"id": f"evt_{number}", "type": kind},
    )
