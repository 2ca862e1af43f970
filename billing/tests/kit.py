"""What several tests of billing need."""

from django.db import connection
from djstripe.models import Customer, Event, Subscription

URLS = {"success_url": "https://app.example/yes", "cancel_url": "https://app.example/no"}
CHECKOUT, PLANS, PORTAL = "/api/billing/checkout", "/api/billing/plans", "/api/billing/portal"
SUBSCRIPTION, INVOICES = "/api/billing/subscription", "/api/billing/invoices"
CANCEL, REACTIVATE = f"{SUBSCRIPTION}/cancel", f"{SUBSCRIPTION}/reactivate"
WEBHOOK = "/api/billing/webhook"
NOW = {"cancel_immediately": "true"}


def customer_id_of(client):
    return Customer.objects.get(subscriber=client.user).id


def bought(client, stripe):
    """The events of a client's purchase, none of which was delivered."""
    session = client.post(CHECKOUT, URLS).json()["session_id"]
    return stripe.pay(session)


def subscribed(client, stripe, deliver):
    """A client who has bought, and the id of the subscription at Stripe."""
    answers = deliver(client, *bought(client, stripe))
    assert {answer.status_code for answer in answers} == {200}
    return Subscription.objects.get(customer__subscriber=client.user).id


def status_of(client):
    return client.get(SUBSCRIPTION).json()["status"]


def limit_of(client):
    """What the next request of a client is counted against."""
    return int(client.get("/api/jobs")["X-RateLimit-Limit"])


def rows_of_stripe():
    """How many rows there are of what Stripe may fill."""
    return {model.__name__: model.objects.count() for model in (Customer, Event, Subscription)}


def size_of_database():
    """Rows of every table of dj-stripe's and ours."""
    with connection.cursor() as cursor:
        names = [
            name
            for name in connection.introspection.table_names(cursor)
            if name.startswith(("djstripe_", "billing_"))
        ]
        counts = {}
        for name in names:
            cursor.execute(f'SELECT count(*) FROM "{name}"')  # noqa: S608 - our own names
            (counts[name],) = cursor.fetchone()
    return counts
