"""Messages that are there: edited, deleted, reacted to."""

from urllib.parse import quote

import pytest

from collaboration.events import MessageDeleted, MessageEdited, MessageReacted
from collaboration.models import Attachment, Message, Reaction, ResourceType
from collaboration.services import rooms
from collaboration.services.edits import add_reaction
from collaboration.tests.talk import make_room, say

pytestmark = pytest.mark.django_db


def path(message):
    return f"/api/chat/messages/{message.pk}"


def reaction(message, emoji="👍"):
    return f"{path(message)}/reactions/{quote(emoji, safe='')}"


# Editing


def test_an_author_edits_what_was_said(alice, events):
    said = say(alice.user, metadata={"a": 1})
    events.clear()

    edited = alice.patch(path(said), {"message": "Better."}).json()

    assert (edited["message"], edited["metadata"]) == ("Better.", {"a": 1})
    assert edited["edited_at"] > edited["created_at"]
    assert events == [MessageEdited(message_id=said.pk, room_id="garden")]


def test_what_is_equal_is_no_edit(alice, events):
    said = say(alice.user, message="Same.")
    events.clear()

    for body in [{"message": "Same."}, {}, {"metadata": {}}, {"user_id": 9, "seq": 9}]:
        assert alice.patch(path(said), body).json()["edited_at"] is None
    assert events == []


@pytest.mark.parametrize("body", [{"message": " "}, {"message": "x" * 4001}, {"metadata": []}])
def test_a_bad_edit_changes_nothing(alice, body):
    said = say(alice.user)

    assert alice.patch(path(said), body).status_code == 400
    assert Message.objects.get() == said
    assert Message.objects.get().edited_at is None


def test_nobody_edits_for_others_not_even_the_owner(alice, bob):
    make_room(alice.user, bob.user)
    said = say(bob.user, "cellar")

    assert alice.patch(path(said), {"message": "Mine."}).status_code == 403
    assert Message.objects.get().message == "Hello!"


def test_a_deleted_message_is_not_edited(alice):
    said = say(alice.user)
    alice.delete(path(said))

    response = alice.patch(path(said), {"message": "Back."})

    assert (response.status_code, response.json()["code"]) == (409, "message_deleted")
    assert Message.objects.get().message == ""


def test_who_was_removed_edits_nothing_there(alice, bob):
    make_room(alice.user, bob.user)
    said = say(bob.user, "cellar")
    rooms.remove_member(actor_id=alice.user.pk, room_id="cellar", user_id=bob.user.pk)

    for answer in [bob.get(path(said)), bob.patch(path(said), {"message": "x"})]:
        assert answer.status_code == 404
    assert bob.delete(path(said)).status_code == 404
    assert Message.objects.get().message == "Hello!"


# Deleting


def test_an_author_deletes_and_nothing_of_it_is_left(alice, bob, events):
    said = say(alice.user, metadata={"a": 1}, client_id="c")
    Attachment.objects.create(
        message=said, room=said.room, resource_type=ResourceType.FILE, resource_id=1
    )
    add_reaction(user_id=bob.user.pk, message_id=said.pk, emoji="👍")
    events.clear()

    answers = [alice.delete(path(said)) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [204, 204]
    row = Message.objects.get()
    assert (row.message, row.metadata, row.author) == ("", {}, alice.user)
    assert not Attachment.objects.exists()
    assert not Reaction.objects.exists()
    assert events == [MessageDeleted(message_id=said.pk, room_id="garden")]


@pytest.mark.parametrize(("role", "status"), [("owner", 204), ("moderator", 204), ("member", 403)])
def test_the_role_decides_who_deletes_what_others_said(alice, bob, carol, role, status):
    make_room(alice.user, bob.user, carol.user)
    rooms.set_role(actor_id=alice.user.pk, room_id="cellar", user_id=bob.user.pk, role=role)
    said = say(carol.user, "cellar")

    assert bob.delete(path(said)).status_code == status
    assert (Message.objects.get().deleted_at is None) == (status == 403)


def test_in_an_open_room_only_authors_delete(alice, bob):
    said = say(alice.user)

    assert bob.delete(path(said)).status_code == 403
    assert Message.objects.get().deleted_at is None


def test_a_retry_of_a_deleted_message_answers_the_tombstone(alice):
    body = {"room_id": "garden", "message": "x", "client_id": "c"}
    first = alice.post("/api/chat/send", body).json()
    alice.delete(f"/api/chat/messages/{first['id']}")

    again = alice.post("/api/chat/send", body)

    assert (again.status_code, again.json()["id"], again.json()["message"]) == (
        200,
        first["id"],
        "",
    )


# Reactions


def test_reactions_are_shown_in_the_order_they_came(alice, bob, events):
    said = say(alice.user)
    events.clear()

    bob.put(reaction(said, "🌷"))
    alice.put(reaction(said, "👍"))
    shown = alice.put(reaction(said, "🌷"))

    assert shown.status_code == 200
    expected = {"🌷": [bob.user.pk, alice.user.pk], "👍": [alice.user.pk]}
    assert shown.json()["reactions"] == expected
    assert list(shown.json()["reactions"]) == ["🌷", "👍"]
    assert events == [MessageReacted(message_id=said.pk, room_id="garden")] * 3


def test_the_same_reaction_twice_is_one(alice, events):
    said = say(alice.user)
    alice.put(reaction(said))
    events.clear()

    assert alice.put(reaction(said)).json()["reactions"] == {"👍": [alice.user.pk]}
    assert events == []


def test_a_reaction_is_taken_off_by_who_put_it(alice, bob, events):
    said = say(alice.user)
    alice.put(reaction(said))
    events.clear()

    assert bob.delete(reaction(said)).json()["reactions"] == {"👍": [alice.user.pk]}
    assert alice.delete(reaction(said)).json()["reactions"] == {}
    assert len(events) == 1


@pytest.mark.parametrize("emoji", ["👩‍👩‍👧", "❤️", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "+1", ":tada:", "x" * 32])
def test_any_emoji_is_taken(alice, emoji):
    said = say(alice.user)

    assert alice.put(reaction(said, emoji)).json()["reactions"] == {emoji: [alice.user.pk]}


@pytest.mark.parametrize("emoji", [" ", "a b", "\n", "\u202e", "\x07", "x" * 33, "\u200b"])
def test_what_is_no_emoji_is_refused(alice, emoji):
    said = say(alice.user)

    assert alice.put(reaction(said, emoji)).status_code == 400
    assert not Reaction.objects.exists()


def test_reactions_are_bounded(alice):
    said = say(alice.user)
    statuses = [alice.put(reaction(said, f"{n}")).status_code for n in range(21)]

    assert statuses == [200] * 20 + [409]
    assert Reaction.objects.count() == 20


def test_nobody_reacts_to_a_tombstone(alice):
    said = say(alice.user)
    alice.delete(path(said))

    assert alice.put(reaction(said)).status_code == 409
    assert not Reaction.objects.exists()
