"""Uploads by form: one file, written as it is read, gone with its request."""

import hashlib
import os

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from alice.common.tests.kit import entitle
from files.storage.forms import CHUNK_BYTES
from files.tests.storage import urls
from files.tests.storage.kit import files_below, no_file_above

pytestmark = pytest.mark.urls("files.tests.storage.urls")

BOUNDARY = "----WebKitFormBoundary7MA4YWxk"
FORM = f"multipart/form-data; boundary={BOUNDARY}"


@pytest.fixture(autouse=True)
def anybody_may_upload(settings):
    """Nobody is signed in to these views."""
    entitle(settings, anonymous={"upload_size_bytes": 10_000_000})


@pytest.fixture
def client():
    return Client(raise_request_exception=False)


def part(name, content, filename=None, headers=""):
    named = f'; filename="{filename}"' if filename is not None else ""
    head = f'Content-Disposition: form-data; name="{name}"{named}\r\n{headers}\r\n'
    body = content if isinstance(content, bytes) else content.encode()
    return f"--{BOUNDARY}\r\n{head}".encode() + body + b"\r\n"


def form(*parts):
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def post(client, body, content_type=FORM):
    return client.post("/api/upload", body, content_type=content_type)


def refused(client, settings, body, status=400, content_type=FORM):
    """The refusal of a body, which leaves nothing behind."""
    response = post(client, body, content_type)
    assert response.status_code == status
    assert files_below(settings.DATA_DIR) == []
    return response.json()


def test_a_form_becomes_its_file_and_its_texts(client):
    content = os.urandom(1000)
    body = form(
        part("description", "Grüße"),
        part("file", content, "a b.png", "Content-Type: image/png\r\n"),
        part("tags", "one,two"),
    )

    assert post(client, body).json() == {
        "filename": "a b.png",
        "declared_type": "image/png",
        "size_bytes": 1000,
        "sha256": hashlib.sha256(content).hexdigest(),
        "is_there": True,
        "texts": {"description": "Grüße", "tags": "one,two"},
    }


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 150, CHUNK_BYTES, 3 * CHUNK_BYTES + 7])
def test_every_size_arrives_byte_for_byte(client, size):
    content = (b"\r\n--" + BOUNDARY[:-1].encode()) * (size // 30 + 1)
    content = content[:size]

    answer = post(client, form(part("file", content, "x"))).json()

    assert answer["size_bytes"] == size
    assert answer["sha256"] == hashlib.sha256(content).hexdigest()


def test_the_forms_that_clients_make_are_understood(client):
    file = SimpleUploadedFile("Звіт.txt", b"text", content_type="text/plain")

    answer = client.post("/api/upload", {"file": file, "description": "x"}).json()

    assert (answer["filename"], answer["texts"]) == ("Звіт.txt", {"description": "x"})


@pytest.mark.parametrize(
    ("parameter", "filename"),
    [
        ("filename=\"x\"; filename*=UTF-8''na%C3%AFve.txt", "naïve.txt"),
        ('filename="&amp;.txt"', "&amp;.txt"),
        ('filename="C:\\\\temp\\\\x.txt"', "x.txt"),
        ('filename="../../x"', "x"),
        ('filename="a\0.txt"', "a.txt"),
        (f'filename="{"x" * 300}.txt"', "x" * 251 + ".txt"),
    ],
)
def test_names_are_taken_as_sent_and_cleaned(client, parameter, filename):
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; {parameter}\r\n\r\n'

    answer = post(client, head.encode() + b"x\r\n" + form()).json()

    assert answer["filename"] == filename


def test_the_file_goes_with_its_request(client, settings):
    assert post(client, form(part("file", "x", "x"))).json()["is_there"] is True

    assert files_below(settings.DATA_DIR) == []


@pytest.mark.parametrize("error", [ValueError("a fault"), ConnectionResetError("gone")])
def test_the_file_goes_when_the_view_fails(client, settings, error):
    urls.failures.append(error)

    refused(client, settings, form(part("file", "x", "x")), status=500)


def test_a_repeated_text_is_a_list(client):
    body = form(part("tags", "one"), part("file", "x", "x"), part("tags", "two"))

    assert post(client, body).json()["texts"] == {"tags": ["one", "two"]}


def test_other_files_are_passed_over(client, settings):
    body = form(
        part("photo", "y" * 1000, "y"), part("file", "x", "x"), part("more", "z" * 1000, "z")
    )
    entitle(settings, anonymous={"upload_size_bytes": 10})

    answer = post(client, body).json()

    assert (answer["filename"], answer["size_bytes"]) == ("x", 1)


def test_two_files_are_refused(client, settings):
    body = form(part("file", "x", "x"), part("file", "y", "y"))

    assert refused(client, settings, body)["errors"].keys() == {"file"}


@pytest.mark.parametrize(
    "body",
    [
        form(part("description", "x")),
        form(part("file", "x")),
        form(part("file", "x", "")),
        form(part("photo", "x", "x")),
        form(part("file", "x", "..")),
        form(part("file", "x", "\u202e")),
        form(),
        b"",
    ],
)
def test_a_form_without_a_named_file_is_refused(client, settings, body):
    assert refused(client, settings, body)["errors"].keys() == {"file"}


@pytest.mark.parametrize("value", [b"a\0b", b"\xed\xa0\x80", b"\xff", "Grüße".encode("latin-1")])
def test_a_text_that_is_none_is_refused_by_name(client, settings, value):
    body = form(part("file", "x", "x"), part("description", value))

    assert refused(client, settings, body)["errors"].keys() == {"description"}


def test_the_limit_holds_for_the_file_alone(client, settings):
    entitle(settings, anonymous={"upload_size_bytes": 4})

    answer = post(client, form(part("description", "long" * 9), part("file", "four", "x"))).json()

    assert answer["size_bytes"] == 4
    problem = refused(client, settings, form(part("file", "five!", "x")), status=413)
    assert problem["limit_bytes"] == 4


def test_a_full_disk_is_507(client, settings):
    with no_file_above(1000):
        body = form(part("file", b"x" * 2000, "x"))

        assert refused(client, settings, body, status=507)["code"] == "storage_full"


@pytest.mark.parametrize(
    "body",
    [
        part("file", "cut", "x"),
        part("file", "cut", "x")[:-5],
        part("file", "x" * 3 * CHUNK_BYTES, "x"),
        form(part("file", "!", "x", "Content-Transfer-Encoding: base64\r\n")),
        part("file", "x", "x", "X-Long: " + "y" * 2000 + "\r\n"),
        form(part("file", "x", "x"), *[part(f"field{n}", "x") for n in range(1100)]),
        form(part("file", "x", "x"), *[part(f"file{n}", "x", "x") for n in range(101)]),
        form(part("file", "x", "x"), part("a\u0000b", "x")),
    ],
)
def test_a_form_that_is_cut_or_malformed_is_refused(client, settings, body):
    refused(client, settings, body)


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary="x "',
    ],
)
def test_a_form_without_a_boundary_is_refused(client, settings, content_type):
    refused(client, settings, form(part("file", "x", "x")), content_type=content_type)


def test_too_much_text_is_413(client, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000

    body = form(part("file", "x", "x"), part("description", "x" * 2000))

    refused(client, settings, body, status=413)


@pytest.mark.parametrize("content_type", ["application/json", "multipart/mixed; boundary=x", "x"])
def test_another_type_of_body_is_415(client, settings, content_type):
    refused(client, settings, b"{}", status=415, content_type=content_type)


def test_an_encoded_file_is_decoded(client):
    body = form(part("file", "aGVsbG8=", "x", "Content-Transfer-Encoding: base64\r\n"))

    assert post(client, body).json()["sha256"] == hashlib.sha256(b"hello").hexdigest()
