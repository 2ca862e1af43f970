"""What the client gets for what the application answers, faults included."""

import asyncio
import sys
import threading
from http.client import IncompleteRead
from itertools import repeat

import httpx
import orjson
import pytest

from alice.tests.bridge_kit import (
    MIB,
    Answer,
    answer,
    answering,
    call,
    request_bytes,
    wait_until,
)

CLOSE = "Connection: close"


def failing_blocks(*blocks):
    yield from blocks
    raise LookupError("a secret inside")


def lazily(status, headers, *blocks):
    """An application whose start_response is called on the first pull, as generators do."""

    def application(environ, start_response):
        start_response(status, headers)
        yield from blocks

    return application


def test_a_whole_answer_is_sent_as_two_messages_with_its_length(bridged):
    bridge = bridged(answering([b"one ", b"two"], "201 Created", [("X-Kind", "whole")]))

    start, body = asyncio.run(call(bridge))

    assert start["status"] == 201
    assert start["headers"] == [(b"x-kind", b"whole"), (b"content-length", b"7")]
    assert body == {"type": "http.response.body", "body": b"one two"}


def test_the_answer_of_a_django_view_counts_as_whole(bridged):
    response = Answer([b"ok"], streaming=False)

    start, body = asyncio.run(call(bridged(answering(response))))

    assert start["headers"] == [(b"content-length", b"2")]
    assert body["body"] == b"ok"
    assert len(response.closed_in) == 1


def test_a_length_given_by_the_application_is_kept(serve, http):
    serve(answering([b"four"], headers=[("Content-Length", "4")]))

    assert http.get("/").headers.get_list("content-length") == ["4"]


def test_repeated_response_headers_stay_apart(serve, http):
    serve(answering([b""], headers=[("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]))

    assert http.get("/").headers.get_list("set-cookie") == ["a=1", "b=2"]


def test_hop_by_hop_headers_are_left_to_the_server(serve, http):
    mine = [("Connection", "close"), ("Transfer-Encoding", "gzip"), ("Keep-Alive", "9")]
    serve(answering([b"ok"], headers=mine))

    response = http.get("/")

    assert response.content == b"ok"
    assert not {"connection", "transfer-encoding", "keep-alive"} & response.headers.keys()


@pytest.mark.parametrize("blocks", [[b"whole"], Answer([b"in ", b"", b"blocks"])])
def test_two_requests_in_one_packet_are_answered_in_order(serve, blocks):
    numbers = []

    def application(environ, start_response):
        numbers.append(environ["QUERY_STRING"])
        start_response("200 OK", [("X-Number", environ["QUERY_STRING"])])
        return blocks

    first, second = request_bytes("GET", "/?1"), request_bytes("GET", "/?2", CLOSE)
    received = serve(application).wire(first + second)

    assert numbers == ["1", "2"]
    assert received.index(b"x-number: 1") < received.index(b"x-number: 2")


def test_a_stream_without_a_length_arrives_whole(serve, http):
    blocks = [b"a", b"", b"bc", bytes(300_000), b"end"]
    serve(answering(Answer(blocks)))

    response = http.get("/")

    assert response.content == b"".join(blocks)
    assert response.headers["transfer-encoding"] == "chunked"


def test_a_stream_with_a_length_keeps_it(serve, http):
    serve(answering(Answer(repeat(b"x" * 1000, 1000)), headers=[("Content-Length", "1000000")]))

    response = http.get("/")

    assert response.content == b"x" * 1_000_000
    assert response.headers["content-length"] == "1000000"


def test_an_empty_stream_is_an_empty_answer(serve, http):
    serve(answering(Answer([])))

    response = http.get("/")

    assert (response.content, response.headers["content-length"]) == (b"", "0")


def test_small_blocks_of_a_known_length_are_gathered(bridged):
    blocks = Answer(repeat(b"x" * 4096, 256))
    bridge = bridged(answering(blocks, headers=[("Content-Length", str(MIB))]))

    _, *bodies = asyncio.run(call(bridge))

    assert [len(message["body"]) for message in bodies] == [256 * 1024] * 4 + [0]


def test_a_block_of_a_live_feed_is_sent_before_the_next_one_exists(serve):
    arrived = threading.Event()

    def feed():
        yield b"first"
        assert arrived.wait(10)
        yield b"second"

    loopback = serve(answering(feed()))
    with loopback.connection() as connection:
        connection.sendall(request_bytes())
        response = answer(connection)
        assert response.read(5) == b"first"
        arrived.set()

        assert response.read() == b"second"


@pytest.mark.parametrize("whole", [True, False])
def test_head_has_the_headers_of_get_and_no_body(serve, whole):
    response = Answer([b"body"], streaming=not whole)
    loopback = serve(answering(response, headers=[("Content-Length", "4"), ("X-Kind", "a")]))

    received = loopback.wire(request_bytes("HEAD", "/", CLOSE))

    head, _, body = received.partition(b"\r\n\r\n")
    assert b"\r\ncontent-length: 4\r\n" in head
    assert b"\r\nx-kind: a" in head
    assert body == b""
    assert len(response.closed_in) == 1


def test_head_of_a_lazy_application_has_no_body(serve):
    loopback = serve(lazily("200 OK", [("Content-Length", "4")], b"body"))

    received = loopback.wire(request_bytes("HEAD", "/", CLOSE))

    assert received.startswith(b"HTTP/1.1 200 OK")
    assert received.endswith(b"\r\n\r\n")


def test_the_bridge_itself_drops_the_body_of_head(bridged):
    _, body = asyncio.run(call(bridged(answering([b"body"])), method="HEAD"))

    assert body["body"] == b""


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
@pytest.mark.parametrize("streaming", [True, False])
def test_a_status_without_body_has_neither_body_nor_length(serve, caplog, status, streaming):
    response = Answer([b"body"], streaming=streaming)
    loopback = serve(answering(response, status, [("Content-Length", "4"), ("ETag", '"1"')]))

    head, _, body = loopback.wire(request_bytes("GET", "/", CLOSE)).partition(b"\r\n\r\n")

    assert head.startswith(f"HTTP/1.1 {status}".encode())
    assert b'etag: "1"' in head
    assert b"content-length" not in head
    assert b"transfer-encoding" not in head
    assert body == b""
    assert len(response.closed_in) == 1
    assert caplog.records == []


def test_an_exception_is_logged_and_answered_without_its_words(serve, http, caplog):
    def application(environ, start_response):
        raise LookupError("a secret inside")

    serve(application)
    response = http.get("/a%0Apath")

    body = orjson.loads(response.content)
    assert response.status_code == 500
    assert body.keys() == {"detail", "code", "request_id"}
    assert body["code"] == "server_error"
    assert body["request_id"] == response.headers["x-request-id"]
    assert "secret" not in response.text
    [record] = caplog.records
    assert (record.name, record.exc_info[0]) == ("alice.bridge", LookupError)
    assert body["request_id"] in record.getMessage()
    assert "\n" not in record.getMessage()


def test_an_exception_after_an_exit_call_does_not_end_the_thread(serve, http):
    def application(environ, start_response):
        if environ["PATH_INFO"] == "/exit":
            sys.exit(3)
        start_response("200 OK", [])
        return [b"alive"]

    serve(application, threads=1)

    assert http.get("/exit").status_code == 500
    assert http.get("/").content == b"alive"


def test_the_error_of_a_head_request_has_no_body(bridged):
    start, body = asyncio.run(call(bridged(lambda environ, start_response: []), method="HEAD"))

    assert start["status"] == 500
    assert body["body"] == b""


def twice(environ, start_response):
    start_response("200 OK", [])
    start_response("200 OK", [])
    return [b""]


def block_first(environ, start_response):
    yield b"too early"
    start_response("200 OK", [])


def writing(environ, start_response):
    start_response("200 OK", [])(b"written")
    return []


@pytest.mark.parametrize(
    "application", [lambda environ, start_response: [b"x"], twice, block_first, writing]
)
def test_an_application_that_breaks_the_protocol_is_answered_500(serve, http, caplog, application):
    serve(application)

    assert http.get("/").status_code == 500
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    "status", ["", "200", "99 Low", "100 Continue", "600 High", "abc", "2000"]
)
def test_only_a_final_status_is_sent(serve, http, status):
    serve(answering([b"ok"], status))

    assert http.get("/").status_code == (200 if status == "200" else 500)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Split", "a\r\nSet-Cookie: b=1"),
        ("X-Split", "a\nb"),
        ("X-Nul", "a\0b"),
        ("X-Delete", "a\x7f"),
        ("X Space", "a"),
        ("X-Colon:", "a"),
        ("X-Line\n", "a"),
        ("", "a"),
        ("X-Wide", "\u20ac"),
        ("Content-Length", "four"),
        ("Content-Length", "-4"),
    ],
)
def test_a_header_that_must_not_be_sent_is_a_500(serve, http, name, value):
    serve(answering([b"ok"], headers=[("X-Fine", "1"), (name, value)]))

    response = http.get("/")

    assert response.status_code == 500
    assert not {"x-fine", "set-cookie"} & response.headers.keys()


def test_tabs_and_latin_1_may_be_in_a_header(serve, http):
    serve(answering([b"ok"], headers=[("X-Text", "a\tb\xe9\xad")]))

    assert http.get("/").headers["x-text"].encode("latin-1") == b"a\tb\xe9\xad"


def test_two_lengths_are_no_length(serve, http):
    serve(answering([b"ok"], headers=[("Content-Length", "2"), ("content-length", "2")]))

    assert http.get("/").status_code == 500


def test_an_error_handler_may_replace_headers_not_yet_sent(serve, http):
    def application(environ, start_response):
        start_response("200 OK", [("X-First", "1")])
        try:
            next(failing_blocks())
        except LookupError:
            start_response("418 Teapot", [("X-Second", "2")], sys.exc_info())
        return [b"replaced"]

    serve(application)
    response = http.get("/")

    assert (response.status_code, response.content) == (418, b"replaced")
    assert "x-first" not in response.headers


def test_an_error_handler_cannot_replace_headers_already_sent(serve, http, caplog):
    def application(environ, start_response):
        start_response("200 OK", [])
        yield b"sent"
        try:
            next(failing_blocks())
        except LookupError:
            start_response("500 Sorry", [], sys.exc_info())
        yield b"never"

    serve(application)

    with pytest.raises(httpx.RemoteProtocolError):
        http.get("/")
    assert caplog.records[0].exc_info[0] is LookupError


@pytest.mark.parametrize("length", ["3", "5"])
@pytest.mark.parametrize("streaming", [True, False])
def test_a_first_piece_unlike_its_length_is_a_500(serve, http, caplog, length, streaming):
    response = Answer([b"four"], streaming=streaming)
    serve(answering(response, headers=[("Content-Length", length)]))

    assert http.get("/").status_code == 500
    assert len(response.closed_in) == 1
    assert "Content-Length" in str(caplog.records[0].exc_info[1])


@pytest.mark.parametrize("length", [3 * MIB - 1, 3 * MIB + 1])
def test_a_stream_unlike_its_length_is_cut(serve, caplog, length):
    response = Answer(repeat(bytes(MIB), 3))
    loopback = serve(answering(response, headers=[("Content-Length", str(length))]))
    with loopback.connection() as connection:
        connection.sendall(request_bytes())

        with pytest.raises(IncompleteRead):
            answer(connection).read()
    assert len(response.closed_in) == 1
    assert [record.name for record in caplog.records if record.exc_info] == ["alice.bridge"]


def test_a_stream_that_fails_on_the_way_is_logged_and_cut(serve, http, caplog):
    response = Answer([])
    response.blocks = failing_blocks(b"a", b"b")
    serve(answering(response))

    with pytest.raises(httpx.RemoteProtocolError):
        http.get("/")
    assert len(response.closed_in) == 1
    assert caplog.records[0].exc_info[0] is LookupError


def test_a_stream_that_fails_at_once_is_a_500(serve, http):
    response = Answer([])
    response.blocks = failing_blocks()
    serve(answering(response))

    assert http.get("/").status_code == 500
    assert len(response.closed_in) == 1


@pytest.mark.parametrize("streaming", [True, False])
def test_a_failing_close_is_logged_and_the_answer_still_sent(serve, http, caplog, streaming):
    class Stuck(Answer):
        def close(self):
            raise LookupError("stuck")

    serve(answering(Stuck([b"ok"], streaming=streaming)))

    assert http.get("/").content == b"ok"
    wait_until(lambda: caplog.records)
    assert caplog.records[0].getMessage() == "Closing a response failed"
