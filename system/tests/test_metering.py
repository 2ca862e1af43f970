"""What users spend by the month: never more than the limit, however many spend at once."""

import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from system.models import Meter, UsageMonth
from system.services import metering
from system.services.metering import Spending, spend_or_refuse, spent
from system.tasks import clear_expired_records

TOKENS = Meter.AI_TOKENS
OWNER = 7

pytestmark = pytest.mark.django_db


@pytest.fixture
def today(monkeypatch):
    """`today("2026-12-31T23:59:59Z")` sets the clock of the meter."""

    def turn(moment):
        monkeypatch.setattr(metering.timezone, "now", lambda: datetime.fromisoformat(moment))

    turn("2026-11-22T12:00:00+00:00")
    return turn


def spend(amount, limit=100, owner_id=OWNER, meter=TOKENS):
    return spend_or_refuse(owner_id=owner_id, meter=meter, amount=amount, limit=limit)


def used(owner_id=OWNER, meter=TOKENS):
    return spent(owner_id=owner_id, meter=meter)


def test_what_is_spent_adds_up_to_the_limit_and_no_further(today):
    assert spend(60) == Spending(OWNER, TOKENS, date(2026, 11, 1), 60)
    assert spend(41) is None
    assert used() == 60
    assert spend(40).amount == 40
    assert spend(1) is None
    assert used() == 100


def test_what_is_too_much_at_once_leaves_no_row():
    assert spend(101) is None

    assert not UsageMonth.objects.exists()


def test_a_limit_of_nothing_lets_nothing_pass_but_nothing():
    assert spend(1, limit=0) is None
    assert spend(0, limit=0).amount == 0
    assert used() == 0


def test_users_and_meters_are_counted_apart():
    spend(100)

    assert spend(100, owner_id=8)
    assert spend(100, meter=Meter.TRANSCODE_SECONDS)
    assert (used(), used(owner_id=9)) == (100, 0)


def test_every_month_begins_at_nothing_in_utc(today):
    today("2026-12-31T23:59:59.999999+00:00")
    spend(100)

    today("2027-01-01T00:00:00+00:00")

    assert used() == 0
    assert spend(100).month == date(2027, 1, 1)


def test_what_is_given_back_goes_to_the_month_it_was_spent_in(today):
    november = spend(70)
    today("2026-12-01T00:00:00+00:00")
    spend(30)

    metering.give_back(november)

    amounts = UsageMonth.objects.order_by("month").values_list("month", "amount")
    assert list(amounts) == [(date(2026, 11, 1), 0), (date(2026, 12, 1), 30)]


def test_no_more_can_be_given_back_than_is_there():
    spending = spend(5)
    metering.give_back(spending)

    metering.give_back(spending)

    assert used() == 0


def test_an_estimate_is_corrected_to_what_it_came_to():
    first = metering.correct(spend(50), amount=20)
    second = metering.correct(spend(80), amount=95)

    assert (first.amount, second.amount, used()) == (20, 95, 115)
    assert spend(1) is None


def test_a_limit_that_shrank_refuses_more_and_takes_nothing_away():
    spend(100)

    assert spend(1, limit=10) is None
    assert used() == 100


def test_spending_costs_one_statement(django_assert_num_queries):
    with django_assert_num_queries(1):
        spend(1)
    with django_assert_num_queries(1):
        used()


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_exactly_the_limit_is_spent():
    together, outcomes = threading.Barrier(8), []

    def run():
        together.wait()
        outcomes.extend(spend(10, limit=250) is not None for _ in range(5))
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (outcomes.count(True), outcomes.count(False)) == (25, 15)
    assert used() == 250


@pytest.mark.parametrize(
    "fields",
    [{"month": date(2026, 11, 2)}, {"meter": "coffee"}, {"amount": -1}],
)
def test_the_database_refuses_what_cannot_be(fields):
    row = {"owner_id": 1, "month": date(2026, 11, 1), "meter": TOKENS, "amount": 0} | fields

    with pytest.raises(IntegrityError), transaction.atomic():
        UsageMonth.objects.create(**row)


def test_who_leaves_leaves_no_count(alice, bob):
    spend(1, owner_id=alice.user.pk)
    spend(1, owner_id=bob.user.pk)

    assert alice.delete("/api/auth/me").status_code == 204

    assert UsageMonth.objects.get().owner_id == bob.user.pk


def test_months_go_when_nobody_asks_for_them_any_more(settings, today):
    settings.USAGE_KEPT = timedelta(days=31)
    months = [datetime(2026, month, 1, tzinfo=UTC).date() for month in (9, 10, 11)]
    for month in months:
        UsageMonth.objects.create(owner_id=OWNER, month=month, meter=TOKENS, amount=1)

    assert clear_expired_records() == 1

    assert set(UsageMonth.objects.values_list("month", flat=True)) == set(months[1:])


@pytest.mark.parametrize("rows", [1, 20])
def test_staff_see_who_spent_what_and_change_nothing(admin_page, django_assert_num_queries, rows):
    for owner_id in range(1, rows + 1):
        spend(5, owner_id=owner_id)
    pages = "/admin/system/usagemonth/"

    with django_assert_num_queries(4):
        listed = admin_page.get(pages)

    row = UsageMonth.objects.first()
    answers = [
        admin_page.get(f"{pages}{row.pk}/change/"),
        admin_page.post(f"{pages}{row.pk}/change/", {"amount": 0}),
        admin_page.get(f"{pages}add/"),
    ]
    assert listed.context["cl"].result_count == rows
    assert [answer.status_code for answer in answers] == [200, 403, 403]
    assert UsageMonth.objects.first().amount == 5
