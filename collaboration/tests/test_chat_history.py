"""GET /api/chat/{room_id}."""

import re

import pytest

from collaboration.models import Room
from collaboration.services.edits import add_reaction, delete_message
from collaboration.tests.talk import make_room, say, seqs, texts

pytestmark = pytest.mark.django_db
NEXT = re.compile(r'<([^>]+)>; rel="next"')


def say_many(author, number, room_id="garden"):
    return [say(author, room_id, f"message {n}") for n in range(1, number + 1)]


def walk(client, path):
    """Every page from `path` on, by its Link headers."""
    pages = []
    while path:
        response = client.get(path)
        assert response.status_code == 200
        pages.append(seqs(response))
        found = NEXT.search(response.headers.get("Link", ""))
        path = found and found[1]
    return pages


def test_the_newest_comes_first(alice, bob):
    say(alice.user, message="Hello!")
    say(bob.user, message="Bye!")
    say(bob.user, "kitchen", "elsewhere")

    response = alice.get("/api/chat/garden")

    assert texts(response) == ["Bye!", "Hello!"]
    assert [message["username"] for message in response.json()] == ["bob", "alice"]


def test_a_page_has_fifty_messages_if_not_said_otherwise(alice):
    say_many(alice.user, 51)

    assert seqs(alice.get("/api/chat/garden")) == list(range(51, 1, -1))
    assert seqs(alice.get("/api/chat/garden?limit=2&skip=1")) == [50, 49]


def test_links_lead_to_every_message(alice):
    say_many(alice.user, 7)

    assert walk(alice, "/api/chat/garden?limit=3") == [[7, 6, 5], [4, 3, 2], [1]]


def test_before_and_after_are_ids(alice):
    ids = [message.pk for message in say_many(alice.user, 5)]

    assert seqs(alice.get(f"/api/chat/garden?before={ids[2]}")) == [2, 1]
    assert seqs(alice.get(f"/api/chat/garden?after={ids[2]}&limit=1")) == [4]
    assert seqs(alice.get(f"/api/chat/garden?before={2**62}&limit=1")) == [5]


def test_after_seq_catches_up_oldest_first(alice):
    say_many(alice.user, 7)

    assert walk(alice, "/api/chat/garden?after_seq=2&limit=2") == [[3, 4], [5, 6], [7]]
    assert seqs(alice.get("/api/chat/garden?after_seq=7")) == []
    assert seqs(alice.get(f"/api/chat/garden?after_seq={2**63 - 1}")) == []


@pytest.mark.parametrize(
    "query",
    ["skip=-1", "limit=x", "after_seq=-1", "after_seq=x", "after_seq=", f"after_seq={2**63}"]
    + [f"after_seq=1&{name}=1" for name in ["skip", "before", "after", "count"]]
    + ["before=0", "after=x", "before=1&after=1", "skip=1&before=1", "after_seq=1&limit=-1"],
)
@pytest.mark.parametrize("room_id", ["garden", "nowhere"])
def test_a_bad_page_is_refused(alice, query, room_id):
    say(alice.user)

    assert alice.get(f"/api/chat/{room_id}?{query}").status_code == 400


def test_the_count_is_told_when_asked_for(alice):
    say_many(alice.user, 3)

    assert alice.get("/api/chat/garden?count=true&limit=1")["X-Total-Count"] == "3"


def test_a_room_in_which_nothing_was_said_is_empty_and_not_made(alice):
    response = alice.get("/api/chat/nowhere")

    assert (response.status_code, response.json()) == (200, [])
    assert not Room.objects.exists()


@pytest.mark.parametrize("room_id", ["a%20b", "x" * 101, "%C3%A9", "a%0a", "a%2fb", "send%2f"])
def test_what_cannot_be_a_room_is_not_there(alice, room_id):
    assert alice.get(f"/api/chat/{room_id}").status_code == 404


def test_a_private_room_of_others_is_as_if_it_were_not_there(alice, bob):
    make_room(alice.user)
    say(alice.user, "cellar")

    response = bob.get("/api/chat/cellar")

    assert response.status_code == 404
    assert response.json()["code"] == "not_found"
    assert len(alice.get("/api/chat/cellar").json()) == 1


def test_tombstones_keep_their_places(alice, bob):
    first, _ = say_many(alice.user, 2)
    add_reaction(user_id=bob.user.pk, message_id=first.pk, emoji="👍")
    delete_message(actor_id=alice.user.pk, message_id=first.pk)

    newest, tombstone = alice.get("/api/chat/garden").json()

    assert (newest["seq"], tombstone["seq"]) == (2, 1)
    assert (tombstone["message"], tombstone["reactions"]) == ("", {})
    assert tombstone["deleted_at"] is not None


@pytest.mark.parametrize("rows", [1, 20])
@pytest.mark.parametrize("query", ["", "?after_seq=0", "?before=9999999"])
def test_history_costs_two_queries_however_many_rows(
    alice, rows, query, django_assert_num_queries
):
    for said in say_many(alice.user, rows):
        add_reaction(user_id=alice.user.pk, message_id=said.pk, emoji="👍")
    alice.get("/api/chat/garden")

    with django_assert_num_queries(2):
        response = alice.get(f"/api/chat/garden{query}")

    assert len(response.json()) == rows


def test_one_message_has_an_etag_that_changes_with_it(alice):
    said = say(alice.user)
    address = f"/api/chat/messages/{said.pk}"
    etag = alice.get(address)["ETag"]

    assert alice.get(address, headers={"If-None-Match": etag}).status_code == 304
    alice.patch(address, {"message": "Other"})
    assert alice.get(address, headers={"If-None-Match": etag}).status_code == 200


def test_an_edit_of_what_has_changed_since_is_refused(alice):
    said = say(alice.user)
    address = f"/api/chat/messages/{said.pk}"
    read = alice.get(address)["ETag"]
    edited = alice.patch(address, {"message": "Mine"}, headers={"If-Match": read})

    late = [
        alice.patch(address, {"message": "Late"}, headers={"If-Match": read}),
        alice.delete(address, headers={"If-Match": read}),
    ]

    assert [edited.status_code, *(one.status_code for one in late)] == [200, 412, 412]
    assert alice.get(address).json()["message"] == "Mine"
    assert alice.delete(address, headers={"If-Match": edited["ETag"]}).status_code == 204


def test_a_reaction_does_not_stand_in_the_way_of_an_edit(alice, bob):
    said = say(alice.user)
    address = f"/api/chat/messages/{said.pk}"
    read = alice.get(address)["ETag"]
    add_reaction(user_id=bob.user.pk, message_id=said.pk, emoji="👍")

    assert alice.get(address)["ETag"] != read
    assert alice.patch(address, {"message": "M"}, headers={"If-Match": read}).status_code == 200
