"""POST /api/files/upload."""

import errno
import hashlib
import os
import re
import unicodedata
from datetime import timedelta

import pytest
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from alice.common.tests.kit import entitle
from files.models import Blob, File, StorageUsage
from files.tests.factories import (
    FORM,
    PNG,
    UPLOAD_URL,
    body_of,
    form,
    part,
    received_files,
    stored_names,
    upload,
)

pytestmark = pytest.mark.django_db
KEYS = [
    "id",
    "filename",
    "original_filename",
    "file_size",
    "mime_type",
    "description",
    "tags",
    "user_id",
    "sha256",
    "version",
    "created_at",
    "updated_at",
    "download_url",
]


def nothing_kept():
    counts = [rows.objects.count() for rows in (File, Blob, StorageUsage)]
    return counts == [0, 0, 0] and stored_names() == [] and received_files() == []


def end():
    return part("x", b"").split(b"\r\n")[0] + b"--\r\n"


@pytest.mark.usefixtures("any_store")
def test_a_file_is_kept_byte_for_byte(alice):
    content = bytes(range(255, -1, -1)) * 1000

    response = upload(alice, content, "bytes.bin")

    assert response.status_code == 201
    assert (response.json()["file_size"], response.json()["mime_type"]) == (
        256_000,
        "application/octet-stream",
    )
    file_id = response.json()["id"]
    assert body_of(alice.get(f"/api/files/{file_id}/download")) == content
    assert stored_names() == [response.json()["filename"]]
    assert received_files() == []


def test_the_answer_is_the_file_as_it_is_read_later(alice):
    response = upload(alice, PNG, "dot.png", description="One dot.", tags="a, b,,a")

    body = response.json()
    assert list(body) == KEYS
    assert re.fullmatch(r"[0-9a-f-]{36}\.png", body["filename"])
    assert (body["original_filename"], body["mime_type"]) == ("dot.png", "image/png")
    assert (body["description"], body["tags"]) == ("One dot.", ["a", "b"])
    assert (body["user_id"], body["version"]) == (alice.user.pk, 1)
    assert body["sha256"] == hashlib.sha256(PNG).hexdigest()
    assert timezone.now() - parse_datetime(body["created_at"]) < timedelta(minutes=1)
    assert response["Location"] == f"/api/files/{body['id']}"
    read = alice.get(response["Location"])
    assert read.json() == body
    assert read["ETag"] == response["ETag"]


def test_only_the_file_is_needed(alice):
    response = upload(alice)

    assert (response.status_code, response.json()["tags"]) == (201, [])
    assert response.json()["description"] == ""


@pytest.mark.parametrize(
    ("sent", "tags"),
    [("a,b", ["a", "b"]), (" a , b ", ["a", "b"]), (",", []), ("é,ü☂", ["é", "ü☂"]), ("", [])],
)
def test_tags_are_separated_by_commas(alice, sent, tags):
    assert upload(alice, tags=sent).json()["tags"] == tags


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tags", "x" * 51),
        ("tags", ",".join(map(str, range(33)))),
        ("tags", "a\0b"),
        ("description", "x" * 5001),
        ("description", "\0"),
    ],
    ids=range(5),
)
def test_a_bad_field_is_refused_by_its_name_and_nothing_is_kept(alice, name, value):
    response = upload(alice, **{name: value})

    assert response.status_code == 400
    assert list(response.json()["errors"]) == [name]
    assert nothing_kept()


@pytest.mark.parametrize(
    "body",
    [
        form(b""),
        part("description", b"no file") + end(),
        part("file", b"text, not a file") + end(),
        form(name=""),
        form(name=".."),
        form(name="\u202e\u200b"),
        part("file", b"a", b"a") + part("file", b"b", b"b") + end(),
    ],
    ids=["empty", "none", "text", "no name", "dots", "unseen", "two"],
)
def test_what_is_not_one_file_with_a_name_is_400(alice, body):
    response = alice.post(UPLOAD_URL, body, content_type=FORM)

    assert response.status_code == 400
    assert list(response.json()["errors"]) == ["file"]
    assert nothing_kept()


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", ""])
def test_another_type_of_body_is_415(alice, content_type):
    response = alice.post(UPLOAD_URL, b"{}", content_type=content_type)

    assert response.status_code == 415
    assert nothing_kept()


def test_a_form_that_ends_within_the_file_keeps_nothing(alice):
    response = alice.post(UPLOAD_URL, form(b"x" * 1000)[:-200], content_type=FORM)

    assert response.status_code == 400
    assert nothing_kept()


#
@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../x", "x"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\x", "x"),
        ("C:\\Users\\me\\a.txt", "a.txt"),
        ("a\0.txt", "a.txt"),
        ("CON", "CON"),
        ("-rf", "-rf"),
        (".htaccess", ".htaccess"),
        ("a\u202egpj.exe", "agpj.exe"),
        ("e\u0301.txt", "\u00e9.txt"),
        ("日本語 ü ☂.txt", "日本語 ü ☂.txt"),
        ("<script>alert(1)</script>.html", "script>.html"),
        ("a;b'c%22d.txt", "a;b'c%22d.txt"),
        ("UTF-8''%41", "UTF-8''%41"),
    ],
)
def test_a_name_is_made_harmless_and_never_used_as_a_path(alice, sent, kept):
    body = upload(alice, name=sent).json()

    assert body["original_filename"] == kept
    assert unicodedata.is_normalized("NFC", kept)
    assert re.fullmatch(r"[0-9a-f-]{36}\.txt", body["filename"])
    assert stored_names() == [body["filename"]]


def test_a_name_that_is_too_long_keeps_its_extension(alice):
    name = upload(alice, name="ü" * 300 + ".tar.gz").json()["original_filename"]

    assert name.endswith(("ü.gz", "ü.tar.gz"))
    assert len(name.encode()) <= 255


#
@pytest.mark.parametrize(
    ("content", "mime_type"),
    [
        (b"<!DOCTYPE html><html><script>alert(1)</script></html>", "text/html"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "image/svg+xml"),
        (b"<?php system($_GET[0]); ?>", "text/x-php"),
        (b"\x7fELF\x02\x01\x01" + b"\0" * 60, "application/x-object"),
        (b"GIF89a/*" + b"\0" * 20 + b"*/=1;alert(1)", "image/gif"),
        (b"%PDF-1.7\n<html><script>alert(1)</script>", "application/pdf"),
    ],
)
def test_the_type_is_that_of_the_bytes_and_a_browser_only_saves_it(alice, content, mime_type):
    body = upload(alice, content, "cat.png", declared="image/png").json()

    response = alice.head(f"/api/files/{body['id']}/download")

    if mime_type != "application/x-object":  # libmagic has several words for ELF
        assert body["mime_type"] == mime_type
    assert body["mime_type"] != "image/png"
    assert response["Content-Disposition"] == 'attachment; filename="cat.png"'
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"].startswith("sandbox;")


@pytest.mark.parametrize(("over", "status"), [(-1, 201), (0, 201), (1, 413), (1000, 413)])
def test_a_file_has_at_most_the_size_that_is_set(alice, settings, over, status):
    entitle(settings, free={"upload_size_bytes": 300_000})

    response = upload(alice, b"x" * (300_000 + over))

    assert response.status_code == status
    assert (status == 201) or nothing_kept()
    assert received_files() == []


def test_a_full_disk_is_507_and_keeps_nothing(alice, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as filled:
        filled.setattr(os, "fsync", full)
        response = upload(alice)

    assert (response.status_code, response.json()["code"]) == (507, "storage_full")
    assert nothing_kept()
    assert upload(alice).status_code == 201


def test_the_same_upload_under_a_key_is_stored_once(alice):
    headers = {"Idempotency-Key": "k"}
    first = upload(alice, tags="a", headers=headers)
    again = upload(alice, tags="a", headers=headers)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again["Idempotent-Replayed"] == "true"
    assert again["Location"] == first["Location"]
    assert (File.objects.count(), len(stored_names()), received_files()) == (1, 1, [])
    assert StorageUsage.objects.get().used_bytes == 5


@pytest.mark.parametrize(
    "other",
    [
        {"content": b"world"},
        {"name": "other.txt"},
        {"declared": "image/png"},
        {"description": "other"},
    ],
    ids=["bytes", "name", "type", "field"],
)
def test_a_key_used_for_another_file_is_422(alice, other):
    upload(alice, headers={"Idempotency-Key": "k"})

    response = upload(alice, headers={"Idempotency-Key": "k"}, **other)

    assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_reused")
    assert (File.objects.count(), len(stored_names()), received_files()) == (1, 1, [])


def test_a_refused_upload_can_be_sent_again_under_its_key(alice, settings):
    entitle(settings, free={"storage_bytes": 4})
    assert upload(alice, headers={"Idempotency-Key": "k"}).status_code == 403
    assert nothing_kept()

    entitle(settings, free={"storage_bytes": 5})

    assert upload(alice, headers={"Idempotency-Key": "k"}).status_code == 201


def test_keys_that_are_unknown_or_not_writable_are_ignored(alice, bob):
    sent = {"id": "99", "user_id": str(bob.user.pk), "owner": str(bob.user.pk), "version": "7"}

    body = upload(alice, **sent, filename="x", sha256="0", mime_type="image/png").json()

    assert (body["user_id"], body["version"], body["mime_type"]) == (
        alice.user.pk,
        1,
        "text/plain",
    )
    assert File.objects.get().owner_id == alice.user.pk


def test_an_upload_costs_a_known_number_of_queries(alice, django_assert_num_queries):
    upload(alice)

    with django_assert_num_queries(6):
        upload(alice)
