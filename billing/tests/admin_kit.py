"""The admin of billing in the hands of tests: its pages, its buttons, and what it says."""

from django.contrib.auth.models import Permission
from django.db.models import Model
from django.test import Client
from djstripe.models import Subscription

from accounts.tests.factories import make_user
from billing.models import Standing
from billing.tests.mirrored import make_customer, make_event, make_invoice, make_subscription

NAMES = ("customer", "subscription", "invoice", "event", "standing")
CUSTOMERS, SUBSCRIPTIONS, INVOICES, EVENTS, STANDINGS = PAGES = [
    f"/admin/billing/{name}/" for name in NAMES
]
SUBMITTED = {"_form_submitted": "True"}


def clerk_page():
    """A browser of staff who may look at all and change nothing."""
    clerk = make_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    page = Client()
    page.force_login(clerk)
    return page


def make_all(user):
    """One row on each page."""
    customer = make_customer(user)
    subscription = make_subscription(customer)
    invoice = make_invoice(customer)
    event = make_event(id=subscription.id, customer=customer.id)
    return [customer, subscription, invoice, event, Standing.objects.get(user=user)]


def page_of(address, row, step="change"):
    return f"{address}{row.pk if isinstance(row, Model) else row}/{step}/"


def found(response):
    return {row.pk for row in response.context["cl"].queryset}


def shown(response):
    return [str(message) for message in response.context["messages"]]


def press(page, address, row, step):
    """Confirm a button of a row's page, and look at what the page says then."""
    answer = page.post(page_of(address, row, step), SUBMITTED)
    assert answer.status_code == 302
    return shown(page.get(page_of(address, row)))


def choose(page, address, action, *rows):
    """Do an action with several rows of a list, and look at what the page says then."""
    chosen = {"action": action, "_selected_action": [row.pk for row in rows], "index": 0}
    return shown(page.post(address, chosen, follow=True))


def row_of(stripe_id, model=Subscription):
    return model.objects.get(id=stripe_id)
