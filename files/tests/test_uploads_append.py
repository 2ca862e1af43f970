"""Bytes of resumable uploads: appended where they belong, checked, and made a file at the end."""

import hashlib
import threading
from datetime import timedelta
from io import BytesIO

import pytest
from django.db import connection
from django.utils import timezone

from alice.common.errors import Invalid, Unavailable
from alice.common.tests.kit import entitle
from files.models import Blob, File, Upload
from files.services import targets, uploads
from files.services.targets import Target
from files.services.uploads import Piece
from files.tests.tus.kit import (
    PIECE_TYPE,
    append,
    append_cut_short,
    ask,
    checksum,
    content_of,
    content_of_blob,
    create,
    everything,
    offset_of,
    used_bytes,
)

pytestmark = pytest.mark.django_db

HELLO = b"hello world"


@pytest.fixture
def begun(alice):
    """The path of an upload of 11 bytes with the first 5 of them."""
    path = create(alice, 11, filename="hello.txt", description="A greeting", tags="a,b")
    assert append(alice, path, 0, b"hello").status_code == 204
    return path


@pytest.fixture
def target(monkeypatch):
    """Registers a target called `test` that finishes uploads by the given function."""

    def register(finish):
        monkeypatch.setitem(targets._targets, "test", Target(finish, "tests/{id}"))

    return register


def test_a_piece_is_kept_and_prolongs_the_upload(alice, time_machine):
    path = create(alice, 11)
    time_machine.move_to(timezone.now() + timedelta(minutes=20))

    response = append(alice, path, 0, b"hello")

    upload = Upload.objects.get()
    assert response.status_code == 204
    assert response.headers["Upload-Offset"] == "5"
    assert response.headers["Tus-Resumable"] == "1.0.0"
    assert response.headers["Upload-Expires"] == ask(alice, "HEAD", path).headers["Upload-Expires"]
    assert upload.expires_at - upload.created_at > timedelta(hours=24, minutes=20)
    assert content_of(upload.pk) == b"hello"
    assert "Content-Location" not in response.headers


def test_the_last_byte_makes_it_a_file(alice, begun):
    response = append(alice, begun, 5, b" world")

    file = File.objects.get()
    upload = Upload.objects.get()
    assert (response.status_code, response.headers["Upload-Offset"]) == (204, "11")
    assert response.headers["Content-Location"] == f"/api/files/{file.pk}"
    assert (file.original_filename, file.description) == ("hello.txt", "A greeting")
    assert (file.tags, file.owner_id) == (["a", "b"], alice.user.pk)
    assert file.blob.sha256 == hashlib.sha256(HELLO).hexdigest()
    assert content_of_blob() == HELLO
    assert (upload.result_id, upload.offset) == (file.pk, 11)
    assert not uploads.upload_path(upload.pk).exists()
    assert used_bytes(alice) == 11


def test_a_finished_upload_fits_even_when_nothing_else_does(alice, settings):
    entitle(settings, free={"storage_bytes": 11})
    path = create(alice, 11)

    response = append(alice, path, 0, HELLO)

    assert response.status_code == 204
    assert used_bytes(alice) == 11


def test_what_a_finished_upload_became_can_be_read_again(alice, begun):
    append(alice, begun, 5, b" world")

    head = ask(alice, "HEAD", begun)
    shown = alice.get(begun).json()
    again = append(alice, begun, 11, b"")

    assert (head.headers["Upload-Offset"], head.headers["Upload-Length"]) == ("11", "11")
    assert (shown["status"], shown["file_id"]) == ("finished", File.objects.get().pk)
    assert again.headers["Content-Location"] == f"/api/files/{shown['file_id']}"
    assert File.objects.count() == 1


@pytest.mark.parametrize("size", [1, 256 * 1024, 256 * 1024 + 1, 700_000])
def test_pieces_of_any_size_come_together(alice, size):
    content = bytes(range(256)) * 4 * 700
    path = create(alice, len(content))
    pieces = [(0, 100), (100, 100 + size), (100 + size, len(content))]

    for start, end in pieces:
        append(alice, path, start, content[start:end])

    blob = Blob.objects.get()
    assert (blob.size_bytes, blob.sha256) == (len(content), hashlib.sha256(content).hexdigest())


def test_an_empty_piece_is_no_fault(alice, begun):
    response = append(alice, begun, 5, b"")

    assert (response.status_code, response.headers["Upload-Offset"]) == (204, "5")
    assert offset_of(alice, begun) == 5


REFUSALS = [
    ({"Upload_Offset": "0"}, b" world", 409, "upload_offset_mismatch"),
    ({"Upload_Offset": "6"}, b"world", 409, "upload_offset_mismatch"),
    ({"Upload_Offset": "6"}, b"", 409, "upload_offset_mismatch"),
    ({"Upload_Offset": None}, b" world", 400, "invalid"),
    ({"Upload_Offset": "-5"}, b" world", 400, "invalid"),
    ({"Upload_Offset": "5.0"}, b" world", 400, "invalid"),
    ({}, b" world!", 413, "past_the_end"),
    ({}, b"x" * 100_000, 413, "past_the_end"),
    ({"content_type": "application/json"}, b" world", 415, "unsupported_media_type"),
    ({"content_type": "application/octet-stream"}, b" world", 415, "unsupported_media_type"),
    ({"content_type": ""}, b" world", 415, "unsupported_media_type"),
    ({"Tus_Resumable": None}, b" world", 412, "tus_version_unsupported"),
    ({"Tus_Resumable": "0.2.2"}, b" world", 412, "tus_version_unsupported"),
    ({"Upload_Checksum": checksum(b" World")}, b" world", 460, "checksum_mismatch"),
    ({"Upload_Checksum": checksum(b" w")}, b" wo", 460, "checksum_mismatch"),
    ({"Upload_Checksum": checksum(b" World", "sha256")}, b" world", 460, "checksum_mismatch"),
    ({"Upload_Checksum": "sha1 AAAA"}, b" world", 460, "checksum_mismatch"),
    ({"Upload_Checksum": "sha1"}, b" world", 460, "checksum_mismatch"),
    ({"Upload_Checksum": "sha1 ?"}, b" world", 400, "invalid"),
    ({"Upload_Checksum": "crc32 AAAA"}, b" world", 400, "invalid"),
    ({"Upload_Checksum": "md5 AAAA"}, b" world", 400, "invalid"),
    ({"Upload_Checksum": ""}, b" world", 400, "invalid"),
]


@pytest.mark.parametrize(("changes", "content", "status", "code"), REFUSALS)
def test_of_a_refused_piece_nothing_is_kept(alice, begun, changes, content, status, code):
    asked = {"content_type": PIECE_TYPE, "Upload_Offset": "5"} | changes
    before = everything()

    response = ask(alice, "PATCH", begun, content, **asked)

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["Tus-Resumable"] == "1.0.0"
    assert everything() == before
    assert append(alice, begun, 5, b" world").status_code == 204


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_piece_with_its_checksum_is_kept(alice, begun, algorithm):
    digest = checksum(b" world", algorithm)

    response = append(alice, begun, 5, b" world", Upload_Checksum=digest)

    assert response.status_code == 204
    assert File.objects.count() == 1


def test_of_a_body_that_was_cut_short_all_that_came_is_kept(alice, begun):
    append_cut_short(alice, begun, 5, b" wo")

    assert offset_of(alice, begun) == 8
    assert append(alice, begun, 8, b"rld").status_code == 204
    assert Blob.objects.get().sha256 == hashlib.sha256(HELLO).hexdigest()


def test_of_a_body_that_was_cut_short_nothing_is_kept_under_a_checksum(alice, begun):
    before = everything()

    response = append_cut_short(alice, begun, 5, b" wo", Upload_Checksum=checksum(b" world"))

    assert response.status_code == 460
    assert everything() == before


def test_an_override_of_the_method_is_ignored(alice, begun):
    before = everything()

    response = ask(
        alice, "POST", begun, b" world", PIECE_TYPE,
        Upload_Offset="5", X_HTTP_Method_Override="PATCH",
    )  # fmt: skip

    assert response.status_code == 405
    assert response.headers["Tus-Resumable"] == "1.0.0"
    assert everything() == before


def test_what_the_target_refuses_is_answered_and_gone(alice, target):
    def refuse(**received):
        raise Invalid("This is no such thing.")

    target(refuse)
    path = create(alice, 11, target="test")
    append(alice, path, 0, b"hello")

    response = append(alice, path, 5, b" world")

    assert (response.status_code, response.json()["detail"]) == (400, "This is no such thing.")
    assert ask(alice, "HEAD", path).status_code == 404
    assert everything() == {
        "uploads": [], "files": [], "blobs": [], "bytes": {}, "stored": [],
        "usage": [{"owner_id": alice.user.pk, "used_bytes": 0}],
    }  # fmt: skip


def test_what_is_no_media_is_refused_as_media(alice):
    path = create(alice, 11, target="media", filename="film.mp4")

    response = append(alice, path, 0, HELLO)

    assert 400 <= response.status_code < 500
    assert everything()["uploads"] == []
    assert used_bytes(alice) == 0


def test_after_an_outage_of_the_target_the_last_piece_is_sent_again(alice, target):
    outage = [Unavailable()]

    def finish(**received):
        if outage:
            raise outage.pop()
        return 77

    target(finish)
    path = create(alice, 11, target="test")
    append(alice, path, 0, b"hello")
    before = everything()

    refused = append(alice, path, 5, b" world")

    after = everything()
    assert refused.status_code == 503
    assert after | {"bytes": {}} == before | {"bytes": {}}
    assert offset_of(alice, path) == 5
    answer = append(alice, path, 5, b" world")
    assert answer.headers["Content-Location"] == "/api/tests/77"


def test_a_target_is_told_all_there_is_to_know(alice, target):
    told = {}
    target(lambda **received: told.update(received) or 1)
    path = create(alice, 11, target="test", filename="a.txt", description="b", tags="c")

    append(alice, path, 0, HELLO)

    received = told.pop("received")
    assert told == {
        "owner_id": alice.user.pk, "original_filename": "a.txt", "description": "b", "tags": ["c"],
    }  # fmt: skip
    assert (received.size_bytes, received.sha256) == (11, hashlib.sha256(HELLO).hexdigest())


class SlowBody:
    """Bytes that come only when they are let."""

    def __init__(self, content):
        self.content = content
        self.is_read = threading.Event()
        self.may_come = threading.Event()

    def read(self, count):
        self.is_read.set()
        assert self.may_come.wait(10)
        content, self.content = self.content[:count], self.content[count:]
        return content


@pytest.mark.django_db(transaction=True)
def test_while_a_piece_is_appended_no_other_request_touches_the_upload(alice, begun):
    body = SlowBody(b" wo")
    upload = Upload.objects.get()

    def work():
        uploads.append_bytes(
            uploads=Upload.objects.all(), upload_id=upload.pk, piece=Piece(5, 3, body.read)
        )
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    assert body.is_read.wait(10)
    second = append(alice, begun, 5, b" world")
    deleted = ask(alice, "DELETE", begun)
    swept = uploads.delete_expired_uploads()
    body.may_come.set()
    thread.join()

    assert (second.status_code, second.json()["code"]) == (423, "upload_locked")
    assert (deleted.status_code, swept) == (423, 0)
    assert offset_of(alice, begun) == 8
    assert content_of(upload.pk) == b"hello wo"


@pytest.mark.django_db(transaction=True)
def test_of_two_pieces_for_the_same_place_one_is_kept(alice, begun):
    upload = Upload.objects.get()
    barrier = threading.Barrier(2)
    outcomes = []

    def work(content):
        barrier.wait()
        try:
            piece = Piece(5, 6, BytesIO(content).read)
            uploads.append_bytes(uploads=Upload.objects.all(), upload_id=upload.pk, piece=piece)
            outcomes.append(content)
        except (uploads.UploadLocked, uploads.OffsetMismatch):
            outcomes.append(None)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[c]) for c in (b" world", b" there")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    (kept,) = filter(None, outcomes)
    assert content_of_blob() == b"hello" + kept
    assert used_bytes(alice) == 11
