"""The admin of rooms and messages: looked at, moderated."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.tests.factories import make_user
from collaboration.models import Message, Room
from collaboration.services.edits import add_reaction, delete_message
from collaboration.tests.talk import make_room, say
from system.models import AuditEntry

pytestmark = pytest.mark.django_db
ROOMS, MESSAGES = "/admin/collaboration/room/", "/admin/collaboration/message/"


def page_of(row, step="change"):
    return f"/admin/collaboration/{row._meta.model_name}/{row.pk}/{step}/"


def found(response):
    return set(response.context["cl"].queryset)


@pytest.fixture
def clerk_page():
    """Staff who may look at all that is here and change nothing."""
    clerk = make_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    page = Client()
    page.force_login(clerk)
    return page


@pytest.mark.parametrize("rows", [1, 20])
@pytest.mark.parametrize("address", [ROOMS, MESSAGES])
def test_a_list_costs_the_same_however_many_rows(
    admin_page, django_assert_num_queries, rows, address
):
    for n in range(rows):
        say(make_user(), f"room-{n}")

    with django_assert_num_queries(4):
        response = admin_page.get(address)

    assert response.context["cl"].result_count == rows


@pytest.mark.parametrize("address", [ROOMS, MESSAGES])
def test_only_staff_with_the_right_see_a_list(client, address):
    client.force_login(make_user("plain"))
    newcomer = Client()
    newcomer.force_login(make_user("newcomer", is_staff=True))

    assert client.get(address).headers["Location"].startswith("/admin/login/")
    assert newcomer.get(address).status_code == 403


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ({"q": "tulips"}, True),
        ({"q": "alice"}, True),
        ({"q": "garden"}, True),
        ({"q": "giraffe"}, False),
        ({"state": "there"}, True),
        ({"state": "deleted"}, False),
        ({"state": "edited"}, False),
        ({"type": "text"}, True),
        ({"type": "image"}, False),
        ({"created_at_to": "2000-01-01"}, False),
    ],
)
def test_messages_are_searched_and_filtered(admin_page, alice, query, is_found):
    said = say(alice.user, message="The tulips are out.")

    assert found(admin_page.get(MESSAGES, query)) == ({said} if is_found else set())


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ({"q": "cellar"}, True),
        ({"q": "Below"}, True),
        ({"q": "alice"}, True),
        ({"q": "attic"}, False),
        ({"privacy": "private"}, True),
        ({"privacy": "open"}, False),
    ],
)
def test_rooms_are_searched_and_filtered(admin_page, alice, query, is_found):
    room = make_room(alice.user, title="Below")

    assert found(admin_page.get(ROOMS, query)) == ({room} if is_found else set())


def test_everything_is_shown_harmless(admin_page, alice, bob):
    hostile = "<script>x"
    room = make_room(alice.user, bob.user, title=hostile)
    first = say(alice.user, "cellar", hostile, metadata={"a": hostile})
    said = say(bob.user, "cellar", hostile, reply_to=first.pk)
    add_reaction(user_id=alice.user.pk, message_id=said.pk, emoji="<b>")
    gone = say(bob.user, "cellar")
    delete_message(actor_id=bob.user.pk, message_id=gone.pk)

    pages = [ROOMS, MESSAGES, *map(page_of, (room, first, said, gone)), page_of(said, "delete")]
    for address in pages:
        html = admin_page.get(address).content.decode()
        assert hostile not in html
        assert "<b>" not in html
    assert "bob" in admin_page.get(page_of(room)).content.decode()


def test_a_message_is_moderated_by_the_service_and_noted(
    admin_page, alice, staff, django_capture_on_commit_callbacks
):
    said = say(alice.user)
    question = admin_page.get(page_of(said, "delete"))

    with django_capture_on_commit_callbacks(execute=True):
        admin_page.post(page_of(said, "delete"), {"post": "yes"})

    assert question.status_code == 200
    row = Message.objects.get()
    assert (row.message, row.deleted_at is None) == ("", False)
    entry = AuditEntry.objects.get(action="message.deleted_by_staff")
    assert (entry.actor_id, entry.target) == (staff.user.pk, f"message:{said.pk}")
    assert entry.details == {"author_id": alice.user.pk, "room_id": "garden"}


def test_several_are_moderated_at_once(admin_page, alice):
    said = [say(alice.user) for _ in range(3)]
    chosen = {"action": "delete_selected", "_selected_action": [row.pk for row in said[:2]]}

    admin_page.post(MESSAGES, chosen | {"index": 0, "post": "yes"})

    assert list(Message.objects.filter(deleted_at=None)) == [said[2]]
    assert AuditEntry.objects.filter(action="message.deleted_by_staff").count() == 2


def test_a_room_is_deleted_by_the_service_and_noted(admin_page, alice):
    room = make_room(alice.user)
    say(alice.user, "cellar")

    admin_page.post(page_of(room, "delete"), {"post": "yes"})

    assert not Room.objects.exists()
    entry = AuditEntry.objects.get(action="room.deleted_by_staff")
    assert entry.details == {"room_id": "cellar", "message_count": 1}


def test_who_may_only_look_changes_nothing(clerk_page, alice):
    room, said = make_room(alice.user), say(alice.user)

    answers = [clerk_page.post(page_of(row, "delete"), {"post": "yes"}) for row in (room, said)]
    answers += [clerk_page.post(page_of(row), {"title": "x"}) for row in (room, said)]

    assert [answer.status_code for answer in answers] == [403] * 4
    assert clerk_page.get(page_of(said)).status_code == 200
    assert Message.objects.get().deleted_at is None
