"""The admin of billing as people see it, in a real browser."""

from datetime import timedelta

import pytest
from django.utils import timezone
from djstripe.models import Subscription
from playwright.sync_api import expect

from accounts.tests.factories import PASSWORD, make_user
from billing.tests.kit import subscribed
from billing.tests.mirrored import (
    make_customer,
    make_event,
    make_invoice,
    make_subscription,
    price_of,
)


@pytest.fixture
def page(browser_page):
    """A browser in which a superuser is signed in."""
    make_user("chief", is_staff=True, is_superuser=True)
    browser_page.goto("/admin/login/?next=/admin/")
    browser_page.get_by_label("Username or e-mail address").fill("chief")
    browser_page.get_by_label("Password").fill(PASSWORD)
    browser_page.get_by_role("button", name="Log in").click()
    browser_page.wait_for_url("**/admin/")
    return browser_page


def a_year_of_business():
    now = timezone.now()
    for n in range(8):
        customer = make_customer(make_user(f"customer{n}"))
        price = price_of(4999, lookup_key="pro_monthly")
        status = ["active", "active", "past_due", "trialing"][n % 4]
        if n == 7:
            status = "canceled"
            price = price_of(49900, interval="year", lookup_key="pro_yearly")
        make_subscription(customer, status, price, begun=now - timedelta(days=31 * n + 1))
        for back in range(n + 1):
            currency = "eur" if n % 3 == 0 else "usd"
            make_invoice(customer, 4999, currency, at=now - timedelta(days=30 * back + 1))
        make_event(id=f"sub_{n}", customer=customer.id)
    return Subscription.objects.latest("created")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "light"), (1280, "dark")])
def test_every_page_fits_any_width(page, width, scheme):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    row = a_year_of_business()
    lists = [f"billing/{name}/" for name in ("customer", "invoice", "event", "standing")]

    for address in ["", *lists, "billing/subscription/", f"billing/subscription/{row.pk}/change/"]:
        page.goto(f"/admin/{address}")
        assert page.evaluate("document.documentElement.scrollWidth") == width, address


def test_the_overview_draws_what_is_earned(page):
    make_invoice(make_customer(make_user("ada")), 4999)

    page.goto("/admin/")

    month = f"{timezone.now():%b}"
    expect(page.locator(f'[role=img][aria-label*="{month}: 50 USD"]')).to_be_visible()


def test_a_subscription_is_cancelled_after_a_question(page, alice, stripe, deliver):
    stripe_id = subscribed(alice, stripe, deliver)
    row = Subscription.objects.get(id=stripe_id)
    page.goto(f"/admin/billing/subscription/{row.pk}/change/")

    page.get_by_role("link", name="Cancel now").click()
    assert stripe.get(stripe_id)["status"] == "active"
    page.get_by_role("button", name="Cancel now").click()

    expect(page.get_by_text("The subscription has ended.")).to_be_visible(timeout=20_000)
    expect(page.get_by_text("Canceled", exact=True).first).to_be_visible()
    assert stripe.get(stripe_id)["status"] == "canceled"
