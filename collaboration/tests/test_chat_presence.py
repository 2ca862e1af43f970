"""Who is in a room and who is typing, as Redis keeps it."""

import dataclasses

import pytest

from alice.common import redis_client
from collaboration.services import presence
from collaboration.services.presence import Visit
from collaboration.tests.talk import make_room, say

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def still(monkeypatch):
    """Nobody beats but the test."""
    monkeypatch.setattr(presence, "_here", presence.Visits())
    monkeypatch.setattr(presence.Visits, "add", lambda self, visit: None)


@pytest.fixture
def visit(alice):
    return Visit(socket_id="s", room_pk=1, user_id=alice.user.pk, username="alice")


def told(events):
    return [
        (event.frame["type"], event.frame["username"], event.frame["online"]) for event in events
    ]


def names(people):
    return [person["username"] for person in people]


def pass_time(key, seconds):
    """Have everybody in a sorted set seem to have come so long ago."""
    client = redis_client.client()
    for member, score in client.zrange(key, 0, -1, withscores=True):
        client.zadd(key, {member: score - seconds})


def test_a_person_is_there_until_the_last_socket_is_gone(visit, events):
    other = dataclasses.replace(visit, socket_id="t")
    presence.arrive(visit)
    presence.arrive(other)
    presence.leave(visit)
    assert names(presence.online_in(1)) == ["alice"]

    presence.leave(other)
    assert presence.online_in(1) == []
    assert told(events) == [("presence", "alice", True), ("presence", "alice", False)]


def test_what_a_killed_process_left_is_over_by_itself_and_told_once(visit, events):
    other = dataclasses.replace(visit, user_id=visit.user_id + 1, username="bob", socket_id="t")
    presence.arrive(visit)
    presence.arrive(other)
    pass_time("here:1", presence.HERE_SECONDS)
    assert presence.online_in(1) == []

    events.clear()
    presence.beat([visit])
    presence.beat([visit])

    assert names(presence.online_in(1)) == ["alice"]
    assert told(events) == [("presence", "alice", True), ("presence", "bob", False)]


def test_nothing_of_it_stays_in_redis(visit):
    presence.arrive(visit)
    presence.start_typing(room_pk=1, user_id=visit.user_id, username="alice")
    client = redis_client.client()

    lives = [client.ttl(key) for key in client.keys("here:*") + client.keys("typing:*")]

    assert len(lives) == 4
    assert all(0 < life <= presence.HERE_SECONDS for life in lives)


def test_a_beat_keeps_who_is_there(visit, events):
    presence.arrive(visit)
    pass_time("here:1", presence.HERE_SECONDS - 5)
    presence.beat([visit])
    pass_time("here:1", presence.HERE_SECONDS - 5)

    assert names(presence.online_in(1)) == ["alice"]
    assert len(events) == 1


def test_typing_is_told_now_and_then_and_ends_by_itself(alice, events):
    who = {"room_pk": 1, "user_id": alice.user.pk, "username": "alice"}
    for _ in range(3):
        presence.start_typing(**who)
    assert names(presence.typing_in(1)) == ["alice"]
    assert [event.frame["typing"] for event in events] == [True]

    pass_time("typing:1", presence.TYPING_SECONDS)
    assert presence.typing_in(1) == []


def test_who_stops_typing_is_told_to_have_stopped(alice, events):
    who = {"room_pk": 1, "user_id": alice.user.pk, "username": "alice"}
    presence.start_typing(**who)
    presence.stop_typing(**who)
    presence.stop_typing(**who)
    presence.start_typing(**who)

    assert [event.frame["typing"] for event in events] == [True, False, True]


def test_who_goes_stops_typing(visit, events):
    presence.arrive(visit)
    presence.start_typing(room_pk=1, user_id=visit.user_id, username="alice")
    presence.leave(visit)

    assert presence.typing_in(1) == []
    kinds = [event.frame["type"] for event in events]
    assert kinds == ["presence", "typing", "typing", "presence"]


def test_presence_is_shown_to_those_who_may_read(alice, bob, carol):
    room = make_room(alice.user, bob.user)
    visit = Visit(socket_id="s", room_pk=room.pk, user_id=bob.user.pk, username="bob")
    presence.arrive(visit)
    bob.post("/api/chat/cellar/typing", {})
    who = [{"user_id": bob.user.pk, "username": "bob"}]

    assert alice.get("/api/chat/cellar/presence").json() == {"online": who, "typing": who}
    assert carol.get("/api/chat/cellar/presence").status_code == 404
    bob.post("/api/chat/cellar/typing", {"typing": False})
    assert alice.get("/api/chat/cellar/presence").json() == {"online": who, "typing": []}


def test_without_redis_nobody_is_seen_and_nothing_fails(alice, redis_switch, visit, events):
    say(alice.user)
    events.clear()
    redis_switch.stop()

    presence.arrive(visit)
    presence.beat([visit])
    shown = alice.get("/api/chat/garden/presence")
    typed = alice.post("/api/chat/garden/typing", {})
    presence.leave(visit)

    assert (shown.status_code, shown.json()) == (200, {"online": [], "typing": []})
    assert typed.status_code == 204
    assert events == []


def test_messages_go_on_without_redis(alice, redis_switch):
    redis_switch.stop()

    sent = alice.post("/api/chat/send", {"room_id": "garden", "message": "x"})

    assert sent.status_code == 201
    assert alice.get("/api/chat/garden").json() == [sent.json()]
