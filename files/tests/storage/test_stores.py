"""Both stores keep one promise; then what only one of them can get wrong."""

import errno
import hashlib
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from botocore.awsrequest import AWSResponse

from alice.common.errors import NotFound, Unavailable
from alice.common.tests.kit import at_most
from files.storage.incoming import StorageFull
from files.storage.stores import store
from files.tests.storage.kit import files_below, no_file_above, received

NAME = "0b9f5a52-3b9f-4be4-9be0-6c9c29f0a5f6.png"
MIB = 1024 * 1024


def put(holder, content=b"some bytes", name=NAME):
    got = received(content)
    holder.put(name, got, content_type="image/png")
    return got


def test_what_is_put_is_there_byte_for_byte(any_store):
    content = os.urandom(MIB)

    put(any_store, content)

    with any_store.open(NAME) as file:
        assert file.read() == content
    assert any_store.size(NAME) == MIB


def test_put_leaves_the_received_file_alone(any_store):
    got = put(any_store)

    assert got.path.read_bytes() == b"some bytes"


def test_what_is_put_again_replaces_the_old(any_store):
    put(any_store, b"old")

    put(any_store, b"newer")

    with any_store.open(NAME) as file:
        assert file.read() == b"newer"
    assert [entry.size_bytes for entry in any_store.entries()] == [5]


def test_bytes_are_read_from_where_one_wants(any_store):
    put(any_store, b"0123456789")

    with any_store.open(NAME, first=4) as file:
        assert [file.read(2), file.read(3), file.read(100), file.read(1)] == [
            b"45",
            b"678",
            b"9",
            b"",
        ]


def test_what_is_deleted_is_gone_and_may_be_deleted_again(any_store):
    put(any_store)

    any_store.delete(NAME)
    any_store.delete(NAME)

    assert list(any_store.entries()) == []


def test_what_is_missing_is_not_found(any_store, tmp_path):
    assert any_store.size(NAME) is None
    with pytest.raises(NotFound):
        any_store.open(NAME)
    with pytest.raises(NotFound):
        any_store.local_copy(NAME, tmp_path)
    assert files_below(tmp_path) == []


def test_entries_are_names_sizes_and_times(any_store):
    put(any_store, b"one", name="aa-1")
    put(any_store, b"three", name="aa-2.bin")

    entries = sorted(any_store.entries(), key=lambda entry: entry.name)

    assert [(entry.name, entry.size_bytes) for entry in entries] == [("aa-1", 3), ("aa-2.bin", 5)]
    age = datetime.now(UTC) - entries[0].modified_at
    assert abs(age) < timedelta(minutes=1)


def test_an_unused_store_has_no_entries(any_store):
    assert list(any_store.entries()) == []


def test_a_local_copy_has_the_same_bytes(any_store, tmp_path):
    put(any_store, b"for a tool")
    folder = tmp_path / "work"
    folder.mkdir()

    path = any_store.local_copy(NAME, folder)

    assert (path.parent, path.read_bytes()) == (folder, b"for a tool")


@pytest.mark.parametrize(
    "name", ["", "a", "../../x", "aa/b", ".hidden", "aa\0", "aa\n", "a" * 201]
)
def test_what_is_no_name_of_ours_is_refused(any_store, name, tmp_path):
    for act in (any_store.delete, any_store.open, any_store.size):
        with pytest.raises(ValueError, match="not the name of a blob"):
            act(name)
    with pytest.raises(ValueError, match="not the name of a blob"):
        any_store.local_copy(name, tmp_path)


def test_bytes_lie_below_the_first_two_characters(local_store, settings):
    got = put(local_store)

    assert files_below(settings.DATA_DIR / "blobs") == [f"0b/{NAME}"]
    assert (settings.DATA_DIR / "blobs" / "0b" / NAME).samefile(got.path)


def test_the_local_store_has_no_links(local_store):
    assert local_store.link(NAME, content_type="a/b", disposition="inline", seconds=9) is None


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM, errno.EMLINK])
def test_where_links_cannot_be_the_bytes_are_copied(local_store, settings, monkeypatch, number):
    def fail(*_args, **_kwargs):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", fail)

    got = put(local_store)

    kept = settings.DATA_DIR / "blobs" / "0b" / NAME
    assert kept.read_bytes() == b"some bytes"
    assert not kept.samefile(got.path)
    assert files_below(settings.DATA_DIR / "blobs") == [f"0b/{NAME}"]


def test_a_copy_that_finds_the_disk_full_leaves_the_old_and_nothing_else(local_store, settings):
    put(local_store, b"old")
    got = received(b"x" * 2000)

    with no_file_above(1000), pytest.raises(StorageFull):
        local_store.put(NAME, got, content_type="image/png")

    assert [entry.size_bytes for entry in local_store.entries()] == [3]
    assert files_below(settings.DATA_DIR / "blobs") == [f"0b/{NAME}"]


def test_a_half_made_copy_is_no_entry(local_store):
    half = local_store.root / "partial" / "0b9f"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half")

    assert list(local_store.entries()) == []


def descriptor_path(descriptor):
    return str(Path(f"/proc/self/fd/{descriptor}").readlink())


def test_a_file_is_forced_to_the_disk_with_its_directory(local_store, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(descriptor_path(fd)))

    got = put(local_store)

    assert synced[0] == str(got.path)
    assert synced[-1] == str(local_store.root / "0b")


def test_the_objects_lie_below_the_prefix_with_their_type_and_no_acl(s3_store):
    put(s3_store)

    found = s3_store.client.get_object(Bucket=s3_store.bucket, Key=f"kept/{NAME}")

    assert found["ContentType"] == "image/png"
    assert found["Body"].read() == b"some bytes"


def test_objects_beside_the_prefix_are_no_entries(s3_store):
    s3_store.client.put_object(Bucket=s3_store.bucket, Key="other/thing", Body=b"x")

    assert list(s3_store.entries()) == []


def test_more_entries_than_a_page_are_all_there(s3_store, monkeypatch):
    monkeypatch.setattr("files.storage.s3.PAGE_ENTRIES", 2)
    for number in range(5):
        put(s3_store, b"x", name=f"n{number}")

    assert [entry.name for entry in s3_store.entries()] == ["n0", "n1", "n2", "n3", "n4"]


def test_a_large_file_goes_up_in_parts_and_comes_back(s3_store):
    content = os.urandom(MIB) * 20

    put(s3_store, content)

    found = s3_store.client.head_object(Bucket=s3_store.bucket, Key=f"kept/{NAME}")
    assert found["ETag"].endswith('-2"')
    with s3_store.open(NAME) as file:
        assert hashlib.file_digest(file, "sha256").digest() == hashlib.sha256(content).digest()


def test_an_upload_that_fails_half_way_is_aborted(s3_store):
    def refuse_the_second(request, **_kwargs):
        if "partNumber=2" in request.url:
            return AWSResponse(request.url, 403, {}, SimpleNamespace(stream=lambda: [b""]))
        return None

    events = s3_store.client.meta.events
    events.register("before-send.s3.UploadPart", refuse_the_second)
    try:
        with pytest.raises(Unavailable):
            put(s3_store, b"x" * 20 * MIB)
    finally:
        events.unregister("before-send.s3.UploadPart", refuse_the_second)

    assert "Uploads" not in s3_store.client.list_multipart_uploads(Bucket=s3_store.bucket)
    assert list(s3_store.entries()) == []


def test_a_link_serves_the_bytes_with_the_headers_it_was_made_for(s3_store):
    put(s3_store)

    link = s3_store.link(
        NAME, content_type="image/x-own", disposition='attachment; filename="a b"', seconds=300
    )

    answer = httpx.get(link, headers={"Range": "bytes=5-"})
    assert (answer.status_code, answer.content) == (206, b"bytes")
    assert answer.headers["Content-Type"] == "image/x-own"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="a b"'
    assert "X-Amz-Expires=300" in link
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in link


def test_a_download_that_finds_the_disk_full_leaves_nothing(s3_store, tmp_path):
    put(s3_store, b"x" * 2000)
    folder = tmp_path / "work"
    folder.mkdir()

    with no_file_above(1000), pytest.raises(StorageFull):
        s3_store.local_copy(NAME, folder)

    assert files_below(folder) == []


def every_call(holder, folder):
    got = received()
    return [
        lambda: holder.put(NAME, got, content_type="image/png"),
        lambda: holder.delete(NAME),
        lambda: holder.open(NAME),
        lambda: holder.size(NAME),
        lambda: list(holder.entries()),
        lambda: holder.local_copy(NAME, folder),
    ]


def test_a_bucket_that_is_not_there_is_503(s3_store, settings, tmp_path):
    settings.AWS_STORAGE_BUCKET_NAME = "nowhere-to-be-found"

    for number, call in enumerate(every_call(store(), tmp_path)):
        if number in {0, 1, 4}:
            with pytest.raises(Unavailable):
                call()


@pytest.fixture
def broken_s3(settings, s3_store):
    """An S3 that answers every request with 500."""

    class Broken(BaseHTTPRequestHandler):
        def answer(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(500)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def __getattr__(self, name):
            if name.startswith("do_"):
                return self.answer
            raise AttributeError(name)

        def log_message(self, *args):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Broken)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    settings.AWS_S3_ENDPOINT_URL = f"http://127.0.0.1:{server.server_port}"
    yield store()
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_s3_that_fails_is_503(broken_s3, tmp_path):
    with pytest.raises(Unavailable) as refusal:
        every_call(broken_s3, tmp_path)[0]()

    assert refusal.value.status == 503
    assert "Retry-After" in refusal.value.headers


def test_an_s3_that_is_down_is_503_in_bounded_time(s3_store, settings, tmp_path):
    settings.AWS_S3_ENDPOINT_URL = "http://127.0.0.1:9"

    with at_most(20), pytest.raises(Unavailable):
        every_call(store(), tmp_path)[2]()


def test_boto3_is_not_loaded_at_the_start():
    program = (
        "import django, sys; django.setup(); import files.storage.outgoing, files.storage.forms; "
        "print(sorted({'boto3', 'botocore', 'storages', 'magic'} & set(sys.modules)))"
    )

    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "alice.settings"}
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", program],
        env=environment,
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == "[]"
