"""Resumable uploads are begun: what they may be, what they cost, and what is refused."""

import threading
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from django.utils.http import parse_http_date

from alice.common.errors import DomainError
from alice.common.tests.kit import entitle
from files.models import Upload
from files.services import uploads
from files.services.uploads import NewUpload
from files.tests.tus.kit import UPLOADS, ask, base64_of, create, everything, metadata, used_bytes

pytestmark = pytest.mark.django_db

ALL_OF_IT = metadata(
    filename="Bär.pdf",
    filetype="application/pdf",
    description="Ours",
    tags="a, b,a,",
    target="file",
)


def test_an_upload_is_begun_with_its_address_and_its_end(alice):
    response = ask(alice, "POST", UPLOADS, Upload_Length="11", Upload_Metadata=ALL_OF_IT)

    upload = Upload.objects.get()
    expires_at = parse_http_date(response.headers["Upload-Expires"])
    assert (response.status_code, response.content) == (201, b"")
    assert response.headers["Location"] == f"/api/uploads/{upload.pk}"
    assert response.headers["Tus-Resumable"] == "1.0.0"
    assert expires_at == int(upload.expires_at.timestamp())
    assert (
        timedelta()
        <= timezone.now() + timedelta(hours=24) - upload.expires_at
        < timedelta(seconds=30)
    )
    assert (upload.original_filename, upload.description) == ("Bär.pdf", "Ours")
    assert (upload.tags, upload.target, upload.length) == (["a", "b"], "file", 11)
    assert upload.metadata == ALL_OF_IT
    assert upload.owner_id == alice.user.pk


@pytest.mark.parametrize("header", [None, "", "is_confidential", "filetype dGV4dC9wbGFpbg=="])
def test_metadata_is_optional(alice, header):
    response = ask(alice, "POST", UPLOADS, Upload_Length="1", Upload_Metadata=header)

    upload = Upload.objects.get()
    assert response.status_code == 201
    assert (upload.original_filename, upload.target, upload.tags) == ("upload", "file", [])


def test_a_path_in_a_name_is_cut_off(alice):
    create(alice, 1, filename="../../etc/pass\x00wd\u202e.txt".replace("\x00", ""))

    assert Upload.objects.get().original_filename == "passwd.txt"


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 400, "invalid"),
        ({"Upload_Length": "0"}, 400, "invalid"),
        ({"Upload_Length": "-1"}, 400, "invalid"),
        ({"Upload_Length": "+1"}, 400, "invalid"),
        ({"Upload_Length": "1.0"}, 400, "invalid"),
        ({"Upload_Length": "\u0661"}, 400, "invalid"),
        ({"Upload_Length": "9" * 20}, 400, "invalid"),
        ({"Upload_Length": "9" * 19}, 413, "payload_too_large"),
        ({"Upload_Length": "101"}, 413, "payload_too_large"),
        ({"Upload_Defer_Length": "1"}, 400, "invalid"),
        ({"Upload_Length": "5", "Upload_Defer_Length": "1"}, 400, "invalid"),
        ({"Upload_Length": "5", "Tus_Resumable": None}, 412, "tus_version_unsupported"),
        ({"Upload_Length": "5", "Tus_Resumable": "0.2.2"}, 412, "tus_version_unsupported"),
    ],
)
def test_a_refused_creation_leaves_nothing(alice, settings, headers, status, code):
    entitle(settings, free={"upload_size_bytes": 100})
    before = everything()

    response = ask(alice, "POST", UPLOADS, **headers)

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["Tus-Resumable"] == "1.0.0"
    assert response.headers.get("Tus-Version") == ("1.0.0" if status == 412 else None)
    assert everything() == before


@pytest.mark.parametrize(
    "header",
    [
        "filename",
        "filename ",
        "filename not-base64!",
        "filename YQ",
        "filename YQ== YQ==",
        "filename YQ==,",
        ",",
        "filename YQ==,filename Yg==",
        "sp\u00e4t YQ==",
        f"filename {base64_of(bytes([0xFF]))}",
        f"description {base64_of('a' + chr(0))}",
        metadata(filename="///"),
        metadata(filename="\u200b"),
        metadata(target=""),
        metadata(target="elsewhere"),
        metadata(description="x" * 5001),
        metadata(tags="x" * 51),
        metadata(tags=",".join(map(str, range(33)))),
    ],
)
def test_bad_metadata_is_refused(alice, header):
    before = everything()

    response = ask(alice, "POST", UPLOADS, Upload_Length="5", Upload_Metadata=header)

    assert (response.status_code, response.json()["code"]) == (400, "invalid")
    assert everything() == before


def test_bytes_are_not_taken_with_the_creation(alice):
    before = everything()

    response = ask(alice, "POST", UPLOADS, b"hello", "text/plain", Upload_Length="5")

    assert response.status_code == 400
    assert everything() == before


def test_the_whole_length_is_charged_at_once(alice, settings):
    entitle(settings, free={"storage_bytes": 100})
    create(alice, 60)
    before = everything()

    response = ask(alice, "POST", UPLOADS, Upload_Length="41")

    assert (response.status_code, response.json()["code"]) == (403, "storage_quota_reached")
    assert everything() == before
    assert used_bytes(alice) == 60
    create(alice, 40)
    assert used_bytes(alice) == 100


def test_only_so_many_uploads_are_unfinished_at_once(alice, bob, settings):
    settings.UPLOADS_AT_ONCE = 2
    paths = [create(alice, 5) for _ in range(2)]
    before = everything()

    response = ask(alice, "POST", UPLOADS, Upload_Length="5")

    assert (response.status_code, response.json()["code"]) == (429, "too_many_uploads")
    assert 86_000 < int(response.headers["Retry-After"]) <= 86_400
    assert everything() == before
    create(bob, 5)
    ask(alice, "DELETE", paths[0])
    create(alice, 5)


def test_a_creation_under_a_key_takes_effect_once(alice):
    headers = {"Upload_Length": "5", "Idempotency_Key": "k1"}

    first = ask(alice, "POST", UPLOADS, **headers)
    second = ask(alice, "POST", UPLOADS, **headers)
    other = ask(alice, "POST", UPLOADS, **headers | {"Upload_Length": "6"})

    assert first.headers["Location"] == second.headers["Location"]
    assert second.headers["Idempotent-Replayed"] == "true"
    assert other.status_code == 422
    assert Upload.objects.count() == 1
    assert used_bytes(alice) == 5


@pytest.mark.parametrize("path", [UPLOADS, f"{UPLOADS}/{uuid.UUID(int=1)}"])
def test_anybody_may_ask_what_the_server_can_do(anonymous, settings, path):
    response = ask(anonymous, "OPTIONS", path, Tus_Resumable=None)

    assert (response.status_code, response.content) == (204, b"")
    assert {name: response.headers[name] for name in response.headers if name[:4] == "Tus-"} == {
        "Tus-Resumable": "1.0.0",
        "Tus-Version": "1.0.0",
        "Tus-Extension": "creation,termination,checksum,expiration",
        "Tus-Max-Size": str(settings.TIERS["pro"].upload_size_bytes),
        "Tus-Checksum-Algorithm": "sha1,sha256",
    }


def test_a_stale_token_is_not_looked_at_by_options(anonymous):
    response = ask(anonymous, "OPTIONS", UPLOADS, Authorization="Bearer stale")

    assert response.status_code == 204


def run_at_once(count, act):
    """Call `act()` in `count` threads at the same moment; what each returned or raised."""
    barrier = threading.Barrier(count)
    results = []

    def run():
        barrier.wait()
        try:
            results.append(act())
        except DomainError as error:
            results.append(error.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.django_db(transaction=True)
def test_creations_at_the_same_moment_never_exceed_the_storage(alice, settings):
    entitle(settings, free={"storage_bytes": 100})
    new = NewUpload(length=30, target="file", original_filename="a")

    results = run_at_once(8, lambda: uploads.create_upload(owner_id=alice.user.pk, new=new).length)

    assert sorted(results, key=str) == [30] * 3 + ["storage_quota_reached"] * 5
    assert (Upload.objects.count(), used_bytes(alice)) == (3, 90)


@pytest.mark.django_db(transaction=True)
def test_creations_at_the_same_moment_never_exceed_the_number(alice, settings):
    settings.UPLOADS_AT_ONCE = 3
    new = NewUpload(length=30, target="file", original_filename="a")

    results = run_at_once(8, lambda: uploads.create_upload(owner_id=alice.user.pk, new=new).length)

    assert sorted(results, key=str) == [30] * 3 + ["too_many_uploads"] * 5
    assert (Upload.objects.count(), used_bytes(alice)) == (3, 90)
