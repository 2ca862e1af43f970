"""Events: announced after the commit, to everyone, and never in the way."""

from dataclasses import dataclass

import pytest
from django.db import transaction

from alice.common import events
from alice.common.events import publish, subscribe

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True)
class Happened:
    number: int


@pytest.fixture
def heard(monkeypatch):
    """The numbers that two subscribers heard; the first of them fails on 13."""
    monkeypatch.setattr(events, "_handlers", type(events._handlers)(list))
    numbers = []

    @subscribe(Happened)
    def first(event):
        if event.number == 13:
            raise ValueError("an unlucky number")
        numbers.append(("first", event.number))

    @subscribe(Happened)
    def second(event):
        numbers.append(("second", event.number))

    return numbers


def test_an_event_waits_for_the_commit(heard):
    with transaction.atomic():
        publish(Happened(1))
        assert heard == []

    assert heard == [("first", 1), ("second", 1)]


def test_a_rolled_back_transaction_announces_nothing(heard):
    with transaction.atomic():
        publish(Happened(1))
        transaction.set_rollback(True)

    assert heard == []


def test_a_rolled_back_savepoint_announces_nothing(heard):
    with transaction.atomic():
        publish(Happened(1))
        with transaction.atomic():
            publish(Happened(2))
            transaction.set_rollback(True)

    assert heard == [("first", 1), ("second", 1)]


@pytest.mark.parametrize("within", [True, False])
def test_a_failing_subscriber_disturbs_neither_the_others_nor_the_caller(heard, caplog, within):
    if within:
        with transaction.atomic():
            publish(Happened(13))
    else:
        publish(Happened(13))

    assert heard == [("second", 13)]
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert record.exc_info[0] is ValueError
    assert "first" in record.getMessage()


def test_without_a_transaction_an_event_is_announced_at_once(heard):
    publish(Happened(1))

    assert heard == [("first", 1), ("second", 1)]


def test_a_handler_subscribed_twice_hears_once(heard):
    def third(event):
        heard.append(("third", event.number))

    subscribe(Happened)(subscribe(Happened)(third))
    publish(Happened(1))

    assert heard.count(("third", 1)) == 1


def test_an_event_nobody_waits_for_is_no_error(heard):
    publish(object())

    assert heard == []
