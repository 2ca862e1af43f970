"""POST /api/chat/send."""

import re

import pytest

from collaboration.events import MessageSent, MessageStored
from collaboration.models import Member, Message, Room
from collaboration.services import rooms
from collaboration.tests.talk import SEND, make_room, say

pytestmark = pytest.mark.django_db
UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def of(events, kind):
    return [event for event in events if isinstance(event, kind)]


def test_a_message_is_answered_as_the_contract_shows_it(alice):
    body = {"room_id": "room-123", "message": "Hello!", "message_type": "text", "metadata": {}}
    response = alice.post(SEND, body)

    assert response.status_code == 201
    assert response["Content-Type"] == "application/json"
    message = response.json()
    assert UTC.fullmatch(message.pop("created_at"))
    assert message == body | {
        "id": Message.objects.get().pk,
        "seq": 1,
        "user_id": alice.user.pk,
        "username": "alice",
        "client_id": "",
        "reply_to": None,
        "attachments": [],
        "reactions": {},
        "edited_at": None,
        "deleted_at": None,
    }


def test_what_was_sent_is_what_the_history_shows(alice):
    body = {
        "room_id": "garden",
        "message": "  two\n lines\t",
        "message_type": "image",
        "metadata": {"a": [1, 1.5, None, {"é": "\U0001f337"}]},
        "client_id": "c-1",
        "reply_to": say(alice.user).pk,
    }
    sent = alice.post(SEND, body).json()

    assert {name: sent[name] for name in body} == body
    assert alice.get("/api/chat/garden").json()[0] == sent
    assert alice.get(f"/api/chat/messages/{sent['id']}").json() == sent


def test_seq_counts_the_messages_of_each_room_by_itself(alice):
    sent = [alice.post(SEND, {"room_id": r, "message": "x"}).json() for r in ["a", "b", "a"]]

    assert [message["seq"] for message in sent] == [1, 1, 2]
    assert dict(Room.objects.values_list("room_id", "last_seq")) == {"a": 2, "b": 1}


@pytest.mark.django_db(transaction=True)
def test_sending_costs_one_statement(alice, django_assert_num_queries):
    alice.post(SEND, {"room_id": "garden", "message": "x"})

    with django_assert_num_queries(1):
        alice.post(SEND, {"room_id": "garden", "message": "y"})


def test_who_writes_is_in_the_room_and_has_read_it(alice, bob):
    say(bob.user)
    alice.post(SEND, {"room_id": "garden", "message": "x"})

    member = Member.objects.get(user=alice.user)
    assert (member.role, member.read_seq, member.is_muted) == ("member", 2, False)
    assert Member.objects.get(user=bob.user).read_seq == 1


def test_the_longest_message_is_taken(alice):
    response = alice.post(SEND, {"room_id": "g" * 100, "message": "é" * 4000})

    assert response.status_code == 201
    assert response.json()["message"] == "é" * 4000


BAD = [("message", value) for value in ["", " ", "\n\t ", None, 5, True, [], {}, "x" * 4001]]
BAD += [("room_id", value) for value in ["", "a b", "a/b", "é", "x" * 101, "a\n", None, 5, []]]
BAD += [("room_id", value) for value in ["rooms", "send", "messages", ".", ".."]]
BAD += [("message_type", value) for value in ["", "system", "Text", "video", None, 1]]
BAD += [("metadata", value) for value in [None, 5, "{}", [], {"a": "x" * 16384}]]
BAD += [("client_id", value) for value in [None, 5, "x" * 65, []]]
BAD += [("reply_to", value) for value in [0, -1, 2**63, "x", True, [], 2**62]]
BAD += [("attachments", value) for value in [None, 5, {}, ["x"], [{"type": "item", "id": 1}]]]
BAD += [("attachments", [{"type": "file", "id": 0}]), ("attachments", [{"type": "file"}])]
BAD += [("attachments", [{"type": "file", "id": n} for n in range(1, 12)])]
BAD += [("attachments", [{"type": "file", "id": 2**62}])]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_bad_value_is_refused_by_its_name_and_nothing_is_stored(alice, name, value):
    response = alice.post(SEND, {"room_id": "garden", "message": "x", name: value})

    assert response.status_code == 400
    assert response.json()["code"] == "invalid"
    assert response.json()["detail"].startswith(f"{name}")
    assert not Message.objects.exists()
    assert not Room.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_numbers_that_grow_when_written_out_are_refused(alice):
    body = {"room_id": "garden", "message": "x", "metadata": {"a": [1e308] * 1000}}
    response = alice.post(SEND, body)

    assert response.status_code == 400
    assert list(response.json()["errors"]) == ["metadata"]
    assert not Message.objects.exists()


def test_a_reply_is_to_a_message_of_the_same_room(alice):
    elsewhere = say(alice.user, "kitchen")

    response = alice.post(SEND, {"room_id": "garden", "message": "x", "reply_to": elsewhere.pk})

    assert response.status_code == 400
    assert list(response.json()["errors"]) == ["reply_to"]


def test_a_bad_reply_tells_strangers_nothing_of_a_private_room(alice, bob):
    make_room(alice.user)
    said = say(alice.user, "cellar")

    response = bob.post(SEND, {"room_id": "cellar", "message": "x", "reply_to": said.pk})

    assert response.status_code == 404
    assert Message.objects.count() == 1


def test_the_same_client_id_stores_one_message_and_tells_once(alice, events):
    body = {"room_id": "garden", "message": "x", "client_id": "c-1"}
    first = alice.post(SEND, body)
    again = alice.post(SEND, body | {"message": "y"})

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert len(of(events, MessageSent)) == len(of(events, MessageStored)) == 1
    assert Room.objects.get().last_seq == 1


def test_a_client_id_is_its_authors_own_and_of_one_room(alice, bob):
    body = {"room_id": "garden", "message": "x", "client_id": "c-1"}
    answers = [alice.post(SEND, body), bob.post(SEND, body)]
    answers.append(alice.post(SEND, body | {"room_id": "kitchen"}))

    assert [answer.status_code for answer in answers] == [201, 201, 201]


def test_an_idempotency_key_replays_the_answer(alice):
    body, key = {"room_id": "garden", "message": "x"}, {"Idempotency-Key": "k"}
    first, again = (alice.post(SEND, body, headers=key) for _ in range(2))

    assert again.json() == first.json()
    assert again["Idempotent-Replayed"] == "true"
    assert Message.objects.count() == 1


def test_a_flood_is_stopped_by_room_and_user(alice, bob, settings):
    settings.CHAT_MESSAGES_PER_WINDOW = 2
    body = {"room_id": "garden", "message": "x"}
    answers = [alice.post(SEND, body) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert answers[-1].json()["code"] == "flood_limit_reached"
    assert 1 <= int(answers[-1]["Retry-After"]) <= 10
    assert alice.post(SEND, body | {"room_id": "kitchen"}).status_code == 201
    assert bob.post(SEND, body).status_code == 201
    assert Message.objects.count() == 4


def test_rooms_are_not_made_without_end(alice, settings):
    settings.ROOMS_PER_HOUR = 1
    answers = [alice.post(SEND, {"room_id": name, "message": "x"}) for name in ["a", "a", "b"]]

    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert Room.objects.count() == 1


def mentions(events):
    return of(events, MessageSent)[-1].mentioned_ids


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@bob", ["bob"]),
        ("hey @BOB, @carol.", ["bob", "carol"]),
        ("@bob... @bob", ["bob"]),
        ("(@bob)", ["bob"]),
        ("me@bob x@carol.example", []),
        ("@alice @nobody @", []),
        ("@@bob @bob@carol", ["bob"]),
    ],
)
def test_who_is_named_is_mentioned(alice, bob, carol, events, text, names):
    alice.post(SEND, {"room_id": "garden", "message": text})

    people = {"bob": bob.user.pk, "carol": carol.user.pk}
    assert mentions(events) == tuple(people[name] for name in names)


def test_only_who_may_read_and_wants_to_know_is_mentioned(alice, bob, carol, events):
    make_room(alice.user, bob.user)
    alice.post(SEND, {"room_id": "cellar", "message": "@bob @carol"})
    assert mentions(events) == (bob.user.pk,)

    rooms.set_muted(member_id=bob.user.pk, room_id="cellar", is_muted=True)
    alice.post(SEND, {"room_id": "cellar", "message": "@bob @carol"})
    assert mentions(events) == ()


def test_nothing_is_sent_without_a_session(anonymous, db):
    response = anonymous.post(SEND, {"room_id": "garden", "message": "x"})

    assert response.status_code == 401
    assert not Room.objects.exists()
