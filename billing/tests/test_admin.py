"""The admin of billing: what it shows, finds and does not let anybody edit."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from djstripe.models import Event, Subscription

from accounts.tests.factories import make_user
from billing.admin.parts import money
from billing.models import Standing
from billing.tests.admin_kit import (
    CUSTOMERS,
    EVENTS,
    INVOICES,
    PAGES,
    STANDINGS,
    SUBSCRIPTIONS,
    clerk_page,
    found,
    make_all,
    page_of,
)
from billing.tests.mirrored import make_customer, make_invoice, make_subscription

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("address", PAGES)
def test_every_page_opens_without_keys_and_without_rows(admin_page, address):
    response = admin_page.get(address)

    assert response.status_code == 200
    assert response.context["cl"].result_count == 0


@pytest.mark.parametrize("rows", [1, 20])
@pytest.mark.parametrize("address", PAGES)
def test_a_list_costs_the_same_however_many_rows(
    admin_page, django_assert_num_queries, rows, address
):
    for _ in range(rows):
        make_all(make_user())

    with django_assert_num_queries(4):
        response = admin_page.get(address)

    assert response.context["cl"].result_count == rows


@pytest.mark.parametrize("at", range(5))
def test_a_row_s_page_opens_and_nothing_on_it_can_be_edited(admin_page, alice, at):
    row = make_all(alice.user)[at]
    before = type(row).objects.filter(pk=row.pk).values().get()

    answers = [
        admin_page.get(page_of(PAGES[at], row)),
        admin_page.post(page_of(PAGES[at], row), {"email": "x", "tier": "pro"}),
        admin_page.get(f"{PAGES[at]}add/"),
        admin_page.post(page_of(PAGES[at], row, "delete"), {"post": "yes"}),
    ]

    assert [answer.status_code for answer in answers] == [200, 403, 403, 403]
    assert type(row).objects.filter(pk=row.pk).values().get() == before


@pytest.mark.parametrize("address", PAGES)
def test_only_staff_with_the_right_see_a_list(client, address):
    client.force_login(make_user("plain"))
    newcomer = Client()
    newcomer.force_login(make_user("newcomer", is_staff=True))

    assert client.get(address).headers["Location"].startswith("/admin/login/")
    assert newcomer.get(address).status_code == 403
    assert clerk_page().get(address).status_code == 200


@pytest.mark.parametrize("model", ["customer", "invoice", "subscription", "apikey"])
def test_dj_stripe_has_no_pages_of_its_own(admin_page, model):
    assert admin_page.get(f"/admin/djstripe/{model}/").status_code == 404


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        (4999, "usd", "49.99 USD"),
        (123456789, "eur", "1,234,567.89 EUR"),
        (500, "jpy", "500 JPY"),
        (1234, "kwd", "1.234 KWD"),
        (0, "usd", "0.00 USD"),
        (-500, "usd", "-5.00 USD"),
        (None, "usd", "-"),
        (5, None, "-"),
    ],
)
def test_money_is_written_as_people_write_it(amount, currency, written):
    assert money(amount, currency) == written


def test_a_subscription_is_shown_with_user_plan_and_period(admin_page, alice):
    make_all(alice.user)

    html = admin_page.get(SUBSCRIPTIONS).content.decode()

    assert "49.99 USD a month" in html
    assert all(word in html for word in ("alice", "Active", "pro"))


@pytest.mark.parametrize("at", range(5))
def test_a_list_leads_to_the_page_of_its_row(admin_page, alice, at):
    row = make_all(alice.user)[at]

    html = admin_page.get(PAGES[at]).content.decode()

    assert f'href="{page_of(PAGES[at], row)}' in html


def test_an_invoice_is_shown_in_the_currency_s_own_unit(admin_page, alice):
    invoice = make_all(alice.user)[2]

    html = admin_page.get(page_of(INVOICES, invoice)).content.decode()

    assert "49.99 USD" in html
    assert "4,999" not in html
    assert f'href="{invoice.stripe_data["invoice_pdf"]}"' in html


@pytest.mark.parametrize("address", ["javascript:alert(1)", "http://x.example/", None, ""])
def test_a_link_that_leads_to_no_web_page_is_none(admin_page, alice, address):
    invoice = make_invoice(make_customer(alice.user), invoice_pdf=address)

    html = admin_page.get(page_of(INVOICES, invoice)).content.decode()

    assert f'href="{address}"' not in html


def test_rows_that_lack_what_stripe_usually_sends_are_shown(admin_page, alice):
    customer = make_customer(None, stripe_data={})
    rows = {
        CUSTOMERS: customer,
        SUBSCRIPTIONS: Subscription.objects.create(id="sub_x", customer=customer, stripe_data={}),
        EVENTS: Event.objects.create(id="evt_x", type="x", data={}, stripe_data={}),
        INVOICES: make_invoice(customer, currency=None, lines=None, number=None),
    }

    for address, row in rows.items():
        assert admin_page.get(address).status_code == 200
        assert admin_page.get(page_of(address, row)).status_code == 200


@pytest.mark.parametrize(
    ("wanted", "statuses"),
    [("active", {"active"}), ("past_due", {"past_due"}), ("canceled", {"canceled"})],
)
def test_subscriptions_are_found_by_status(admin_page, wanted, statuses):
    rows = {
        status: make_subscription(make_customer(make_user()), status)
        for status in ("active", "past_due", "canceled")
    }

    answer = admin_page.get(SUBSCRIPTIONS, {"status": wanted})

    assert found(answer) == {rows[status].pk for status in statuses}


def test_subscriptions_that_are_to_end_are_found(admin_page):
    later = timezone.now() + timedelta(days=9)
    by_flag, by_date, _running, _over = (
        make_subscription(make_customer(make_user()), status, **sent)
        for status, sent in [
            ("active", {"cancel_at_period_end": True}),
            ("active", {"cancel_at": int(later.timestamp())}),
            ("active", {"cancel_at": None}),
            ("canceled", {"cancel_at_period_end": True}),
        ]
    )

    answer = admin_page.get(SUBSCRIPTIONS, {"cancellation": "scheduled"})

    assert found(answer) == {by_flag.pk, by_date.pk}


@pytest.mark.parametrize("at", range(4))
def test_rows_are_found_by_user_or_whole_id(admin_page, at):
    mine, others = make_all(make_user("ada")), make_all(make_user("eve"))
    row = mine[at]

    assert found(admin_page.get(PAGES[at], {"q": row.id})) == {row.pk}
    wanted = {row.pk} if PAGES[at] != EVENTS else set()
    assert found(admin_page.get(PAGES[at], {"q": "ada"})) == wanted
    assert others[at].pk not in found(admin_page.get(PAGES[at], {"q": row.id}))


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"grace": "runs"}, {"ada"}),
        ({"grace": "over"}, {"bob"}),
        ({"tier": "pro"}, {"ada"}),
        ({"tier": "free"}, {"bob", "eve"}),
        ({"tier": "x", "grace": "y"}, {"ada", "bob", "eve"}),
    ],
)
def test_standings_are_found_by_tier_and_grace(admin_page, query, names):
    now = timezone.now()
    for name, hours in (("ada", 1), ("bob", -1)):
        moment = now + timedelta(hours=hours)
        Standing.objects.create(
            user=make_user(name),
            pro_until=moment,
            past_due_since=now,
            grace_ends_at=moment,
            changed_at=now,
        )
    Standing.objects.create(user=make_user("eve"), changed_at=now)

    rows = admin_page.get(STANDINGS, query).context["cl"].queryset

    assert {row.user.username for row in rows} == names
