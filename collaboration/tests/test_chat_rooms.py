"""/api/chat/rooms: made, changed, joined, left, read."""

import pytest

from accounts.tests.factories import make_user
from collaboration.events import MemberAdded, MemberRemoved, RoomDeleted, RoomRead, RoomShut
from collaboration.models import Member, MemberRole, Message, Room
from collaboration.services import rooms
from collaboration.services.edits import add_reaction
from collaboration.tests.talk import make_room, say

pytestmark = pytest.mark.django_db
ROOMS = "/api/chat/rooms"
CELLAR = f"{ROOMS}/cellar"


def roles(room_id="cellar"):
    members = Member.objects.filter(room__room_id=room_id).order_by("pk")
    return {member.user.username: member.role for member in members.select_related("user")}


def member_path(client):
    return f"{CELLAR}/members/{client.user.pk}"


# Made


def test_a_room_is_made_with_its_members(alice, bob, carol, events):
    body = {"room_id": "cellar", "title": "The cellar", "private": True}
    response = alice.post(ROOMS, body | {"members": ["BOB", carol.user.pk, "alice", "bob"]})

    assert response.status_code == 201
    assert response["Location"] == CELLAR
    assert response.json() == alice.get(CELLAR).json()
    assert {name: response.json()[name] for name in body} == body
    assert roles() == {"alice": "owner", "bob": "member", "carol": "member"}
    assert [event.user_id for event in events] == [bob.user.pk, carol.user.pk]


def test_a_room_is_open_unless_it_is_said_to_be_private(alice, bob):
    alice.post(ROOMS, {"room_id": "hall"})

    assert bob.get(f"{ROOMS}/hall").json()["private"] is False
    assert bob.get(f"{ROOMS}/hall").json()["role"] is None


def test_an_id_is_given_once(alice, bob):
    make_room(alice.user)
    say(alice.user, "garden")

    for room_id in ["cellar", "garden"]:
        response = bob.post(ROOMS, {"room_id": room_id})
        assert (response.status_code, response.json()["code"]) == (409, "room_exists")
    assert Room.objects.count() == 2
    assert "bob" not in roles() | roles("garden")


def test_a_room_that_was_only_looked_into_can_be_made(alice, bob, events):
    rooms.open_room(visitor_id=bob.user.pk, room_id="cellar")
    before = Room.objects.get()

    assert alice.post(ROOMS, {"room_id": "cellar", "private": True}).status_code == 201
    assert Room.objects.get().pk != before.pk
    assert RoomShut(room_pk=before.pk, user_id=None, is_for_good=False) in events
    assert bob.get(CELLAR).status_code == 404


BAD = [("room_id", value) for value in ["", "a b", "x" * 101, "rooms", None, 5]]
BAD += [("title", value) for value in [None, 5, "x" * 201]]
BAD += [("private", value) for value in [None, "x", 5, []]]
BAD += [("members", value) for value in [None, "bob", [None], [True], [0], ["nobody"], [2**63]]]
BAD += [("members", [2**62]), ("members", list(range(1, 102)))]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_bad_value_makes_no_room(alice, name, value):
    response = alice.post(ROOMS, {"room_id": "cellar", name: value})

    assert response.status_code == 400
    assert response.json()["detail"].startswith(name)
    assert not Room.objects.exists()


def test_who_may_not_sign_in_is_no_member(alice):
    make_user("gone", is_active=False)

    assert alice.post(ROOMS, {"room_id": "cellar", "members": ["gone"]}).status_code == 400
    assert not Room.objects.exists()


def test_a_private_room_has_so_many_places(alice, bob, carol, settings):
    settings.ROOM_MEMBERS_MAX = 2
    body = {"room_id": "cellar", "private": True}

    full = alice.post(ROOMS, body | {"members": ["bob", "carol"]})
    made = alice.post(ROOMS, body | {"members": ["bob"]})
    added = alice.post(f"{CELLAR}/members", {"user": "carol"})

    assert [answer.status_code for answer in (full, made, added)] == [409, 201, 409]
    assert added.json()["code"] == "room_full"
    assert roles() == {"alice": "owner", "bob": "member"}


def test_the_same_key_makes_one_room(alice):
    answers = [
        alice.post(ROOMS, {"room_id": "cellar"}, headers={"Idempotency-Key": "k"}).status_code
        for _ in range(2)
    ]

    assert answers == [201, 201]


# Changed


def test_an_owner_renames_and_closes_a_room(alice, bob, events):
    room = make_room(alice.user, is_private=False)
    say(bob.user, "cellar")
    events.clear()

    changed = alice.patch(CELLAR, {"title": "Below", "private": True}).json()

    assert (changed["title"], changed["private"]) == ("Below", True)
    assert events[0] == RoomShut(room_pk=room.pk, user_id=None, is_for_good=False)
    assert events[1].frame == {
        "type": "room",
        "room_id": "cellar",
        "title": "Below",
        "private": True,
    }
    assert bob.get(CELLAR).status_code == 200


@pytest.mark.parametrize("role", ["moderator", "member"])
def test_only_owners_change_or_delete_a_room(alice, bob, role):
    make_room(alice.user, bob.user)
    Member.objects.filter(user=bob.user).update(role=role)

    answers = [bob.patch(CELLAR, {"title": "Mine"}), bob.delete(CELLAR)]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert Room.objects.get().title == ""


def test_nobody_changes_a_room_that_nobody_made(alice):
    say(alice.user, "garden")

    assert alice.patch(f"{ROOMS}/garden", {"private": True}).status_code == 403
    assert Room.objects.get().is_private is False


def test_a_deleted_room_takes_all_along(alice, bob, events):
    room = make_room(alice.user, bob.user)
    said = say(bob.user, "cellar")
    say(alice.user, "cellar", reply_to=said.pk)
    add_reaction(user_id=alice.user.pk, message_id=said.pk, emoji="👍")
    kept = say(alice.user, "garden")
    events.clear()

    assert alice.delete(CELLAR).status_code == 204
    assert list(Message.objects.all()) == [kept]
    assert [room.room_id for room in Room.objects.all()] == ["garden"]
    assert events == [
        RoomDeleted(room_pk=room.pk, room_id="cellar"),
        RoomShut(room_pk=room.pk, user_id=None),
    ]
    assert alice.get(CELLAR).status_code == 404


# Members


def test_owners_and_moderators_let_others_in(alice, bob, carol, events):
    make_room(alice.user, bob.user)
    say(alice.user, "cellar")
    Member.objects.filter(user=bob.user).update(role=MemberRole.MODERATOR)
    events.clear()

    answers = [bob.post(f"{CELLAR}/members", {"user": "carol"}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 200]
    shown = answers[0].json()
    assert (shown["username"], shown["role"], shown["read_seq"]) == ("carol", "member", 1)
    added = MemberAdded(room_id="cellar", user_id=carol.user.pk, actor_id=bob.user.pk)
    assert events == [added]
    assert carol.get("/api/chat/cellar").status_code == 200


def test_a_moderator_gives_no_role(alice, bob, carol):
    make_room(alice.user, bob.user)
    Member.objects.filter(user=bob.user).update(role=MemberRole.MODERATOR)

    answers = [
        bob.post(f"{CELLAR}/members", {"user": "carol", "role": "owner"}),
        bob.patch(member_path(bob), {"role": "owner"}),
        bob.delete(member_path(alice)),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert roles() == {"alice": "owner", "bob": "moderator"}


def test_a_plain_member_lets_nobody_in_or_out(alice, bob, carol):
    make_room(alice.user, bob.user)

    answers = [bob.post(f"{CELLAR}/members", {"user": "carol"}), bob.delete(member_path(alice))]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert roles() == {"alice": "owner", "bob": "member"}


def test_who_is_removed_sees_it_no_more(alice, bob, events):
    room = make_room(alice.user, bob.user)
    events.clear()

    assert alice.delete(member_path(bob)).status_code == 204
    assert bob.get(CELLAR).status_code == bob.get("/api/chat/cellar").status_code == 404
    assert events == [
        MemberRemoved(room_id="cellar", user_id=bob.user.pk),
        RoomShut(room_pk=room.pk, user_id=bob.user.pk),
    ]
    assert alice.delete(member_path(bob)).status_code == 404


def test_a_role_is_given_and_taken(alice, bob):
    make_room(alice.user, bob.user)

    assert alice.patch(member_path(bob), {"role": "owner"}).json()["role"] == "owner"
    assert alice.patch(member_path(alice), {"role": "member"}).json()["role"] == "member"
    assert roles() == {"alice": "member", "bob": "owner"}


@pytest.mark.parametrize("role", ["admin", "", None, 5])
def test_an_unknown_role_is_refused(alice, bob, role):
    make_room(alice.user, bob.user)

    assert alice.patch(member_path(bob), {"role": role}).status_code == 400
    assert roles()["bob"] == "member"


def test_the_last_owner_hands_over_before_leaving(alice, bob):
    make_room(alice.user, bob.user)
    refused = [
        alice.post(f"{CELLAR}/leave"),
        alice.patch(member_path(alice), {"role": "member"}),
        alice.delete(member_path(alice)),
    ]
    alice.patch(member_path(bob), {"role": "owner"})
    left = alice.post(f"{CELLAR}/leave")

    assert [answer.json()["code"] for answer in refused] == ["last_owner"] * 3
    assert left.status_code == 204
    assert roles() == {"bob": "owner"}
    assert alice.get(CELLAR).status_code == 404


def test_a_private_room_goes_with_its_last_member(alice):
    make_room(alice.user)
    say(alice.user, "cellar")

    assert alice.post(f"{CELLAR}/leave").status_code == 204
    assert not Room.objects.exists()


def test_an_open_room_stays_when_all_have_left(alice):
    say(alice.user, "garden")

    assert alice.post(f"{ROOMS}/garden/leave").status_code == 204
    assert len(alice.get("/api/chat/garden").json()) == 1
    assert alice.post(f"{ROOMS}/garden/leave").json()["code"] == "not_a_member"


def test_members_are_listed_with_how_far_they_have_read(alice, bob, django_assert_num_queries):
    make_room(alice.user, bob.user)
    say(alice.user, "cellar")
    bob.get(CELLAR)

    with django_assert_num_queries(2):
        members = bob.get(f"{CELLAR}/members").json()

    assert [(m["username"], m["role"], m["read_seq"]) for m in members] == [
        ("bob", "member", 0),
        ("alice", "owner", 1),
    ]


def test_muting_is_ones_own_matter(alice, bob):
    make_room(alice.user, bob.user)

    assert bob.put(f"{CELLAR}/mute").status_code == 204
    assert (bob.get(CELLAR).json()["muted"], alice.get(CELLAR).json()["muted"]) == (True, False)
    assert bob.delete(f"{CELLAR}/mute").status_code == 204
    assert bob.get(CELLAR).json()["muted"] is False


def test_who_is_no_member_mutes_nothing(alice, bob):
    say(alice.user, "garden")

    assert bob.put(f"{ROOMS}/garden/mute").json()["code"] == "not_a_member"
    assert Member.objects.count() == 1


# Read


def read(client, seq, room_id="garden"):
    return client.post(f"/api/chat/{room_id}/read", {"seq": seq})


def test_a_read_marker_never_goes_back_nor_ahead(alice, bob, events):
    for _ in range(3):
        say(alice.user)
    events.clear()

    marked = [read(bob, seq).json()["read_seq"] for seq in [2, 1, 99, 0]]

    assert marked == [2, 2, 3, 3]
    assert [event.seq for event in events if isinstance(event, RoomRead)] == [2, 3]
    assert Member.objects.get(user=bob.user).read_seq == 3


def test_reading_tells_the_room(alice, bob, events):
    say(alice.user)
    events.clear()
    read(bob, 1)

    frame = {"type": "read", "user_id": bob.user.pk, "username": "bob", "seq": 1}
    assert events[-1].frame == frame


@pytest.mark.parametrize("seq", [-1, "x", None, 2**63, True])
def test_a_bad_marker_is_refused(alice, seq):
    say(alice.user)

    assert read(alice, seq).status_code == 400
    assert Member.objects.get().read_seq == 1


def test_reading_makes_no_room(alice):
    assert read(alice, 1, "nowhere").status_code == 404
    assert not Room.objects.exists()


# Listed


def test_my_rooms_come_with_what_is_unread_and_the_last_message(alice, bob):
    make_room(alice.user, bob.user)
    say(bob.user, "garden")
    say(alice.user, "garden")
    say(bob.user, "elsewhere")
    say(bob.user, "cellar", "Dark here.")

    cellar, garden = alice.get(ROOMS).json()

    assert (cellar["room_id"], cellar["unread_count"], cellar["role"]) == ("cellar", 1, "owner")
    assert cellar["last_message"]["message"] == "Dark here."
    assert cellar["last_message"]["username"] == "bob"
    assert (garden["room_id"], garden["unread_count"], garden["role"]) == ("garden", 0, "member")


def test_my_rooms_are_filtered(alice, bob):
    make_room(alice.user)
    say(alice.user, "garden")
    say(bob.user, "garden")

    def names(query):
        return [room["room_id"] for room in alice.get(f"{ROOMS}?{query}").json()]

    assert names("private=true") == names("unread=false") == ["cellar"]
    assert names("private=false") == names("unread=true") == ["garden"]


@pytest.mark.parametrize("rows", [1, 20])
def test_my_rooms_cost_one_query_however_many(alice, rows, django_assert_num_queries):
    for n in range(rows):
        say(alice.user, f"room-{n}")
    alice.get(ROOMS)

    with django_assert_num_queries(1):
        response = alice.get(ROOMS)

    assert len(response.json()) == rows


def test_a_room_has_an_etag(alice):
    make_room(alice.user)
    etag = alice.get(CELLAR)["ETag"]

    assert alice.get(CELLAR, headers={"If-None-Match": etag}).status_code == 304
    say(alice.user, "cellar")
    assert alice.get(CELLAR, headers={"If-None-Match": etag}).status_code == 200


def test_a_change_of_a_room_that_has_changed_since_is_refused(alice):
    make_room(alice.user)
    read = alice.get(CELLAR)["ETag"]
    renamed = alice.patch(CELLAR, {"title": "Mine"}, headers={"If-Match": read})

    late = [
        alice.patch(CELLAR, {"title": "Late"}, headers={"If-Match": read}),
        alice.delete(CELLAR, headers={"If-Match": read}),
    ]

    assert [renamed.status_code, *(one.status_code for one in late)] == [200, 412, 412]
    assert alice.get(CELLAR).json()["title"] == "Mine"
    assert alice.delete(CELLAR, headers={"If-Match": renamed["ETag"]}).status_code == 204
