"""Many at once: one order, no gaps, nothing twice."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections

from accounts.tests.factories import make_user
from alice.common.errors import DomainError
from collaboration.models import Member, MemberRole, Message, Room
from collaboration.services import rooms
from collaboration.services.messages import Draft, send_message
from collaboration.services.rooms import LastOwner
from collaboration.tests.talk import make_room, say

pytestmark = pytest.mark.django_db(transaction=True)
WRITERS, EACH = 8, 25


def at_once(*acts):
    """What each of `acts` answers or raises, begun at the same moment."""
    together = threading.Barrier(len(acts))

    def run(act):
        together.wait(10)
        try:
            return act()
        except DomainError as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def send(author, text="x", room_id="garden", **fields):
    draft = Draft(message=text, **fields)
    return send_message(author_id=author.pk, room_id=room_id, draft=draft)


def test_writers_at_once_are_put_in_one_order_without_gaps():
    authors = [make_user() for _ in range(WRITERS)]
    acts = [lambda a=a: [send(a, f"{n}").shown for n in range(EACH)] for a in authors]

    answers = at_once(*acts)

    rows = list(Message.objects.order_by("seq").values("pk", "seq", "author_id", "created_at"))
    assert [row["seq"] for row in rows] == list(range(1, WRITERS * EACH + 1))
    for ordered in ("pk", "created_at"):
        assert [row[ordered] for row in rows] == sorted(row[ordered] for row in rows)
    stored = {(row["pk"], row["seq"]) for row in rows}
    assert {(said["id"], said["seq"]) for one in answers for said in one} == stored
    assert Room.objects.get().last_seq == WRITERS * EACH


def test_twins_at_once_are_stored_once():
    author = make_user()
    say(author)

    answers = at_once(*[lambda: send(author, client_id="c") for _ in range(6)])

    assert len({answer.message_id for answer in answers}) == 1
    assert [answer.shown is not None for answer in answers].count(True) == 1
    assert Message.objects.count() == Room.objects.get().last_seq == 2


def test_first_messages_at_once_make_one_room():
    authors = [make_user() for _ in range(6)]

    answers = at_once(*[lambda a=a: send(a).shown["seq"] for a in authors])

    assert sorted(answers) == [1, 2, 3, 4, 5, 6]
    assert Room.objects.get().last_seq == Member.objects.count() == 6


def test_a_room_is_made_by_one():
    makers = [make_user() for _ in range(4)]

    answers = at_once(*[lambda m=m: make_room(m) for m in makers])

    assert sum(isinstance(answer, Room) for answer in answers) == 1
    assert Member.objects.count() == 1


def test_a_first_message_never_ends_up_in_a_private_room_made_at_once():
    owner, author = make_user(), make_user()
    rooms.open_room(visitor_id=author.pk, room_id="cellar")

    made, sent = at_once(lambda: make_room(owner), lambda: send(author, room_id="cellar"))

    room = Room.objects.get()
    was_made = isinstance(made, Room)
    assert room.is_private is was_made
    assert Message.objects.count() == (0 if was_made else 1)
    assert isinstance(sent, DomainError) is was_made


def test_one_of_two_owners_who_leave_at_once_stays():
    first, second, third = make_user(), make_user(), make_user()
    make_room(first, second, third)
    Member.objects.filter(user=second).update(role=MemberRole.OWNER)

    answers = at_once(
        *[lambda u=u: rooms.leave_room(member_id=u.pk, room_id="cellar") for u in (first, second)]
    )

    assert {type(answer) for answer in answers} == {LastOwner, type(None)}
    assert Member.objects.filter(role=MemberRole.OWNER).count() == 1


def test_who_is_removed_while_writing_is_not_brought_back():
    owner, author = make_user(), make_user()
    make_room(owner, author)

    def write():
        for _ in range(20):
            send(author, room_id="cellar")

    def remove():
        rooms.remove_member(actor_id=owner.pk, room_id="cellar", user_id=author.pk)

    at_once(write, remove)

    assert [member.user for member in Member.objects.all()] == [owner]
    seqs = Message.objects.order_by("seq").values_list("seq", flat=True)
    assert list(seqs) == list(range(1, Room.objects.get().last_seq + 1))


def test_markers_at_once_end_at_the_highest(alice):
    for _ in range(10):
        say(alice.user)
    reader = make_user()

    at_once(
        *[
            lambda n=n: rooms.mark_read(reader_id=reader.pk, room_id="garden", seq=n)
            for n in range(1, 11)
        ]
    )

    assert Member.objects.get(user=reader).read_seq == 10
    connection.close()
