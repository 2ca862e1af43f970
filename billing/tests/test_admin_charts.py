"""What is earned, as the first page of the admin draws it."""

import json
from datetime import UTC, datetime

import pytest
from django.test import RequestFactory

from accounts.tests.factories import make_user
from alice.common.admin_cards import Card, Series
from billing.admin import charts
from billing.tests.mirrored import (
    make_customer,
    make_invoice,
    make_subscription,
    price_of,
    stamp,
)

pytestmark = pytest.mark.django_db

SOURCES = [charts.recurring_revenue, charts.paid_invoices, charts.subscriptions_by_month]
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def november(monkeypatch):
    monkeypatch.setattr(charts.timezone, "now", lambda: NOW)


@pytest.fixture
def first_page(staff):
    request = RequestFactory().get("/admin/")
    request.user = staff.user
    return request


@pytest.fixture
def customer(alice):
    return make_customer(alice.user)


def month(number, year=2026, day=5):
    return datetime(year, number, day, tzinfo=UTC)


def of_month(card, label):
    """The values of a month by their series."""
    at = card.labels.index(label)
    return {series.name: series.values[at] for series in card.series}


@pytest.mark.parametrize("source", SOURCES)
def test_an_empty_database_draws_an_empty_picture(first_page, source):
    card = source(first_page)

    assert card.figure == 0
    assert json.loads(card.data)["datasets"]
    assert all(not any(series.values) for series in card.series)


def test_recurring_revenue_is_brought_to_a_month(first_page, customer):
    prices = [
        price_of(5000, nickname="Monthly"),
        price_of(60000, interval="year", lookup_key="pro_yearly"),
        price_of(30000, interval="month", interval_count=3, nickname="Quarterly"),
        price_of(700, interval="week", nickname="Weekly"),
    ]
    for price in prices:
        make_subscription(customer, price=price)
    make_subscription(customer, "past_due", price=prices[0], quantity=2)

    card = charts.recurring_revenue(first_page)

    # 50 + 2 x 50, 600 / 12, 300 / 3, 7 x 365 / 84
    assert (card.figure, card.note) == (330, "USD a month, by plan")
    assert dict(zip(card.labels, card.values, strict=True)) == {
        "Monthly (2)": 150,
        "Quarterly (1)": 100,
        "pro_yearly (1)": 50,
        "Weekly (1)": 30,
    }


@pytest.mark.parametrize("status", ["trialing", "canceled", "unpaid", "paused", "incomplete"])
def test_what_brings_nothing_yet_or_any_more_is_left_out(first_page, customer, status):
    make_subscription(customer, status)

    assert charts.recurring_revenue(first_page).figure == 0


def test_the_largest_currency_is_drawn_and_the_others_are_named(first_page, customer):
    make_subscription(customer, price=price_of(1000, "usd"))
    make_subscription(customer, price=price_of(5000, "eur"))
    make_subscription(customer, price=price_of(20, "jpy"))

    card = charts.recurring_revenue(first_page)

    assert (card.figure, card.note) == (50, "EUR a month and 20 JPY and 10 USD, by plan")
    assert len(card.labels) == 1


def test_paid_invoices_are_summed_by_month_and_currency(first_page, customer):
    make_invoice(customer, 4999, at=month(11))
    make_invoice(customer, 5001, at=month(11, day=30))
    make_invoice(customer, 300, currency="jpy", at=month(11))
    make_invoice(customer, 700, at=month(10))
    make_invoice(customer, 9999, status="open", at=month(11))
    make_invoice(customer, 9999, at=month(11, year=2025))

    card = charts.paid_invoices(first_page)

    assert (card.figure, card.note) == (300, "JPY this month")
    assert of_month(card, "Nov") == {"USD": 100, "JPY": 300}
    assert of_month(card, "Oct") == {"USD": 7, "JPY": 0}
    assert (card.labels[0], card.labels[-1], len(card.labels)) == ("Dec", "Nov", 12)


def test_an_invoice_counts_in_the_month_it_is_paid_in(first_page, customer):
    transitions = {"paid_at": stamp(month(11, day=1))}
    make_invoice(customer, 5000, at=month(10, day=31), status_transitions=transitions)

    assert of_month(charts.paid_invoices(first_page), "Nov") == {"USD": 50}


def test_new_and_ended_subscriptions_are_counted_by_month(first_page, customer):
    make_subscription(customer, begun=month(11))
    make_subscription(customer, "past_due", begun=month(10))
    make_subscription(customer, "canceled", begun=month(10), ended_at=stamp(month(11)))
    make_subscription(customer, "incomplete_expired", begun=month(11), ended_at=stamp(month(11)))

    card = charts.subscriptions_by_month(first_page)

    assert card.figure == 2
    assert of_month(card, "Nov") == {"new": 1, "ended": 1}
    assert of_month(card, "Oct") == {"new": 2, "ended": 0}


def test_a_live_site_leaves_test_rows_out(first_page, customer, settings):
    make_subscription(customer, begun=month(11))
    make_invoice(customer, at=month(11))
    settings.STRIPE_SECRET_KEY, settings.STRIPE_LIVE_MODE = "sk_live_x", True

    assert [source(first_page).figure for source in SOURCES] == [0, 0, 0]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("rows", [1, 10])
def test_a_picture_costs_one_query_however_many_rows(
    first_page, source, rows, django_assert_num_queries
):
    for _ in range(rows):
        customer = make_customer(make_user())
        make_subscription(customer)
        make_invoice(customer)

    with django_assert_num_queries(1):
        source(first_page)


@pytest.mark.parametrize("source", SOURCES)
def test_who_may_not_see_the_rows_does_not_see_their_sum(source):
    request = RequestFactory().get("/admin/")
    request.user = make_user("clerk", is_staff=True)

    assert source(request) is None


def test_the_first_page_shows_them(admin_page, customer):
    make_subscription(customer)

    html = admin_page.get("/admin/").content.decode()

    assert all(title in html for title in ("Recurring revenue", "Paid invoices", "Subscriptions"))


def test_a_card_of_several_series_is_told_in_words_too():
    card = Card(
        title="Rain",
        figure=3,
        note="mm",
        chart="bar",
        labels=["Mon", "Tue"],
        series=[Series("here", [1, 2], "red"), Series("there", [0, 4], "blue")],
    )

    assert card.summary == "Mon: 1 here, 0 there; Tue: 2 here, 4 there"
    assert [each["label"] for each in json.loads(card.data)["datasets"]] == ["here", "there"]
    assert json.loads(card.options)["plugins"]["legend"]["position"] == "bottom"
