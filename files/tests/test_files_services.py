"""What the API does not show: events, failures half-way, and what an account takes along."""

import pytest
from django.db import DataError, transaction

from accounts.services import profile
from accounts.services.exports import _sources
from alice.common import events
from alice.common.errors import Invalid, NotFound
from files.events import FileDeleted, FileUpdated, FileUploaded
from files.models import Blob, File, StorageUsage
from files.selectors import bytes_of_file
from files.services import files
from files.services.targets import upload_target
from files.storage.incoming import Incoming
from files.tests.factories import make_file, stored_names, upload

pytestmark = pytest.mark.django_db


@pytest.fixture
def heard(monkeypatch):
    """The events announced, in their order."""
    heard = []
    for kind in (FileUploaded, FileUpdated, FileDeleted):
        monkeypatch.setitem(events._handlers, kind, [heard.append])
    return heard


def test_each_step_of_a_file_is_announced_once(alice, heard):
    file_id, owner_id = upload(alice).json()["id"], alice.user.pk
    alice.patch(f"/api/files/{file_id}", {"description": "d", "tags": []})
    alice.patch(f"/api/files/{file_id}", {"description": "d"})
    alice.delete(f"/api/files/{file_id}")

    assert heard == [
        FileUploaded(file_id=file_id, owner_id=owner_id),
        FileUpdated(file_id=file_id, owner_id=owner_id, changed=("description",)),
        FileDeleted(file_id=file_id, owner_id=owner_id),
    ]


def test_bytes_are_deleted_only_once_that_is_committed(alice, django_capture_on_commit_callbacks):
    file = make_file(alice.user)

    with django_capture_on_commit_callbacks(execute=True):
        files.delete_file(files=File.objects.all(), file_id=file.pk)
        assert stored_names() == [file.blob.name]

    assert stored_names() == []


def test_a_deletion_that_is_rolled_back_keeps_all(alice, django_capture_on_commit_callbacks):
    file = make_file(alice.user)

    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        files.delete_file(files=File.objects.all(), file_id=file.pk)
        transaction.set_rollback(True)

    assert (File.objects.get(), stored_names()) == (file, [file.blob.name])
    assert StorageUsage.objects.get().used_bytes == 5


@pytest.mark.usefixtures("any_store")
def test_a_row_that_cannot_be_written_leaves_no_bytes(alice):
    with pytest.raises(DataError):
        make_file(alice.user, description="\0")

    assert (File.objects.count(), Blob.objects.count(), stored_names()) == (0, 0, [])
    assert not StorageUsage.objects.filter(used_bytes__gt=0).exists()


def test_an_empty_file_is_refused(alice):
    with pytest.raises(Invalid, match="empty"):
        make_file(alice.user, b"")


def test_a_file_of_somebody_else_is_not_found(alice, bob):
    file = make_file(alice.user)
    his = File.objects.visible_to(bob.user)

    with pytest.raises(NotFound):
        files.update_file(files=his, file_id=file.pk, changes={"description": "x"})
    with pytest.raises(NotFound):
        files.delete_file(files=his, file_id=file.pk)
    assert bytes_of_file(file_id=file.pk, viewer_id=bob.user.pk) is None
    assert File.objects.get().version == 1


def test_a_finished_resumable_upload_becomes_a_file(alice):
    target = upload_target("file")
    with Incoming(limit=100) as incoming:
        incoming.write(b"hello")
        file_id = target.finish(
            owner_id=alice.user.pk,
            received=incoming.finish(),
            original_filename="a.txt",
            description="d",
            tags=["t"],
        )

    assert alice.get(target.location(file_id)).json()["tags"] == ["t"]


def test_an_account_takes_along_what_is_known_of_its_files(alice, bob):
    file = make_file(alice.user, tags=["t"])
    make_file(bob.user)

    (row,) = _sources["files"](alice.user.pk)

    assert (row["id"], row["original_filename"], row["tags"]) == (file.pk, "note.txt", ["t"])
    assert row["blob__sha256"] == file.blob.sha256


def test_who_leaves_takes_the_files_along_with_their_bytes(
    alice, bob, django_capture_on_commit_callbacks
):
    make_file(alice.user)
    kept = make_file(bob.user)

    with django_capture_on_commit_callbacks(execute=True):
        profile.delete_account(owner_id=alice.user.pk)

    assert (File.objects.get(), stored_names()) == (kept, [kept.blob.name])
    assert StorageUsage.objects.get().owner_id == bob.user.pk
