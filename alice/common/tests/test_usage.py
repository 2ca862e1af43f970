"""How much is used, asked of whoever counts it."""

from datetime import UTC, datetime

import pytest

from alice.common import tiers, usage
from alice.common.tests.kit import entitle
from alice.common.usage import Usage


@pytest.fixture(autouse=True)
def registries(monkeypatch):
    monkeypatch.setattr(tiers, "_sources", [])
    monkeypatch.setattr(usage, "_counters", {})


def test_what_an_app_counts_is_set_against_the_tier(settings):
    entitle(settings, free={"ai_tokens": 5})
    usage.register_usage("ai_tokens", lambda user_id: user_id + 1)

    assert usage.usage_of(7, "ai_tokens") == Usage(used=8, limit=5)


def test_of_what_nobody_counts_nothing_is_used(settings):
    assert usage.usage_of(7, "ai_tokens").used == 0


@pytest.mark.parametrize(
    ("now", "start", "end"),
    [
        ("2026-11-22T05:34:42+00:00", (2026, 11, 1), (2026, 12, 1)),
        ("2026-12-31T23:59:59.999999+00:00", (2026, 12, 1), (2027, 1, 1)),
        ("2027-01-01T00:00:00+00:00", (2027, 1, 1), (2027, 2, 1)),
        ("2028-02-29T12:00:00+00:00", (2028, 2, 1), (2028, 3, 1)),
        ("2026-12-01T01:30:00+02:00", (2026, 11, 1), (2026, 12, 1)),
    ],
)
def test_the_period_is_the_calendar_month_in_utc(monkeypatch, now, start, end):
    monkeypatch.setattr(usage.timezone, "now", lambda: datetime.fromisoformat(now))

    period = usage.current_period()

    assert (period.start, period.end) == (
        datetime(*start, tzinfo=UTC),
        datetime(*end, tzinfo=UTC),
    )
