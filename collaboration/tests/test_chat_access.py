"""Who may: strangers find no private room anywhere, and who was given it to read only reads."""

import pytest

from collaboration.models import (
    Attachment,
    Member,
    Message,
    Permission,
    Reaction,
    ResourceType,
    Room,
    Share,
)
from collaboration.services.shares import create_share, revoke_share
from collaboration.tests.talk import make_room, say

pytestmark = pytest.mark.django_db
CALLS = [
    ("get", "/api/chat/{room}", None),
    ("get", "/api/chat/{room}?after_seq=0", None),
    ("get", "/api/chat/{room}?count=true", None),
    ("get", "/api/chat/{room}/presence", None),
    ("post", "/api/chat/{room}/read", {"seq": 1}),
    ("post", "/api/chat/{room}/typing", {}),
    ("post", "/api/chat/send", {"room_id": "{room}", "message": "x"}),
    ("get", "/api/chat/rooms/{room}", None),
    ("patch", "/api/chat/rooms/{room}", {"title": "x"}),
    ("delete", "/api/chat/rooms/{room}", None),
    ("post", "/api/chat/rooms/{room}/leave", None),
    ("put", "/api/chat/rooms/{room}/mute", None),
    ("delete", "/api/chat/rooms/{room}/mute", None),
    ("get", "/api/chat/rooms/{room}/members", None),
    ("post", "/api/chat/rooms/{room}/members", {"user": "bob"}),
    ("patch", "/api/chat/rooms/{room}/members/{user}", {"role": "member"}),
    ("delete", "/api/chat/rooms/{room}/members/{user}", None),
    ("get", "/api/chat/messages/{message}", None),
    ("patch", "/api/chat/messages/{message}", {"message": "x"}),
    ("delete", "/api/chat/messages/{message}", None),
    ("put", "/api/chat/messages/{message}/reactions/x", None),
    ("delete", "/api/chat/messages/{message}/reactions/x", None),
]
MISSING = 2**62
# Where an open room may be made by whoever comes first, nothing is missing.
COMES_TO_BE = {"/api/chat/send", "/api/chat/{room}"}
# What changes a room, and what only looks at it or at oneself.
WRITES = ["/api/chat/send", "/api/chat/{room}/typing"]
WRITES += ["/api/chat/rooms/{room}", "/api/chat/rooms/{room}/members"]
WRITES += ["/api/chat/rooms/{room}/members/{user}", "/api/chat/messages/{message}"]
WRITES += ["/api/chat/messages/{message}/reactions/x"]


def everything():
    tables = [Room, Member, Message, Reaction, Attachment, Share]
    return [list(table.objects.order_by("pk").values()) for table in tables]


def answer_without_id(response):
    body = response.json() if response.content else {}
    return response.status_code, body.get("detail"), body.get("code"), sorted(body)


@pytest.fixture
def cellar(alice):
    """A private room of alice, and what she said there."""
    room = make_room(alice.user)
    return room, say(alice.user, "cellar")


def call(client, what, *, room_id="cellar", message_id):
    verb, path, body = what
    alice_id = Member.objects.get().user_id
    address = path.format(room=room_id, user=alice_id, message=message_id)
    if body and "room_id" in body:
        body = body | {"room_id": room_id}
    return getattr(client, verb)(address, body)


@pytest.mark.parametrize("who", ["bob", "staff"])
@pytest.mark.parametrize("what", CALLS)
def test_to_a_stranger_a_private_room_is_not_there(request, cellar, who, what):
    stranger = request.getfixturevalue(who)
    before = everything()

    foreign = call(stranger, what, message_id=cellar[1].pk)

    assert foreign.status_code == 404
    assert everything() == before
    if what[1].partition("?")[0] not in COMES_TO_BE:
        missing = call(stranger, what, room_id="nowhere", message_id=MISSING)
        assert answer_without_id(foreign) == answer_without_id(missing)


@pytest.mark.parametrize("what", CALLS)
def test_nothing_is_done_without_a_session(anonymous, cellar, what):
    before = everything()

    response = call(anonymous, what, message_id=cellar[1].pk)

    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert everything() == before


def share(owner, room, holder, permission=Permission.VIEW):
    return create_share(
        owner_id=owner.pk,
        resource_type=ResourceType.ROOM,
        resource_id=room.pk,
        shared_with_user_id=holder.pk,
        permission=permission,
    )


@pytest.mark.parametrize("what", [c for c in CALLS if c[1] in WRITES and c[0] != "get"])
def test_who_may_only_read_changes_nothing(alice, bob, cellar, what):
    room, said = cellar
    share(alice.user, room, bob.user)
    before = everything()

    response = call(bob, what, message_id=said.pk)

    is_own_reaction = what[0] == "delete" and what[1].endswith("/x")
    assert response.status_code == (200 if is_own_reaction else 403)
    assert everything() == before


def test_a_shared_room_is_read_and_listed(alice, bob, cellar):
    room, said = cellar
    share(alice.user, room, bob.user)

    listed = bob.get("/api/chat/rooms").json()[0]
    assert (listed["room_id"], listed["role"], listed["can_write"]) == ("cellar", None, False)
    assert [message["id"] for message in bob.get("/api/chat/cellar").json()] == [said.pk]
    assert bob.get(f"/api/chat/messages/{said.pk}").status_code == 200


def test_a_room_shared_for_editing_is_written_to_without_becoming_a_member(alice, bob, cellar):
    room, said = cellar
    made = share(alice.user, room, bob.user, Permission.EDIT)

    sent = bob.post("/api/chat/send", {"room_id": "cellar", "message": "x"})
    read = bob.post("/api/chat/cellar/read", {"seq": 2})
    reacted = bob.put(f"/api/chat/messages/{said.pk}/reactions/x")

    assert [answer.status_code for answer in (sent, read, reacted)] == [201, 200, 200]
    assert [member.user_id for member in Member.objects.all()] == [alice.user.pk]
    shares = Share.objects.visible_to(alice.user)
    revoke_share(shares=shares, share_id=made.pk, actor=alice.user)
    assert bob.get("/api/chat/cellar").status_code == 404
    again = bob.post("/api/chat/send", {"room_id": "cellar", "message": "y"})
    assert again.status_code == 404


def test_removing_a_member_does_not_leave_a_place_through_writing(alice, bob):
    room = make_room(alice.user, bob.user)
    alice.delete(f"/api/chat/rooms/cellar/members/{bob.user.pk}")

    assert bob.post("/api/chat/send", {"room_id": "cellar", "message": "x"}).status_code == 404
    assert not Member.objects.filter(room=room, user=bob.user).exists()


@pytest.mark.parametrize(
    ("verb", "path", "allowed"),
    [
        ("get", "/api/chat/send", "POST, OPTIONS"),
        ("post", "/api/chat/garden", "GET, HEAD, OPTIONS"),
        ("put", "/api/chat/rooms", "GET, POST, HEAD, OPTIONS"),
        ("post", "/api/chat/rooms/garden", "GET, PATCH, DELETE, HEAD, OPTIONS"),
        ("get", "/api/chat/garden/read", "POST, OPTIONS"),
    ],
)
def test_other_methods_are_refused(alice, verb, path, allowed):
    response = getattr(alice, verb)(path)

    assert (response.status_code, response["Allow"]) == (405, allowed)


@pytest.mark.parametrize("path", ["/api/chat/garden/", "/api/chat/rooms/", "/api/chat/send/"])
def test_a_trailing_slash_leads_nowhere(alice, path):
    assert alice.get(path).status_code == 404
