"""GET /api/billing/invoices and plans, POST /api/billing/portal."""

from datetime import datetime

import pytest

from billing.tests.kit import INVOICES, PLANS, PORTAL, customer_id_of, subscribed

pytestmark = pytest.mark.django_db
FIELDS = ["amount_due", "amount_paid", "created", "currency", "hosted_invoice_url", "id"]
BACK = {"return_url": "https://app.example/account"}


def test_an_invoice_has_the_fields_of_the_contract(alice, stripe, deliver):
    subscribed(alice, stripe, deliver)

    (invoice,) = alice.get(INVOICES).json()

    assert sorted(invoice) == [*FIELDS, "invoice_pdf", "status"]
    assert (invoice["amount_due"], invoice["amount_paid"]) == (4999, 4999)
    assert (invoice["currency"], invoice["status"]) == ("usd", "paid")
    assert invoice["id"].startswith("in_")
    assert datetime.fromisoformat(invoice["created"]).tzinfo


def test_invoices_come_newest_first_and_as_many_as_asked_for(alice, stripe, deliver):
    stripe_id = subscribed(alice, stripe, deliver)
    for _ in range(11):
        stripe.end_period(stripe_id)

    by_default, one = alice.get(INVOICES).json(), alice.get(f"{INVOICES}?limit=1").json()
    everything = alice.get(f"{INVOICES}?limit=100").json()

    assert [len(by_default), len(one), len(everything)] == [10, 1, 12]
    assert by_default == everything[:10]
    created = [invoice["created"] for invoice in everything]
    assert created == sorted(created, reverse=True)


@pytest.mark.parametrize("limit", ["0", "-1", "101", "abc", "", "1&limit=2", "1.5"])
def test_a_limit_that_is_none_is_refused(alice, stripe, deliver, limit):
    subscribed(alice, stripe, deliver)
    calls = len(stripe.requests)

    answer = alice.get(f"{INVOICES}?limit={limit}")

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["limit"])
    assert len(stripe.requests) == calls


def test_the_plans_are_those_of_stripe_the_default_first(alice, stripe):
    monthly, yearly = alice.get(PLANS).json()

    assert monthly == {
        "plan": "pro_monthly",
        "price_id": stripe.monthly_price,
        "name": "Alice Pro",
        "tier": "pro",
        "price": 49.99,
        "currency": "usd",
        "interval": "month",
        "interval_count": 1,
    }
    assert (yearly["plan"], yearly["price"], yearly["interval"]) == ("pro_yearly", 499.0, "year")


def test_plans_are_remembered(alice, bob, stripe):
    assert alice.get(PLANS).json() == bob.get(PLANS).json()

    assert len(stripe.calls("GET", "/v1/prices")) == 1


def test_one_price_can_be_set_and_is_then_the_only_one(alice, stripe, settings):
    settings.STRIPE_PRICE_ID = stripe.yearly_price

    assert [plan["price_id"] for plan in alice.get(PLANS).json()] == [stripe.yearly_price]


@pytest.mark.parametrize("price", ["price_unknown", ""])
def test_without_a_price_the_settings_are_named(alice, stripe, settings, price):
    settings.STRIPE_PRICE_ID, settings.STRIPE_LOOKUP_KEYS = price, ["of_nobody"]

    answer = alice.get(PLANS)

    assert (answer.status_code, answer.json()["code"]) == (503, "no_plan")
    assert "STRIPE_PRICE_ID" in answer.json()["detail"]


def test_the_portal_is_the_users_own(alice, stripe, deliver):
    subscribed(alice, stripe, deliver)

    answer = alice.post(PORTAL, BACK)

    (call,) = stripe.calls("POST", "/v1/billing_portal/sessions")
    assert (answer.status_code, list(answer.json())) == (200, ["url"])
    assert call.params == {"customer": customer_id_of(alice), **BACK}


def test_who_never_bought_has_no_portal(alice, stripe):
    answer = alice.post(PORTAL, BACK)

    assert (answer.status_code, answer.json()["code"]) == (404, "no_customer")
    assert stripe.requests == []


@pytest.mark.parametrize("url", ["javascript:alert(1)", "", "http://evil.example/"])
def test_the_portal_leads_back_to_own_pages_only(alice, stripe, deliver, url):
    subscribed(alice, stripe, deliver)

    assert alice.post(PORTAL, {"return_url": url}).status_code == 400
    assert stripe.calls("POST", "/v1/billing_portal/sessions") == []
