"""/ws/chat/{room_id}, over the real server."""

import contextlib
from datetime import timedelta

import pytest
from django.utils import timezone

from alice.common import redis_client
from alice.tests.realtime.kit import open_socket
from collaboration import consumers
from collaboration.models import Member, Message, ResourceType, Room, Share
from collaboration.services import presence, rooms
from collaboration.services.shares import create_share, revoke_share
from collaboration.tests.talk import SEND, make_room, say

pytestmark = pytest.mark.django_db(transaction=True)


@contextlib.contextmanager
def in_room(server, client, room_id="garden"):
    """A socket of `client` in a room, and its hello as `socket.hello`."""
    with open_socket(server, f"/ws/chat/{room_id}", token=client.access_token) as socket:
        socket.hello = socket.next()
        yield socket


def until(socket, kind):
    """The next frame of this type; what comes before is of no interest here."""
    while (frame := socket.next())["type"] != kind:
        pass
    return frame


def spoken(socket, count=1):
    """The next messages, as REST shows them."""
    frames = [until(socket, "message") for _ in range(count)]
    return [{name: frame[name] for name in frame if name != "type"} for frame in frames]


def test_two_in_a_room_see_what_each_other_say(web_server, alice, bob):
    with in_room(web_server, alice) as mine, in_room(web_server, bob) as theirs:
        mine.send({"type": "message", "message": "Hello!", "client_id": "c"})
        theirs.send({"type": "message", "message": "Hi.", "metadata": {"a": 1}})
        heard = [spoken(mine, 2), spoken(theirs, 2)]

    history = alice.get("/api/chat/garden").json()[::-1]
    assert heard == [history, history]
    assert {(said["username"], said["message"]) for said in history} == {
        ("alice", "Hello!"),
        ("bob", "Hi."),
    }


def test_what_is_sent_over_rest_reaches_the_sockets(web_server, alice, bob):
    with in_room(web_server, bob) as theirs:
        sent = alice.post(SEND, {"room_id": "garden", "message": "over REST"}).json()

        assert spoken(theirs) == [sent]


def test_hello_tells_where_one_is(web_server, alice, bob):
    make_room(alice.user, bob.user, title="The cellar")
    say(alice.user, "cellar")

    with in_room(web_server, alice, "cellar"), in_room(web_server, bob, "cellar") as theirs:
        people = [{"user_id": c.user.pk, "username": c.user.username} for c in (alice, bob)]
        hello = theirs.hello
        assert sorted(hello.pop("online"), key=lambda one: one["user_id"]) == people
        assert hello == {
            "type": "hello",
            "seq": 1,
            "room_id": "cellar",
            "title": "The cellar",
            "private": True,
            "user_id": bob.user.pk,
            "username": "bob",
            "role": "member",
            "can_write": True,
            "read_seq": 0,
            "typing": [],
        }


def test_an_edit_a_reaction_and_a_deletion_are_told(web_server, alice, bob):
    said = say(alice.user)
    path = f"/api/chat/messages/{said.pk}"
    with in_room(web_server, bob) as theirs:
        edited = alice.patch(path, {"message": "Better."}).json()
        assert until(theirs, "edited") == {"type": "edited"} | edited
        reacted = alice.put(f"{path}/reactions/x").json()
        assert until(theirs, "reactions") == {"type": "reactions"} | reacted
        alice.delete(path)
        assert until(theirs, "deleted") == {"type": "deleted"} | alice.get(path).json()


def test_reading_and_typing_are_told(web_server, alice, bob):
    say(alice.user)
    who = {"user_id": bob.user.pk, "username": "bob"}
    with in_room(web_server, alice) as mine, in_room(web_server, bob) as theirs:
        theirs.send({"type": "read", "seq": 1}, {"type": "typing"}, {"type": "typing"})
        theirs.send({"type": "typing", "typing": False})
        assert until(mine, "read") == {"type": "read", **who, "seq": 1}
        frames = [until(mine, "typing") for _ in range(2)]

    assert [(frame["username"], frame["typing"]) for frame in frames] == [
        ("bob", True),
        ("bob", False),
    ]
    assert Member.objects.get(user=bob.user).read_seq == 1


def test_coming_and_going_is_told_once_for_each_person(web_server, alice, bob):
    who = {"type": "presence", "user_id": bob.user.pk, "username": "bob"}
    with in_room(web_server, alice) as mine:
        until(mine, "presence")
        with in_room(web_server, bob), in_room(web_server, bob):
            assert mine.next() == who | {"online": True}
        assert mine.next() == who | {"online": False}
        shown = alice.get("/api/chat/garden/presence").json()

    assert shown == {"online": [{"user_id": alice.user.pk, "username": "alice"}], "typing": []}


def test_a_retry_is_answered_to_its_sender_alone(web_server, alice, bob):
    frame = {"type": "message", "message": "x", "client_id": "c"}
    with in_room(web_server, alice) as mine, in_room(web_server, bob) as theirs:
        mine.send(frame, frame, {"type": "message", "message": "y"})
        heard = [[said["seq"] for said in spoken(mine, 3)]]
        heard.append([said["seq"] for said in spoken(theirs, 2)])

    assert heard == [[1, 1, 2], [1, 2]]
    assert Message.objects.count() == 2


BAD = [
    {"type": "message"},
    {"type": "message", "message": " "},
    {"type": "message", "message": "x", "message_type": "system"},
    {"type": "message", "message": "x", "reply_to": 2**62},
    {"type": "message", "message": "x", "attachments": [{"type": "file", "id": 2**62}]},
    {"type": "read", "seq": -1},
    {"type": "read"},
    {"type": "typing", "typing": "maybe"},
    {"type": "resume"},
    {"type": "resume", "after_seq": "x"},
]


@pytest.mark.parametrize("frame", BAD, ids=range(len(BAD)))
def test_a_bad_frame_is_answered_and_the_socket_goes_on(web_server, alice, frame):
    with in_room(web_server, alice) as mine:
        mine.send(frame | {"ref": "r"}, {"type": "message", "message": "good"})
        error = until(mine, "error")
        assert (error["code"], error["ref"]) == ("invalid", "r")
        assert spoken(mine)[0]["message"] == "good"

    assert Message.objects.count() == 1


def test_a_flood_is_answered_with_an_error(web_server, alice, settings):
    settings.CHAT_MESSAGES_PER_WINDOW = 1
    with in_room(web_server, alice) as mine:
        mine.send(*[{"type": "message", "message": "x", "client_id": f"{n}"} for n in range(2)])
        error = until(mine, "error")

    assert (error["code"], error["ref"]) == ("flood_limit_reached", "1")
    assert Message.objects.count() == 1


# What was missed


def test_resume_sends_what_was_missed_in_its_order(web_server, alice):
    for _ in range(5):
        say(alice.user)
    with in_room(web_server, alice) as mine:
        mine.send({"type": "resume", "after_seq": 2})

        assert [said["seq"] for said in spoken(mine, 3)] == [3, 4, 5]
        assert mine.next() == {"type": "resumed", "seq": 5, "more": False}
        mine.send({"type": "resume", "after_seq": 5})
        assert mine.next() == {"type": "resumed", "seq": 5, "more": False}


def test_too_much_to_resume_comes_in_parts(web_server, alice, monkeypatch):
    monkeypatch.setattr(consumers, "RESUMED_AT_ONCE", 2)
    for _ in range(3):
        say(alice.user)
    with in_room(web_server, alice) as mine:
        mine.send({"type": "resume", "after_seq": 0})
        assert until(mine, "resumed") == {"type": "resumed", "seq": 2, "more": True}
        mine.send({"type": "resume", "after_seq": 2})
        assert until(mine, "resumed") == {"type": "resumed", "seq": 3, "more": False}


def test_large_messages_do_not_choke_who_resumes(web_server, alice, monkeypatch):
    monkeypatch.setattr(consumers, "RESUMED_BYTES", 4000)
    for _ in range(3):
        say(alice.user, message="x" * 4000)
    with in_room(web_server, alice) as mine:
        mine.send({"type": "resume", "after_seq": 0})

        assert until(mine, "resumed") == {"type": "resumed", "seq": 1, "more": True}


def test_what_was_never_told_comes_before_the_next(web_server, alice, bob, monkeypatch):
    with in_room(web_server, bob) as theirs:
        with monkeypatch.context() as patched:
            patched.setattr("collaboration.subscribers.push", lambda *args, **kwargs: None)
            alice.post(SEND, {"room_id": "garden", "message": "lost"})
            alice.post(SEND, {"room_id": "garden", "message": "lost too"})
        alice.post(SEND, {"room_id": "garden", "message": "heard"})

        assert [said["message"] for said in spoken(theirs, 3)] == ["lost", "lost too", "heard"]


def test_what_was_sent_while_redis_dropped_the_server_is_caught_up(web_server, alice, bob):
    with in_room(web_server, bob) as theirs:
        until(theirs, "presence")
        client = redis_client.client()
        say(alice.user, message="meanwhile")
        database = str(client.connection_pool.connection_kwargs["db"])
        for one in client.client_list(_type="pubsub"):
            if one["db"] == database:
                client.client_kill_filter(_id=one["id"])

        assert spoken(theirs)[0]["message"] == "meanwhile"


# Who may be there


def closed_with(server, client, room_id):
    path = f"/ws/chat/{room_id}"
    with open_socket(server, path, token=client.access_token) as socket:
        return socket.end().code


@pytest.mark.parametrize("room_id", ["cellar", "rooms", "a%20b", "x" * 101])
def test_what_is_not_there_for_somebody_is_closed_with_4404(web_server, alice, bob, room_id):
    make_room(alice.user)

    assert closed_with(web_server, bob, room_id) == 4404
    assert Room.objects.count() == 1


def test_looking_into_a_room_that_nobody_made_opens_it(web_server, alice, bob):
    with in_room(web_server, alice) as mine:
        bob.post(SEND, {"room_id": "garden", "message": "first"})

        assert mine.hello["seq"] == 0
        assert spoken(mine)[0]["seq"] == 1


def test_who_is_removed_is_closed_and_hears_nothing_more(web_server, alice, bob):
    make_room(alice.user, bob.user)
    with in_room(web_server, bob, "cellar") as theirs:
        alice.delete(f"/api/chat/rooms/cellar/members/{bob.user.pk}")
        alice.post(SEND, {"room_id": "cellar", "message": "alone at last"})
        end = theirs.end()

    assert end.code == 4404
    assert "message" not in [frame["type"] for frame in end.frames]


def test_to_a_room_that_becomes_private_only_members_come_again(web_server, alice, bob):
    make_room(alice.user, is_private=False)
    with (
        in_room(web_server, alice, "cellar") as mine,
        in_room(web_server, bob, "cellar") as theirs,
    ):
        alice.patch("/api/chat/rooms/cellar", {"private": True})
        assert [socket.end().code for socket in (mine, theirs)] == [1012, 1012]

    assert closed_with(web_server, bob, "cellar") == 4404
    with in_room(web_server, alice, "cellar") as mine:
        assert mine.hello["private"] is True


def test_a_deleted_room_closes_its_sockets(web_server, alice, bob):
    make_room(alice.user, bob.user)
    with in_room(web_server, bob, "cellar") as theirs:
        alice.delete("/api/chat/rooms/cellar")

        assert theirs.end().code == 4404
    assert not Room.objects.exists()


@pytest.fixture
def shared(alice, bob):
    """A private room of alice that bob may read by a share."""
    room = make_room(alice.user)
    return create_share(
        owner_id=alice.user.pk,
        resource_type=ResourceType.ROOM,
        resource_id=room.pk,
        shared_with_user_id=bob.user.pk,
    )


def test_a_revoked_share_closes_the_sockets_it_let_in(web_server, alice, bob, shared):
    with in_room(web_server, bob, "cellar") as theirs:
        assert theirs.hello["can_write"] is False
        shares = Share.objects.visible_to(alice.user)
        revoke_share(shares=shares, share_id=shared.pk, actor=alice.user)

        assert theirs.end().code == 4404


def test_a_share_that_runs_out_closes_them_with_the_next_beat(web_server, bob, shared):
    with in_room(web_server, bob, "cellar") as theirs:
        Share.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        presence.beat(list(presence._here._visits.values()))

        assert theirs.end().code == 4404


def test_who_may_only_read_says_nothing(web_server, bob, shared):
    with in_room(web_server, bob, "cellar") as theirs:
        theirs.send({"type": "message", "message": "x"}, {"type": "typing"})
        assert [until(theirs, "error")["code"] for _ in range(2)] == ["forbidden", "forbidden"]

    assert not Message.objects.exists()


def test_who_left_says_nothing_even_before_the_socket_closes(web_server, bob, alice, monkeypatch):
    monkeypatch.setattr("collaboration.subscribers.close_group", lambda *args: None)
    make_room(alice.user, bob.user)
    with in_room(web_server, bob, "cellar") as theirs:
        rooms.leave_room(member_id=bob.user.pk, room_id="cellar")
        theirs.send({"type": "message", "message": "x"}, {"type": "resume", "after_seq": 0})
        assert [until(theirs, "error")["code"] for _ in range(2)] == ["not_found", "not_found"]

    assert not Message.objects.exists()
