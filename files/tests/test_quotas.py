"""What a user may keep, however many upload at once."""

import threading

import pytest
from django.db import connection

from alice.common import gate
from alice.common.tests.kit import entitle
from files.models import Blob, File, StorageUsage
from files.services.quotas import charge, release, usage_of
from files.tests.factories import make_file, received_files, stored_names, upload
from files.tests.tus.kit import UPLOADS, ask


@pytest.mark.django_db
@pytest.mark.usefixtures("any_store")
def test_an_upload_past_the_quota_is_refused_and_keeps_nothing(alice, settings):
    entitle(settings, free={"storage_bytes": 9})
    upload(alice, b"12345")

    response = upload(alice, b"12345")

    assert (response.status_code, response.json()["code"]) == (403, "storage_quota_reached")
    told = {key: response.json()[key] for key in ("used_bytes", "limit_bytes", "needed_bytes")}
    assert told == {"used_bytes": 5, "limit_bytes": 9, "needed_bytes": 5}
    assert (File.objects.count(), Blob.objects.count(), len(stored_names())) == (1, 1, 1)
    assert (StorageUsage.objects.get().used_bytes, received_files()) == (5, [])


@pytest.mark.django_db
def test_the_last_byte_can_be_used(alice, settings):
    entitle(settings, free={"storage_bytes": 10})

    assert [upload(alice, b"12345").status_code for _ in range(3)] == [201, 201, 403]
    assert usage_of(alice.user.pk).free_bytes == 0


@pytest.mark.django_db
def test_a_deleted_file_makes_room(alice, settings):
    entitle(settings, free={"storage_bytes": 5})
    first = upload(alice, b"12345").json()
    assert upload(alice, b"1").status_code == 403

    alice.delete(f"/api/files/{first['id']}")

    assert upload(alice, b"12345").status_code == 201


@pytest.mark.django_db
def test_a_quota_that_shrank_refuses_more_and_takes_nothing_away(alice, settings):
    file = make_file(alice.user, b"12345")
    entitle(settings, free={"storage_bytes": 2})

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
    entitle(settings, free={"storage_bytes": 35})

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


@pytest.mark.django_db
def test_a_larger_plan_takes_larger_files_and_more_of_them(alice, bob, settings):
    entitle(settings, free={"upload_size_bytes": 4}, pro={"upload_size_bytes": 9})
    gate.change_tier(alice.user.pk, "pro")

    assert upload(alice, b"123456789").status_code == 201
    refusals = [upload(alice, b"1234567890"), upload(bob, b"12345")]

    assert [answer.status_code for answer in refusals] == [413, 413]
    assert [answer.json()["limit_bytes"] for answer in refusals] == [9, 4]
    assert "your plan" in refusals[0].json()["detail"]
    assert (File.objects.count(), received_files()) == (1, [])


@pytest.mark.django_db
def test_a_resumable_upload_is_as_long_as_the_plan_allows(alice, bob, settings):
    entitle(settings, free={"upload_size_bytes": 4}, pro={"upload_size_bytes": 9})
    gate.change_tier(alice.user.pk, "pro")

    answers = [
        ask(alice, "POST", UPLOADS, Upload_Length="9"),
        ask(alice, "POST", UPLOADS, Upload_Length="10"),
        ask(bob, "POST", UPLOADS, Upload_Length="5"),
    ]

    assert [answer.status_code for answer in answers] == [201, 413, 413]
    assert StorageUsage.objects.get().used_bytes == 9


@pytest.mark.django_db
def test_an_upload_begun_under_a_larger_plan_can_be_finished_under_a_smaller(alice, settings):
    entitle(settings, free={"upload_size_bytes": 4}, pro={"upload_size_bytes": 9})
    gate.change_tier(alice.user.pk, "pro")
    begun = ask(alice, "POST", UPLOADS, Upload_Length="9").headers["Location"]
    gate.change_tier(alice.user.pk, "free")

    answer = ask(
        alice, "PATCH", begun, b"123456789", "application/offset+octet-stream", Upload_Offset="0"
    )

    assert answer.status_code == 204
    assert File.objects.get().blob.size_bytes == 9
