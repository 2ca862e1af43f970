"""Idempotency-Key: a POST sent again takes effect once."""

import threading
from datetime import timedelta

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from alice.common.tests.urls import RowsView

ROWS = "/api/rows"

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("faulty_urls")]


def rows():
    return apps.get_model("system.Job").objects.filter(kind="row").count()


def records():
    return apps.get_model("system.IdempotencyRecord").objects


def post(client, key, body=None, path=ROWS, **headers):
    return client.post(path, body or {}, HTTP_IDEMPOTENCY_KEY=key, **headers)


def test_the_same_request_is_answered_the_same_and_takes_effect_once(alice):
    first = post(alice, "k", {"a": 1, "b": [2]})
    again = post(alice, "k", {"b": [2], "a": 1})

    assert (first.status_code, again.status_code, rows()) == (201, 201, 1)
    assert first.content == again.content
    assert "Idempotent-Replayed" not in first.headers
    assert again["Idempotent-Replayed"] == "true"
    kept = ["Location", "ETag", "Content-Type"]
    assert [again[name] for name in kept] == [first[name] for name in kept]
    assert {"X-Request-ID", "X-RateLimit-Limit"} <= set(again.headers)


def test_without_a_key_every_request_takes_effect(alice):
    alice.post(ROWS, {})
    alice.post(ROWS, {})

    assert (rows(), records().count()) == (2, 0)


@pytest.mark.parametrize(
    ("path", "body"),
    [(ROWS, {"a": 2}), (ROWS, {"a": True}), (f"{ROWS}?x=1", {"a": 1})],
)
def test_a_key_used_for_another_request_is_422(alice, path, body):
    post(alice, "k", {"a": 1})

    response = post(alice, "k", body, path)

    assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_reused")
    assert rows() == 1


def test_the_same_key_on_another_object_of_the_route_is_422(alice):
    post(alice, "k", path=f"{ROWS}/1/copies")

    assert post(alice, "k", path=f"{ROWS}/2/copies").status_code == 422
    assert rows() == 1


def test_a_key_is_its_users_and_its_routes_own(alice, bob):
    answers = [
        post(alice, "k"),
        post(bob, "k"),
        post(alice, "k", path="/api/other-rows"),
        post(alice, "K"),
    ]

    assert [answer.status_code for answer in answers] == [201] * 4
    assert not any("Idempotent-Replayed" in answer.headers for answer in answers)
    assert rows() == 4


@pytest.mark.parametrize("body", [{"refuse": True}, {"answer": True}])
def test_a_refused_request_is_not_stored(alice, body):
    refused = post(alice, "k", body)

    assert refused.status_code in {400, 409}
    assert records().count() == 0
    assert post(alice, "k", {}).status_code == 201


def test_a_refusal_by_exception_leaves_nothing_behind(alice):
    assert post(alice, "k", {"refuse": True}).status_code == 400
    assert rows() == 0


@pytest.mark.parametrize(
    "key",
    [
        "a",
        "a" * 255,
        '"a"',
        '"' + "a" * 255 + '"',
        "a b;c=d",
        "8e03978e-40d5-43dd-bc93-6894a57f9324",
    ],
)
def test_a_key_is_bare_or_quoted(alice, key):
    assert post(alice, key).status_code == 201
    assert post(alice, key)["Idempotent-Replayed"] == "true"
    assert rows() == 1


def test_a_quoted_key_is_the_bare_one(alice):
    post(alice, "k")

    assert post(alice, '"k"')["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize(
    "key",
    ["", '"', '""', '"a', '"a"b', "a" * 256, '"' + "a" * 256 + '"', "é", "\x7f", "a\tb", "☂"],
)
def test_a_malformed_key_is_400(alice, key):
    response = post(alice, key.encode().decode("latin-1"))

    assert (response.status_code, response.json()["code"]) == (400, "invalid")
    assert rows() == 0


def test_an_answer_is_forgotten_after_a_day(alice):
    post(alice, "k", {"a": 1})
    day = timedelta(hours=24)
    records().update(created_at=timezone.now() - day + timedelta(seconds=30))
    assert post(alice, "k", {"a": 1})["Idempotent-Replayed"] == "true"

    records().update(created_at=timezone.now() - day - timedelta(seconds=1))

    assert post(alice, "k", {"a": 2}).status_code == 201
    assert (rows(), records().count()) == (2, 1)


def test_a_caller_without_a_session_has_no_keys(anonymous):
    assert post(anonymous, "k", path="/api/open-rows").status_code == 201
    assert post(anonymous, "k", path="/api/open-rows").status_code == 201
    assert records().count() == 0


def test_a_stranger_gets_401_and_no_stored_answer(alice, anonymous):
    post(alice, "k")

    assert post(anonymous, "k").status_code == 401
    assert rows() == 1


@pytest.mark.django_db(transaction=True)
def test_a_twin_in_flight_is_409_and_a_later_one_replayed(alice, monkeypatch):
    is_inside, may_end = threading.Event(), threading.Event()
    monkeypatch.setattr(
        RowsView, "meanwhile", staticmethod(lambda: is_inside.set() or may_end.wait(10))
    )
    answers = []

    def first():
        answers.append(post(alice, "k"))
        connection.close()

    thread = threading.Thread(target=first)
    thread.start()
    assert is_inside.wait(10)
    twin = post(alice, "k")
    may_end.set()
    thread.join()

    assert (twin.status_code, twin.json()["code"]) == (409, "idempotency_key_in_flight")
    assert answers[0].status_code == 201
    assert post(alice, "k").content == answers[0].content
    assert rows() == 1


@pytest.mark.django_db(transaction=True)
def test_of_eight_twins_at_once_one_takes_effect(alice):
    statuses = []
    together = threading.Barrier(8)

    def send():
        together.wait()
        statuses.append(post(alice, "k").status_code)
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    assert rows() == 1
