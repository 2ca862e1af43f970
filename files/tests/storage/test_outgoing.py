"""Blobs as answers: whole, in part, not modified, or by a link of the store."""

import hashlib
import logging
import os
import tracemalloc
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from email.message import Message

import httpx
import pytest
from django.test import RequestFactory

from alice.common.byte_ranges import RangeNotSatisfiable
from alice.common.conditional import PreconditionFailed
from alice.common.errors import NotFound
from files.storage.incoming import Incoming
from files.storage.outgoing import BLOCK_BYTES, blob_response
from files.storage.stores import store

MOMENT = datetime(2026, 5, 1, 12, 30, 15, 999_999, tzinfo=UTC)
WRITTEN = "Fri, 01 May 2026 12:30:15 GMT"
BEFORE = "Fri, 01 May 2026 12:30:14 GMT"
TEN = b"0123456789"


@dataclass
class StoredBlob:
    name: str
    size_bytes: int
    sha256: str
    mime_type: str = "video/mp4"
    created_at: datetime = MOMENT


def kept(content=TEN, name="0b9f.mp4"):
    with Incoming(limit=10**9) as incoming:
        incoming.write(content)
        received = incoming.finish()
        store().put(name, received, content_type="video/mp4")
    return StoredBlob(name, received.size_bytes, received.sha256)


def ask(blob, method="get", filename="film.mp4", is_attachment=False, is_redirected=True, **meta):
    request = getattr(RequestFactory(), method)("/", **meta)
    return blob_response(
        request,
        blob,
        filename=filename,
        is_attachment=is_attachment,
        is_redirected=is_redirected,
    )


def body_of(response):
    body = b"".join(response)
    response.close()
    return body


@pytest.fixture
def blob(local_store):
    return kept()


def test_the_whole_comes_with_everything_a_browser_needs(blob):
    response = ask(blob)

    assert (response.status_code, body_of(response)) == (200, TEN)
    assert dict(response.headers) == {
        "ETag": f'"{hashlib.sha256(TEN).hexdigest()}"',
        "Last-Modified": WRITTEN,
        "Cache-Control": "private, no-cache",
        "Accept-Ranges": "bytes",
        "Content-Disposition": 'inline; filename="film.mp4"',
        "Content-Length": "10",
        "Content-Security-Policy": (
            "sandbox allow-same-origin; default-src 'none'; media-src 'self'; "
            "style-src 'unsafe-inline'"
        ),
        "Content-Type": "video/mp4",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "X-Content-Type-Options": "nosniff",
    }


@pytest.mark.parametrize("mime_type", ["text/html", "image/svg+xml", "application/pdf"])
def test_what_is_no_recording_has_no_origin_and_loads_nothing(blob, mime_type):
    blob.mime_type = mime_type

    policy = ask(blob, "head")["Content-Security-Policy"]

    assert policy == "sandbox; default-src 'none'; style-src 'unsafe-inline'"


@pytest.mark.parametrize(
    ("wanted", "content", "content_range"),
    [
        ("bytes=0-0", b"0", "bytes 0-0/10"),
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=5-", b"56789", "bytes 5-9/10"),
        ("bytes=-1", b"9", "bytes 9-9/10"),
        ("bytes=8-100", b"89", "bytes 8-9/10"),
    ],
)
def test_a_part_is_206(blob, wanted, content, content_range):
    response = ask(blob, HTTP_RANGE=wanted)

    assert (response.status_code, body_of(response)) == (206, content)
    assert response["Content-Range"] == content_range
    assert response["Content-Length"] == str(len(content))


@pytest.mark.parametrize("wanted", ["bytes=9-5", "bytes=a", "lines=1-2", "bytes=0-0,5-5"])
def test_a_range_that_is_none_is_answered_with_the_whole(blob, wanted):
    response = ask(blob, HTTP_RANGE=wanted)

    assert (response.status_code, body_of(response)) == (200, TEN)


def test_a_range_past_the_end_is_416(any_store):
    with pytest.raises(RangeNotSatisfiable) as refusal:
        ask(kept(), HTTP_RANGE="bytes=10-")

    assert refusal.value.headers["Content-Range"] == "bytes */10"


@pytest.mark.parametrize(
    ("if_range", "status"),
    [
        ('"{sha256}"', 206),
        (WRITTEN, 206),
        ('W/"{sha256}"', 200),
        ('"another"', 200),
        (BEFORE, 200),
        ("Sat, 02 May 2026 12:30:15 GMT", 200),
        ("nonsense", 200),
    ],
)
def test_a_part_of_another_version_is_not_given(blob, if_range, status):
    if_range = if_range.format(sha256=blob.sha256)

    response = ask(blob, HTTP_RANGE="bytes=0-1", HTTP_IF_RANGE=if_range)

    assert (response.status_code, len(body_of(response))) == (status, 2 if status == 206 else 10)


@pytest.mark.parametrize("method", ["get", "head"])
@pytest.mark.parametrize(
    "meta",
    [
        {"HTTP_IF_NONE_MATCH": '"{sha256}"'},
        {"HTTP_IF_NONE_MATCH": 'W/"{sha256}", "other"'},
        {"HTTP_IF_NONE_MATCH": "*"},
        {"HTTP_IF_MODIFIED_SINCE": WRITTEN},
        {"HTTP_IF_NONE_MATCH": '"{sha256}"', "HTTP_RANGE": "bytes=99-"},
        {"HTTP_IF_NONE_MATCH": '"{sha256}"', "HTTP_IF_MODIFIED_SINCE": BEFORE},
    ],
)
def test_who_has_it_already_is_told_so(any_store, method, meta):
    blob = kept()
    meta = {name: value.format(sha256=blob.sha256) for name, value in meta.items()}

    response = ask(blob, method, **meta)

    assert (response.status_code, response.content) == (304, b"")
    assert response["ETag"] == f'"{blob.sha256}"'
    assert response["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize(
    "meta",
    [
        {"HTTP_IF_NONE_MATCH": '"other"'},
        {"HTTP_IF_NONE_MATCH": '"other"', "HTTP_IF_MODIFIED_SINCE": WRITTEN},
        {"HTTP_IF_MODIFIED_SINCE": BEFORE},
        {"HTTP_IF_MODIFIED_SINCE": "nonsense"},
    ],
)
def test_who_has_another_version_gets_this_one(blob, meta):
    response = ask(blob, **meta)

    assert (response.status_code, body_of(response)) == (200, TEN)


@pytest.mark.parametrize(
    "meta", [{"HTTP_IF_MATCH": '"other"'}, {"HTTP_IF_UNMODIFIED_SINCE": BEFORE}]
)
def test_who_wants_only_another_version_gets_nothing(blob, meta):
    with pytest.raises(PreconditionFailed):
        ask(blob, **meta)


@pytest.mark.parametrize(
    "meta", [{"HTTP_IF_MATCH": '"{sha256}"'}, {"HTTP_IF_UNMODIFIED_SINCE": WRITTEN}]
)
def test_who_wants_only_this_version_gets_it(blob, meta):
    meta = {name: value.format(sha256=blob.sha256) for name, value in meta.items()}

    assert body_of(ask(blob, **meta)) == TEN


@pytest.mark.parametrize("is_redirected", [True, False])
def test_head_has_the_headers_of_the_whole_and_no_body(any_store, is_redirected):
    response = ask(kept(), "head", is_redirected=is_redirected, HTTP_RANGE="bytes=0-1")

    assert (response.status_code, response.content) == (200, b"")
    assert (response["Content-Length"], response["Content-Type"]) == ("10", "video/mp4")


@pytest.mark.parametrize(
    ("filename", "is_attachment"),
    [
        ("film.mp4", False),
        ('a "quoted" \\ name.txt', True),
        ("a;b=c.txt", True),
        ("Звіт 報告.pdf", True),
        ("x\r\nSet-Cookie: y=z", True),
    ],
)
def test_a_name_arrives_as_it_is_and_cannot_add_a_header(blob, filename, is_attachment):
    response = ask(blob, "head", filename=filename, is_attachment=is_attachment)
    written = response["Content-Disposition"]

    read = Message()
    read["Content-Disposition"] = written
    assert read.get_filename() == filename
    assert read.get_content_disposition() == ("attachment" if is_attachment else "inline")
    assert not {"\r", "\n"} & set(written)


@pytest.mark.parametrize("method", ["get", "head"])
def test_missing_bytes_are_404_and_an_error_in_the_log(blob, local_store, caplog, method):
    local_store.delete(blob.name)

    with caplog.at_level(logging.ERROR, "alice.storage"), pytest.raises(NotFound):
        ask(blob, method)

    assert [record.getMessage() for record in caplog.records] == [
        "The bytes of blob 0b9f.mp4 are missing"
    ]


def test_a_large_file_comes_in_blocks_and_flat_memory(local_store):
    blob = kept(os.urandom(1024) * 16 * 1024)

    tracemalloc.start()
    response = ask(blob)
    sizes = [len(block) for block in response]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert sizes == [BLOCK_BYTES] * 64
    assert peak < 2 * 1024 * 1024


def test_a_part_across_blocks_is_exact(any_store):
    content = os.urandom(3 * BLOCK_BYTES)
    blob = kept(content)
    first, last = BLOCK_BYTES - 7, 2 * BLOCK_BYTES + 9

    response = ask(blob, is_redirected=False, HTTP_RANGE=f"bytes={first}-{last}")

    assert body_of(response) == content[first : last + 1]


def test_a_client_that_leaves_closes_the_file(blob, local_store):
    response = ask(blob)
    file = response._iterator._file

    response.close()

    assert file.closed
    assert list(response) == []


def test_a_blob_that_is_deleted_meanwhile_is_sent_to_the_end(blob, local_store):
    response = ask(blob)

    local_store.delete(blob.name)

    assert body_of(response) == TEN


@pytest.mark.parametrize("wanted", ["", "bytes=2-4"])
def test_s3_serves_the_bytes_by_a_short_link(s3_store, wanted):
    response = ask(kept(), filename="Звіт.mp4", is_attachment=True, HTTP_RANGE=wanted)

    assert response.status_code == 302
    assert response["Cache-Control"] == "private, no-store"
    answer = httpx.get(response["Location"], headers={"Range": wanted} if wanted else {})
    assert answer.content == (b"234" if wanted else TEN)
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename*=utf-8''")
    assert "X-Amz-Expires=300" in response["Location"]


@pytest.mark.parametrize(("wanted", "content"), [("", TEN), ("bytes=-3", b"789")])
def test_what_must_come_from_us_does_even_from_s3(s3_store, wanted, content):
    response = ask(kept(), is_redirected=False, HTTP_RANGE=wanted)

    assert body_of(response) == content
    assert response["Content-Length"] == str(len(content))


def test_missing_bytes_on_s3_are_404_where_we_read_them(s3_store):
    blob = kept()
    s3_store.delete(blob.name)

    with pytest.raises(NotFound):
        ask(blob, is_redirected=False)


def test_a_time_in_another_zone_is_the_same_time(blob):
    blob.created_at = MOMENT.astimezone(timezone(timedelta(hours=-7)))

    assert ask(blob, "head")["Last-Modified"] == WRITTEN
