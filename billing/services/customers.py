"""Who a user is at Stripe, and what becomes of that when the user leaves."""

import hashlib
from typing import Any

import stripe
from django.conf import settings
from django.db import transaction
from djstripe.models import Customer

from accounts.models import User
from billing.selectors import OPEN_STATUSES, customer_of
from billing.services.locks import lock_customer
from billing.services.mirroring import mirror_customer, mirror_subscription
from billing.stripe_api import BillingOff, GoneAtStripe, calling
from system.services.jobs import JobFailed, JobKind, JobRun, enqueue_job, register_job_kind

KIND = "billing.leave"
LEAVE_ATTEMPTS = 12  # some 12 hours


def customer_for(owner_id: int) -> tuple[Customer, bool]:
    """The customer of a user, made at Stripe if need be, and whether it is new.

    The caller holds `lock_buyer` and is inside of `calling()`.
    """
    customer = customer_of(owner_id)
    if customer is not None:
        return customer, False
    owner = User.objects.get(pk=owner_id)
    with calling() as key:
        made = _create(owner, key)
        return mirror_customer(made, key), True


def _create(owner: User, key: str) -> stripe.Customer:
    """A new customer. The same one when a crash lost the answer to the same request.

    Stripe keeps the answers to its idempotency keys for a day, failures and customers that were
    deleted since among them: then it is asked anew.
    """
    wanted: dict[str, Any] = {
        "email": owner.email,
        "name": owner.username,
        "metadata": {settings.DJSTRIPE_SUBSCRIBER_CUSTOMER_KEY: str(owner.pk)},
    }
    told = f"{settings.STRIPE_INSTALLATION} {owner.pk} {owner.email} {owner.username}"
    name = f"customer-{hashlib.sha256(told.encode()).hexdigest()}"
    try:
        made = stripe.Customer.create(api_key=key, idempotency_key=name, **wanted)
    except (stripe.APIError, stripe.IdempotencyError):
        return stripe.Customer.create(api_key=key, **wanted)
    if Customer.objects.filter(id=made.id).exclude(date_purged=None).exists():
        return stripe.Customer.create(api_key=key, **wanted)
    return made


def erase_customers(user_id: int) -> None:
    """Owe Stripe the end of all that a leaving user has there.

    A job without an owner, so that it outlives the account, and is tried until Stripe answers.
    """
    theirs = Customer.objects.filter(subscriber_id=user_id, date_purged=None)
    for customer_id in theirs.values_list("id", flat=True):
        enqueue_job(kind=KIND, arguments={"customer_id": customer_id}, twin_key=customer_id)


def leave(run: JobRun) -> dict[str, Any]:
    """Cancel the subscriptions of a customer whose user is gone, and close open checkouts.

    The customer and its invoices stay at Stripe: they are the books.
    """
    customer_id = run.arguments["customer_id"]
    try:
        with calling() as key, transaction.atomic():
            lock_customer(customer_id)
            return _end_everything(customer_id, key)
    except GoneAtStripe:
        return {"skipped": "The customer is gone at Stripe."}
    except BillingOff as off:
        raise JobFailed(off.detail) from off


def _end_everything(customer_id: str, key: str) -> dict[str, Any]:
    # First, so that nothing is bought behind our back.
    sessions = stripe.checkout.Session.list(customer=customer_id, status="open", api_key=key)
    for session in sessions.auto_paging_iter():
        stripe.checkout.Session.expire(session.id, api_key=key)
    found = stripe.Subscription.list(customer=customer_id, limit=100, api_key=key)
    cancelled = 0
    for subscription in found.auto_paging_iter():
        if subscription.status in OPEN_STATUSES:
            ended = stripe.Subscription.cancel(subscription.id, api_key=key)
            mirror_subscription(ended, key)
            cancelled += 1
    return {"cancelled": cancelled}


def register_kinds() -> None:
    """Make the workers know how a user leaves Stripe."""
    register_job_kind(JobKind(KIND, leave, attempts_max=LEAVE_ATTEMPTS))
