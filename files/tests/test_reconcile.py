"""`manage.py reconcile`: rows and bytes agree again, and nothing that is in use is touched."""

import io
import json
import os
import threading
import time
import uuid
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

from accounts.tests.factories import make_user
from files import tasks
from files.models import Blob, File, StorageUsage, Upload
from files.services import quotas
from files.services.blobs import NewBlob, keeping
from files.services.reconcile import GRACE, reconcile
from files.storage.incoming import Incoming
from files.storage.stores import store
from files.tests.factories import make_file, received_files, stored_names

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def put(name=None, content=b"stray"):
    """Bytes without a row."""
    name = name or f"{uuid.uuid4()}.txt"
    with Incoming(limit=1000) as incoming:
        incoming.write(content)
        store().put(name, incoming.finish(), content_type="text/plain")
    return name


def later(time_machine, by=HOUR + timedelta(minutes=1)):
    time_machine.move_to(timezone.now() + by)


def run(*options):
    """What the command prints, and what it complains of."""
    printed, complaint = io.StringIO(), ""
    try:
        call_command("reconcile", *options, stdout=printed)
    except CommandError as error:
        complaint = str(error)
    return printed.getvalue(), complaint


def make_upload(owner, *, expires_in, length=100):
    upload = Upload.objects.create(
        owner=owner,
        target="file",
        length=length,
        original_filename="a.txt",
        expires_at=timezone.now() + expires_in,
    )
    quotas.charge(owner_id=owner.pk, size_bytes=length)
    return upload


@pytest.mark.usefixtures("any_store")
def test_bytes_without_a_row_are_deleted_once_they_are_old(alice, time_machine):
    kept = make_file(alice.user)
    put()
    assert reconcile().orphans_deleted == 0

    later(time_machine)
    report = reconcile()

    assert (report.orphans_deleted, report.orphan_bytes_deleted, report.stored) == (1, 5, 2)
    assert stored_names() == [kept.blob.name]
    assert not report.needs_a_person


@pytest.mark.usefixtures("any_store")
def test_a_dry_run_tells_the_same_and_changes_nothing(alice, time_machine):
    stray = put()
    upload = make_upload(alice.user, expires_in=-HOUR)
    later(time_machine)
    StorageUsage.objects.update(used_bytes=7)

    report = reconcile(is_dry_run=True)

    assert (report.orphans_deleted, report.expired_uploads) == (1, 1)
    assert [(it.counted_bytes, it.kept_bytes) for it in report.corrections] == [(7, 100)]
    assert stored_names() == [stray]
    assert Upload.objects.get() == upload
    assert StorageUsage.objects.get().used_bytes == 7


@pytest.mark.usefixtures("any_store")
def test_a_row_without_its_bytes_is_told_and_kept(alice):
    make_file(alice.user)
    lost = make_file(alice.user, b"12345678")
    store().delete(lost.blob.name)

    printed, complaint = run()

    assert f"{lost.blob.name} of user {alice.user.pk}: 8 bytes were kept, nothing is" in printed
    assert "1 rows have lost their bytes" in complaint
    assert (File.objects.count(), Blob.objects.count()) == (2, 2)


def test_a_file_that_was_cut_is_told_as_lost(alice, local_store):
    file = make_file(alice.user)
    os.truncate(local_store.path_of(file.blob.name), 2)

    (loss,) = reconcile().losses

    assert (loss.name, loss.size_bytes, loss.stored_bytes) == (file.blob.name, 5, 2)


@pytest.mark.parametrize("name", ["backup.tar", "AA.txt", "static-logo.svg"])
def test_what_is_not_named_as_ours_is_left_alone(name, time_machine):
    put(name)
    later(time_machine)

    report = reconcile()

    assert (report.foreign, report.orphans_deleted, stored_names()) == (1, 0, [name])


def test_when_most_of_all_has_no_row_nothing_is_deleted_unless_forced(monkeypatch, time_machine):
    monkeypatch.setattr("files.services.reconcile.FEW_ORPHANS", 2)
    names = sorted(put() for _ in range(3))
    later(time_machine)

    _, complaint = run()
    assert "3 of 3 stored things have no row" in complaint
    assert stored_names() == names

    printed, complaint = run("--force")

    assert ("3 deleted (15 bytes)" in printed, complaint) == (True, "")
    assert stored_names() == []


def test_uploads_past_their_time_go_with_bytes_and_charge(alice):
    gone = make_upload(alice.user, expires_in=-HOUR)
    kept = make_upload(alice.user, expires_in=HOUR, length=7)

    report = reconcile()

    assert report.expired_uploads == 1
    assert list(Upload.objects.all()) == [kept]
    assert StorageUsage.objects.get().used_bytes == 7
    assert gone.pk != kept.pk


def test_bytes_of_an_upload_without_a_row_are_deleted(alice, tmp_path):
    upload = make_upload(alice.user, expires_in=HOUR)
    folder = tmp_path / "uploads"
    folder.mkdir()
    (folder / str(upload.pk)).write_bytes(b"x")
    (folder / str(uuid.uuid4())).write_bytes(b"x")

    assert reconcile(is_dry_run=True).upload_files_deleted == 1
    assert reconcile().upload_files_deleted == 1
    assert [path.name for path in folder.iterdir()] == [str(upload.pk)]


@pytest.mark.parametrize("place", ["incoming", "spool", "blobs/partial"])
def test_temporary_files_go_once_they_are_old(settings, tmp_path, place):
    settings.REQUEST_SPOOL_DIR = tmp_path / "spool"
    folder = tmp_path / place
    folder.mkdir(parents=True)
    old, young = folder / "old", folder / "young"
    for path, age in ((old, GRACE + timedelta(minutes=1)), (young, GRACE - timedelta(minutes=1))):
        path.write_bytes(b"x")
        moment = time.time() - age.total_seconds()
        os.utime(path, (moment, moment))

    assert reconcile(is_dry_run=True).temporary_files_deleted == 1
    assert old.exists()
    assert reconcile().temporary_files_deleted == 1
    assert list(folder.iterdir()) == [young]


def test_what_is_counted_wrongly_is_corrected(alice, bob):
    make_file(alice.user, b"12345")
    make_upload(alice.user, expires_in=HOUR, length=100)
    make_file(bob.user, b"12")
    StorageUsage.objects.filter(owner=alice.user).update(used_bytes=9999)
    StorageUsage.objects.filter(owner=bob.user).delete()

    corrections = {
        it.owner_id: (it.counted_bytes, it.kept_bytes) for it in reconcile().corrections
    }

    assert corrections == {alice.user.pk: (9999, 105), bob.user.pk: (0, 2)}
    assert StorageUsage.objects.get(owner=alice.user).used_bytes == 105
    assert StorageUsage.objects.get(owner=bob.user).used_bytes == 2
    assert reconcile().corrections == []


def test_bytes_that_are_not_charged_are_not_counted(alice):
    Blob.objects.filter(pk=make_file(alice.user).blob_id).update(is_charged=False)

    (correction,) = reconcile().corrections

    assert correction.kept_bytes == 0


def test_the_command_prints_json_for_programs(alice):
    lost = make_file(alice.user)
    store().delete(lost.blob.name)

    printed, complaint = run("--json", "--dry-run")

    told = json.loads(printed)
    assert (told["is_dry_run"], told["stored"]) == (True, 0)
    assert told["losses"] == [
        {
            "name": lost.blob.name,
            "owner_id": alice.user.pk,
            "size_bytes": 5,
            "stored_bytes": None,
        }
    ]
    assert complaint


def test_where_all_is_well_the_command_says_so_and_does_not_complain(alice):
    make_file(alice.user)

    printed, complaint = run()

    assert complaint == ""
    assert printed.splitlines()[0].startswith("Stored: 1")
    assert "Rows without their bytes: 0." in printed


def test_the_hourly_task_does_the_same(alice, time_machine):
    put()
    later(time_machine)

    tasks.reconcile()

    assert stored_names() == []
    assert tasks.clear_expired_uploads() == 0


def test_a_store_that_does_not_answer_is_said_in_a_sentence(settings):
    settings.AWS_STORAGE_BUCKET_NAME = "nowhere"
    settings.AWS_ACCESS_KEY_ID = settings.AWS_SECRET_ACCESS_KEY = "test"
    settings.AWS_S3_REGION_NAME = "us-east-1"
    settings.AWS_S3_ENDPOINT_URL = "http://127.0.0.1:1"

    assert "does not answer" in run()[1]


def in_thread(act):
    def run_and_close():
        try:
            act()
        finally:
            connection.close()

    thread = threading.Thread(target=run_and_close)
    thread.start()
    return thread


def receive(content=b"hello"):
    incoming = Incoming(limit=100)
    incoming.write(content)
    return NewBlob(incoming.finish(), "text/plain", ".txt")


@pytest.mark.django_db(transaction=True)
def test_a_blob_that_is_being_kept_is_neither_deleted_nor_miscounted():
    owner = make_user("writer")
    is_inside, may_end = threading.Event(), threading.Event()

    def keep():
        with keeping(owner.pk, [receive()]):
            is_inside.set()
            assert may_end.wait(10)

    writer = in_thread(keep)
    assert is_inside.wait(10)
    report = reconcile()
    may_end.set()
    writer.join()

    assert (report.stored, report.orphans_deleted, report.corrections) == (1, 0, [])
    assert stored_names() == [Blob.objects.get().name]
    assert StorageUsage.objects.get().used_bytes == 5
    assert len(received_files()) == 1


@pytest.mark.django_db(transaction=True)
def test_a_correction_waits_for_a_charge_that_is_not_committed():
    owner = make_user("writer")
    with keeping(owner.pk, [receive()]):
        pass
    StorageUsage.objects.update(used_bytes=1)
    is_charged, may_end = threading.Event(), threading.Event()

    def keep():
        with transaction.atomic(), keeping(owner.pk, [receive(b"1234567")]):
            is_charged.set()
            assert may_end.wait(10)

    writer = in_thread(keep)
    assert is_charged.wait(10)
    corrector = in_thread(reconcile)
    corrector.join(0.3)
    assert corrector.is_alive()
    may_end.set()
    for thread in (writer, corrector):
        thread.join()

    assert StorageUsage.objects.get().used_bytes == 12
