"""Files in messages: open to those in the room, for as long as they are there."""

import pytest
from django.core.files.base import ContentFile

from collaboration.models import Attachment, Message, ResourceType, Room
from collaboration.services import rooms
from collaboration.services.shares import create_share
from collaboration.tests.talk import SEND, make_room

pytestmark = pytest.mark.django_db


def upload(client):
    form = {"file": ContentFile(b"hello", name="note.txt")}
    return client.post("/api/files/upload", form, format="multipart").json()["id"]


def attach(client, *file_ids, room_id="cellar"):
    attached = [{"type": "file", "id": file_id} for file_id in file_ids]
    return client.post(SEND, {"room_id": room_id, "message": "See.", "attachments": attached})


def status_for(client, file_id):
    return client.get(f"/api/files/{file_id}").status_code


@pytest.fixture
def cellar(alice, bob):
    return make_room(alice.user, bob.user)


def test_whoever_reads_the_room_opens_what_is_attached(alice, bob, carol, cellar):
    file_id = upload(alice)
    sent = attach(alice, file_id, file_id)

    assert sent.status_code == 201
    assert sent.json()["attachments"] == [{"type": "file", "id": file_id}]
    assert bob.get("/api/chat/cellar").json() == [sent.json()]
    assert [status_for(client, file_id) for client in (alice, bob, carol)] == [200, 200, 404]


def test_it_is_not_theirs_to_change(alice, bob, cellar):
    file_id = upload(alice)
    attach(alice, file_id)

    assert bob.delete(f"/api/files/{file_id}").status_code == 403
    assert status_for(alice, file_id) == 200


def test_the_right_ends_with_the_message_and_with_the_membership(alice, bob, cellar):
    first, second = upload(alice), upload(alice)
    sent = attach(alice, first).json()
    attach(alice, second)

    alice.delete(f"/api/chat/messages/{sent['id']}")
    assert [status_for(bob, one) for one in (first, second)] == [404, 200]
    rooms.remove_member(actor_id=alice.user.pk, room_id="cellar", user_id=bob.user.pk)
    assert status_for(bob, second) == 404


def test_nobody_attaches_what_is_not_their_own(alice, bob, carol, cellar):
    file_id = upload(alice)
    for _ in range(2):
        refused = attach(bob, file_id, room_id="garden")
        assert (refused.status_code, list(refused.json()["errors"])) == (400, ["attachments"])
        create_share(
            owner_id=alice.user.pk,
            resource_type=ResourceType.FILE,
            resource_id=file_id,
            shared_with_user_id=bob.user.pk,
        )

    assert status_for(carol, file_id) == 404
    assert not Message.objects.exists()
    assert not Room.objects.filter(room_id="garden").exists()


def test_a_deleted_file_leaves_its_messages(alice, cellar):
    file_id = upload(alice)
    attach(alice, file_id)

    assert alice.delete(f"/api/files/{file_id}").status_code == 204
    assert alice.get("/api/chat/cellar").json()[0]["attachments"] == []
    assert not Attachment.objects.exists()
