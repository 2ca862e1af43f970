"""What a user takes along, and what stays of one who leaves."""

import pytest

from accounts.services.profile import delete_account
from collaboration import selectors
from collaboration.models import Attachment, Member, Message, Reaction, ResourceType, Room
from collaboration.services.edits import add_reaction
from collaboration.tests.talk import make_room, say

pytestmark = pytest.mark.django_db


def leave(client):
    delete_account(owner_id=client.user.pk)


def test_an_export_holds_rooms_and_messages(alice, bob):
    make_room(alice.user, title="The cellar")
    say(alice.user, "cellar", "Mine.", metadata={"a": 1})
    say(bob.user, "garden", "Not mine.")

    (room,) = selectors.room_rows(alice.user.pk)
    (message,) = selectors.message_rows(alice.user.pk)

    assert (room["room__room_id"], room["role"], room["read_seq"]) == ("cellar", "owner", 1)
    assert (message["message"], message["metadata"]) == ("Mine.", {"a": 1})


def test_what_was_said_becomes_tombstones_without_a_name(alice, bob):
    said = say(alice.user, metadata={"a": 1}, client_id="c")
    answer = say(bob.user, reply_to=said.pk)
    Attachment.objects.create(
        message=said, room=said.room, resource_type=ResourceType.FILE, resource_id=1
    )
    for author, message in [(bob, said), (alice, answer)]:
        add_reaction(user_id=author.user.pk, message_id=message.pk, emoji="x")

    leave(alice)

    shown = bob.get("/api/chat/garden").json()
    assert [message["seq"] for message in shown] == [2, 1]
    assert (shown[0]["reply_to"], shown[0]["reactions"]) == (said.pk, {})
    gone = Message.objects.get(pk=said.pk)
    assert (gone.author, gone.message, gone.metadata, gone.client_id) == (None, "", {}, "")
    assert gone.deleted_at is not None
    assert shown[1]["username"] is shown[1]["user_id"] is None
    assert Attachment.objects.count() == Reaction.objects.count() == 0


def test_two_who_leave_make_tombstones_side_by_side(alice, bob, carol):
    for author in (alice, bob):
        say(author.user, client_id="same")

    leave(alice)
    leave(bob)

    assert len(carol.get("/api/chat/garden").json()) == 2


@pytest.mark.parametrize(("role", "heir"), [("moderator", "carol"), ("member", "bob")])
def test_somebody_takes_the_place_of_a_last_owner(alice, bob, carol, role, heir):
    make_room(alice.user, bob.user, carol.user)
    Member.objects.filter(user=carol.user).update(role=role)

    leave(alice)

    assert Member.objects.get(role="owner").user.username == heir


def test_a_passer_by_does_not_come_to_own_an_open_room(alice, bob):
    make_room(alice.user, is_private=False)
    say(bob.user, "cellar")

    leave(alice)

    assert Member.objects.get().role == "member"
    assert Room.objects.get().creator is None


def test_a_private_room_goes_with_the_only_one_in_it(alice, bob):
    make_room(alice.user)
    say(alice.user, "cellar")
    make_room(bob.user, alice.user, room_id="attic")

    leave(alice)

    assert [room.room_id for room in Room.objects.all()] == ["attic"]
    assert [member.user for member in Member.objects.all()] == [bob.user]
