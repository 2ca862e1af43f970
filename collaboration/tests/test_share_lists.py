"""Lists of shares: those one made, and those one holds."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.tests.factories import make_user
from collaboration import selectors
from collaboration.models import Share
from collaboration.services import shares

pytestmark = pytest.mark.django_db
MADE, HELD = "/api/collab/shared", "/api/collab/shared-with-me"


@pytest.fixture
def share_items(alice, bob):
    """`share_items(number)` makes items of alice, each shared with bob and by a link he took."""

    def make(number):
        for index in range(number):
            item_id = alice.post("/api/items", {"title": f"note {index}"}).json()["id"]
            thing = {"resource_type": "item", "resource_id": item_id}
            shares.create_share(owner_id=alice.user.pk, **thing, shared_with_user_id=bob.user.pk)
            link = shares.create_share(owner_id=alice.user.pk, **thing)
            shares.redeem_share(token=str(link.token), user_id=bob.user.pk)

    return make


def room_of(client):
    """The id of the row of a new private room."""
    body = {"room_id": "cellar", "private": True, "title": "The cellar"}
    client.post("/api/chat/rooms", body)
    return client.get("/api/chat/rooms").json()[0]["id"]


def test_a_list_of_ones_own_shares_is_newest_first(alice, bob, share_items):
    share_items(2)

    rows = alice.get(MADE).json()

    assert [row["id"] for row in rows] == sorted((row["id"] for row in rows), reverse=True)
    assert [row["title"] for row in rows] == ["note 1", "note 1", "note 0", "note 0"]
    assert [row["shared_with_username"] for row in rows] == [None, "bob", None, "bob"]
    assert {row["share_url"].rpartition("/")[2] for row in rows} == {
        row["share_token"] for row in rows
    }
    assert bob.get(MADE).json() == []


def test_a_list_of_what_one_holds_tells_whose_it_is_and_where(alice, bob, share_items):
    share_items(1)

    rows = bob.get(HELD).json()

    assert len(rows) == 2
    assert {row["owner_username"] for row in rows} == {"alice"}
    assert {row["title"] for row in rows} == {"note 0"}
    assert bob.get(rows[0]["path"]).status_code == 200
    assert not any("token" in key or "url" in key for row in rows for key in row)
    assert alice.get(HELD).json() == []


@pytest.mark.parametrize("path", [MADE, HELD])
def test_one_type_can_be_asked_for(alice, bob, share_items, path):
    share_items(1)
    thing = {"resource_type": "room", "resource_id": room_of(alice)}
    shares.create_share(owner_id=alice.user.pk, **thing, shared_with_user_id=bob.user.pk)
    reader = alice if path == MADE else bob

    rooms, files, odd = (
        reader.get(f"{path}?resource_type={kind}") for kind in ("room", "file", "user")
    )

    assert [row["title"] for row in rooms.json()] == ["The cellar"]
    assert rooms.json()[0]["path"] == "/api/chat/cellar"
    assert files.json() == []
    assert odd.status_code == 400


def test_ended_shares_are_listed_only_when_asked_for(alice, share_items):
    share_items(2)
    now = timezone.now()
    first, second, *_ = Share.objects.order_by("pk")
    Share.objects.filter(pk=first.pk).update(revoked_at=now)
    Share.objects.filter(pk=second.pk).update(expires_at=now - timedelta(seconds=1))

    live, whole = alice.get(MADE).json(), alice.get(f"{MADE}?all=true").json()

    assert {row["id"] for row in whole} - {row["id"] for row in live} == {first.pk, second.pk}
    by_id = {row["id"]: row for row in whole}
    assert (by_id[first.pk]["expired"], by_id[second.pk]["expired"]) == (False, True)
    assert by_id[first.pk]["revoked_at"].endswith("Z")
    assert {(row["expired"], row["revoked_at"]) for row in live} == {(False, None)}
    assert alice.get(f"{MADE}?all=maybe").status_code == 400


@pytest.mark.parametrize("path", [MADE, HELD])
def test_lists_are_paged(alice, bob, share_items, path):
    share_items(3)
    reader = alice if path == MADE else bob

    whole = reader.get(path).json()
    part = reader.get(f"{path}?skip=1&limit=2&count=true")

    assert part.json() == whole[1:3]
    assert part["X-Total-Count"] == "6"
    assert 'rel="next"' in part["Link"]
    assert reader.get(f"{path}?before={whole[0]['id']}").json() == whole[1:]
    assert reader.get(f"{path}?limit=-1").status_code == 400


@pytest.mark.parametrize("path", [MADE, HELD])
def test_lists_cost_two_queries_however_many_rows(alice, bob, share_items, path):
    reader = alice if path == MADE else bob
    counts = []
    for number in (1, 19):
        share_items(number)
        reader.get(path)
        with CaptureQueriesContext(connection) as queries:
            reader.get(path)
        counts.append(len(queries))

    assert counts == [2, 2]
    assert len(reader.get(path).json()) == 40


@pytest.mark.parametrize("path", [MADE, HELD])
def test_lists_need_a_session(anonymous, path):
    assert anonymous.get(path).status_code == 401


def test_other_services_ask_for_the_ids_of_what_is_shared(alice, bob, share_items):
    share_items(1)
    item_id = Share.objects.first().resource_id

    held, editable, files, others = (
        [row["resource_id"] for row in selectors.shared_ids(user.pk, kind, permission=permission)]
        for user, kind, permission in (
            (bob.user, "item", None),
            (bob.user, "item", "edit"),
            (bob.user, "file", None),
            (make_user("eve"), "item", None),
        )
    )

    assert (held, editable, files, others) == ([item_id, item_id], [], [], [])


def test_an_export_tells_of_shares_without_their_tokens(alice, share_items):
    share_items(1)

    rows = list(selectors.share_rows(alice.user.pk))

    assert len(rows) == 2
    assert not any("token" in key for row in rows for key in row)
