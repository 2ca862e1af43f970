"""Counting in windows."""

from types import SimpleNamespace

import pytest

from alice.common import redis_client, windows
from alice.common.windows import LocalWindows, Window


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass when a test adds to them."""
    now = SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr(windows, "time", SimpleNamespace(monotonic=lambda: now.seconds))
    return now


def spend(limit=2, amount=1):
    return windows.spend("k", limit=limit, seconds=60, amount=amount)


def test_a_window_counts_and_says_what_is_left():
    first, second, third = spend(), spend(), spend()

    assert first == Window(limit=2, used=1, reset_seconds=60)
    assert [window.remaining for window in (first, second, third)] == [1, 0, 0]
    assert [window.is_exceeded for window in (first, second, third)] == [False, False, True]


def test_a_window_ends_by_itself():
    spend()

    assert 0 < redis_client.client().pttl("k") <= 60_000


def test_a_window_without_an_end_gets_one():
    redis_client.client().set("k", 5)

    assert spend(limit=9).used == 6
    assert 0 < redis_client.client().pttl("k") <= 60_000


def test_a_later_count_does_not_prolong_a_window():
    spend()
    redis_client.client().pexpire("k", 1500)

    assert spend().reset_seconds == 2


def test_what_is_given_back_can_be_spent_again():
    spend()
    spend()
    windows.give_back("k", seconds=60)

    assert spend().used == 2


def test_what_is_given_back_late_is_no_credit():
    windows.give_back("k", seconds=60)

    assert spend().used == 1


def test_a_forgotten_window_starts_anew():
    spend()
    windows.forget("k")

    assert spend().used == 1


@pytest.mark.parametrize(
    ("milliseconds", "seconds"), [(60_000, 60), (59_001, 60), (59_000, 59), (1, 1), (0, 1)]
)
def test_seconds_are_rounded_up(milliseconds, seconds):
    assert windows.window_from(1, 0, milliseconds).reset_seconds == seconds


def test_without_redis_the_same_is_counted_here(redis_switch, settings):
    settings.WEB_WORKERS = 1
    redis_switch.stop()

    assert [spend().used for _ in range(3)] == [1, 2, 3]
    windows.give_back("k", seconds=60)
    assert spend().used == 3
    windows.forget("k")
    windows.give_back("k", seconds=60)
    assert spend() == Window(limit=2, used=1, reset_seconds=60)


@pytest.mark.parametrize(("limit", "workers", "share"), [(10, 2, 5), (10, 3, 3), (1, 4, 1)])
def test_without_redis_a_process_has_its_share(redis_switch, settings, limit, workers, share):
    settings.WEB_WORKERS = workers
    redis_switch.stop()

    assert spend(limit=limit).limit == share


def test_a_window_of_this_process_ends_by_itself(clock):
    local = LocalWindows()
    local.spend("k", 1, 60)
    clock.seconds += 61

    assert local.spend("k", 1, 60) == (1, 60)


def test_keys_without_end_do_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(windows, "LOCAL_KEYS_MAX", 100)
    local = LocalWindows()

    for number in range(1000):
        local.spend(f"k{number}", 1, 60)

    assert len(local._windows) <= 100


def test_what_has_ended_makes_room_for_what_has_not(monkeypatch, clock):
    monkeypatch.setattr(windows, "LOCAL_KEYS_MAX", 3)
    local = LocalWindows()
    local.spend("old", 1, 1)
    local.spend("a", 1, 60)
    clock.seconds += 2
    local.spend("b", 1, 60)
    local.spend("c", 1, 60)

    assert local._windows.keys() == {"a", "b", "c"}
