"""What a user does with notifications: list, read, unread, archive, delete."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from notifications.models import Notification
from notifications.tests.factories import make_notification, make_notifications

pytestmark = pytest.mark.django_db
HISTORY, COUNT, ALL = (f"/api/notify/{p}" for p in ("history", "unread-count", "mark-all-read"))
MISSING = 2**62
CALLS = [
    ("get", "/api/notify/{}"),
    ("delete", "/api/notify/{}"),
    ("post", "/api/notify/{}/read"),
    ("post", "/api/notify/{}/unread"),
    ("post", "/api/notify/{}/archive"),
    ("post", "/api/notify/{}/unarchive"),
]
PLAIN = [("get", HISTORY), ("get", f"{HISTORY}?topic=x"), ("get", COUNT), ("post", ALL)]


def everything():
    return list(Notification.objects.order_by("pk").values())


def ids(response):
    return [row["id"] for row in response.json()]


def unread(client):
    return client.get(COUNT).json()["unread"]


def test_history_is_newest_first_and_own_only(alice, bob):
    first, second = make_notifications(alice.user, 2)
    make_notification(bob.user)

    response = alice.get(HISTORY)

    assert ids(response) == [second.pk, first.pk]
    assert response.json()[0] == alice.get(f"/api/notify/{second.pk}").json()


def test_fifty_are_listed_unless_asked_otherwise(alice):
    make_notifications(alice.user, 51)

    response = alice.get(f"{HISTORY}?count=true")

    assert len(response.json()) == 50
    assert response.headers["X-Total-Count"] == "51"
    assert 'rel="next"' in response.headers["Link"]
    assert len(alice.get(f"{HISTORY}?skip=50").json()) == 1
    assert len(alice.get(f"{HISTORY}?limit=3").json()) == 3


def test_history_can_be_paged_by_id(alice):
    rows = make_notifications(alice.user, 5)

    before = alice.get(f"{HISTORY}?before={rows[2].pk}&limit=2")
    after = alice.get(f"{HISTORY}?after={rows[2].pk}&limit=2")

    assert ids(before) == [rows[1].pk, rows[0].pk]
    assert ids(after) == [rows[4].pk, rows[3].pk]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("unread_only=true", {"plain", "warning"}),
        ("unread_only=false", {"plain", "warning", "read"}),
        ("notification_type=warning", {"warning"}),
        ("notification_type=info&unread_only=1", {"plain"}),
        ("topic=job.failed", {"warning"}),
        ("topic=nothing", set()),
        ("archived=true", {"archived"}),
        ("archived=true&unread_only=true", {"archived"}),
        ("archived=true&topic=job.failed", set()),
        ("", {"plain", "warning", "read"}),
    ],
)
def test_history_can_be_filtered(alice, query, found):
    make_notification(alice.user, title="plain")
    make_notification(alice.user, title="warning", notification_type="warning", topic="job.failed")
    make_notification(alice.user, title="read", read_at=timezone.now())
    make_notification(alice.user, title="archived", archived_at=timezone.now())
    make_notification(alice.user, title="hidden", is_shown=False)

    assert {row["title"] for row in alice.get(f"{HISTORY}?{query}").json()} == found


@pytest.mark.parametrize(
    "query",
    [
        "notification_type=fatal",
        "unread_only=perhaps",
        "archived=2",
        "limit=-1",
        "skip=x",
        "before=0",
        "before=1&after=2",
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(alice, query):
    assert alice.get(f"{HISTORY}?{query}").status_code == 400


def test_reading_is_noted_once_and_answers_the_notification(alice, frames):
    row = make_notification(alice.user)
    first = alice.post(f"/api/notify/{row.pk}/read")

    with time_machine.travel(timezone.now() + timedelta(minutes=5)):
        second = alice.post(f"/api/notify/{row.pk}/read")

    assert (first.status_code, first.json()["read"]) == (200, True)
    assert first.json() == second.json() == alice.get(f"/api/notify/{row.pk}").json()
    assert first.json()["read_at"].endswith("Z")
    assert frames == [(f"user.{alice.user.pk}", {"type": "unread", "unread": 0})]


def test_unread_again_counts_again(alice, frames):
    row = make_notification(alice.user, read_at=timezone.now())

    response = alice.post(f"/api/notify/{row.pk}/unread")

    assert (response.json()["read"], response.json()["read_at"]) == (False, None)
    assert frames == [(f"user.{alice.user.pk}", {"type": "unread", "unread": 1})]


def test_what_is_archived_leaves_list_and_count_and_comes_back(alice):
    row = make_notification(alice.user)

    archived = alice.post(f"/api/notify/{row.pk}/archive").json()

    assert archived["archived_at"]
    assert (alice.get(HISTORY).json(), unread(alice)) == ([], 0)
    assert ids(alice.get(f"{HISTORY}?archived=true")) == [row.pk]
    assert alice.post(f"/api/notify/{row.pk}/unarchive").json()["archived_at"] is None
    assert (ids(alice.get(HISTORY)), unread(alice)) == ([row.pk], 1)


def test_what_is_deleted_is_gone(alice, frames):
    row, kept = make_notifications(alice.user, 2)

    assert alice.delete(f"/api/notify/{row.pk}").status_code == 204

    assert alice.get(f"/api/notify/{row.pk}").status_code == 404
    assert list(Notification.objects.all()) == [kept]
    assert frames == [(f"user.{alice.user.pk}", {"type": "unread", "unread": 1})]


def test_mark_all_read_says_how_many_and_leaves_others_alone(alice, bob, frames):
    make_notifications(alice.user, 3)
    make_notification(alice.user, read_at=timezone.now())
    make_notification(bob.user)

    answers = [alice.post(ALL).json() for _ in range(2)]

    assert answers == [{"updated": 3}, {"updated": 0}]
    assert (unread(alice), unread(bob)) == (0, 1)
    assert frames == [(f"user.{alice.user.pk}", {"type": "unread", "unread": 0})]


def test_the_etag_changes_when_it_is_read(alice):
    path = f"/api/notify/{make_notification(alice.user).pk}"
    etag = alice.get(path).headers["ETag"]

    assert alice.get(path, HTTP_IF_NONE_MATCH=etag).status_code == 304
    alice.post(f"{path}/read")
    assert alice.get(path, HTTP_IF_NONE_MATCH=etag).status_code == 200


@pytest.mark.parametrize("who", ["bob", "staff"])
@pytest.mark.parametrize(("verb", "path"), CALLS)
def test_to_a_stranger_it_is_as_if_it_were_not_there(request, alice, who, verb, path):
    row = make_notification(alice.user)
    before, stranger = everything(), request.getfixturevalue(who)

    foreign, missing = (getattr(stranger, verb)(path.format(pk)) for pk in (row.pk, MISSING))

    assert foreign.status_code == missing.status_code == 404
    assert foreign.json()["detail"] == missing.json()["detail"]
    assert everything() == before


@pytest.mark.parametrize(("verb", "path"), CALLS)
def test_what_is_hidden_is_not_there_for_its_owner_either(alice, verb, path):
    row = make_notification(alice.user, is_shown=False)
    before = everything()

    assert getattr(alice, verb)(path.format(row.pk)).status_code == 404
    assert everything() == before


@pytest.mark.parametrize(("verb", "path"), [*CALLS, *PLAIN])
def test_nothing_is_done_without_a_session(alice, anonymous, verb, path):
    row = make_notification(alice.user)
    before = everything()

    assert getattr(anonymous, verb)(path.format(row.pk)).status_code == 401
    assert everything() == before


@pytest.mark.parametrize("rows", [1, 20])
@pytest.mark.parametrize("query", ["", "?unread_only=true&notification_type=info"])
def test_a_list_costs_one_query_however_many_rows(regular, rows, query, django_assert_num_queries):
    make_notifications(regular.user, rows)

    with django_assert_num_queries(1):
        response = regular.get(HISTORY + query)

    assert len(response.json()) == rows


def test_reading_and_counting_cost_little(regular, django_assert_num_queries, frames):
    row = make_notification(regular.user)

    with django_assert_num_queries(1):
        regular.get(COUNT)
    with django_assert_num_queries(1):
        regular.get(f"/api/notify/{row.pk}")
    # A savepoint, the change, the row; after it the number for the bell.
    with django_assert_num_queries(5):
        regular.post(f"/api/notify/{row.pk}/read")
