"""What a user may keep, however many upload at once."""

import threading

import pytest
from django.db import connection

from files.models import Blob, File, StorageUsage
from files.services.quotas import charge, release, usage_of
from files.tests.factories import make_file, received_files, stored_names, upload


@pytest.mark.django_db
@pytest.mark.usefixtures("any_store")
def test_an_upload_past_the_quota_is_refused_and_keeps_nothing(alice, settings):
    settings.STORAGE_BYTES = {"free": 9}
    upload(alice, b"12345")

    response = upload(alice, b"12345")

    assert (response.status_code, response.json()["code"]) == (403, "storage_quota_reached")
    told = {key: response.json()[key] for key in ("used_bytes", "limit_bytes", "needed_bytes")}
    assert told == {"used_bytes": 5, "limit_bytes": 9, "needed_bytes": 5}
    assert (File.objects.count(), Blob.objects.count(), len(stored_names())) == (1, 1, 1)
    assert (StorageUsage.objects.get().used_bytes, received_files()) == (5, [])


@pytest.mark.django_db
def test_the_last_byte_can_be_used(alice, settings):
    settings.STORAGE_BYTES = {"free": 10}

    assert [upload(alice, b"12345").status_code for _ in range(3)] == [201, 201, 403]
    assert usage_of(alice.user.pk).free_bytes == 0


@pytest.mark.django_db
def test_a_deleted_file_makes_room(alice, settings):
    settings.STORAGE_BYTES = {"free": 5}
    first = upload(alice, b"12345").json()
    assert upload(alice, b"1").status_code == 403

    alice.delete(f"/api/files/{first['id']}")

    assert upload(alice, b"12345").status_code == 201


@pytest.mark.django_db
def test_a_quota_that_shrank_refuses_more_and_takes_nothing_away(alice, settings):
    file = make_file(alice.user, b"12345")
    settings.STORAGE_BYTES = {"free": 2}

    usage = alice.get("/api/files/usage").json()

    assert (usage["used_bytes"], usage["free_bytes"]) == (5, 0)
    assert upload(alice, b"1").status_code == 403
    assert File.objects.get() == file


@pytest.mark.django_db
def test_more_can_never_be_given_back_than_was_charged(alice):
    charge(owner_id=alice.user.pk, size_bytes=5)

    release(owner_id=alice.user.pk, size_bytes=9)

    assert usage_of(alice.user.pk).used_bytes == 0


def at_once(count, act):
    """What `act(number)` gave in threads that start together."""
    together, outcomes = threading.Barrier(count), []

    def run(number):
        together.wait()
        try:
            outcomes.append(act(number))
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[number]) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_keyed", [False, True])
def test_of_ten_uploads_at_once_as_many_are_kept_as_there_is_room_for(alice, settings, is_keyed):
    settings.STORAGE_BYTES = {"free": 35}

    def send(number):
        headers = {"Idempotency-Key": f"k{number}"} if is_keyed else None
        return upload(alice, b"ten bytes!", headers=headers).status_code

    assert sorted(at_once(10, send)) == [201] * 3 + [403] * 7

    names = sorted(Blob.objects.values_list("name", flat=True))
    assert (File.objects.count(), len(names)) == (3, 3)
    assert stored_names() == names
    assert received_files() == []
    assert StorageUsage.objects.get().used_bytes == 30


@pytest.mark.django_db(transaction=True)
def test_uploads_and_deletions_at_once_are_counted_exactly(alice):
    ids = [make_file(alice.user, b"ten bytes!").pk for _ in range(4)]

    def act(number):
        if number % 2:
            return alice.delete(f"/api/files/{ids[number // 2]}").status_code
        return upload(alice, b"four").status_code

    assert sorted(at_once(8, act)) == [201] * 4 + [204] * 4

    assert StorageUsage.objects.get().used_bytes == 16
    assert len(stored_names()) == Blob.objects.count() == 4
