"""Bodies of requests: counted, held, refused early, and never half given to the application."""

import asyncio
import os
import socket

import pytest

from alice.bridge import application as bridge_application
from alice.bridge.bodies import BodyRule
from alice.tests.bridge_kit import (
    MIB,
    answer,
    answering,
    call,
    chunked,
    error_of,
    files_open_in,
    read_to_end,
    request_bytes,
    request_message,
    wait_until,
)


@pytest.mark.parametrize("size", [0, 1, 70_000, 300_000])
def test_a_body_arrives_whole_with_its_length(serve, echo, http, tmp_path, size):
    serve(echo, spool_bytes=100_000, spool_directory=tmp_path)
    body = os.urandom(size)

    response = http.post("/", content=body)

    assert response.content == body
    assert echo.environs[0]["CONTENT_LENGTH"] == str(size)


@pytest.mark.parametrize("sizes", [[], [1], [3, 5, 70_000], [90_000, 90_000, 90_000]])
def test_a_chunked_body_arrives_whole_with_its_length(serve, echo, http, tmp_path, sizes):
    serve(echo, spool_bytes=100_000, spool_directory=tmp_path)
    chunks = [os.urandom(size) for size in sizes]

    response = http.post("/", content=iter(chunks))

    assert response.content == b"".join(chunks)
    assert echo.environs[0]["CONTENT_LENGTH"] == str(sum(sizes))
    assert "HTTP_TRANSFER_ENCODING" not in echo.environs[0]


@pytest.mark.parametrize(("size", "is_file"), [(100_000, False), (100_001, True)])
def test_only_a_body_above_the_threshold_goes_to_disk(serve, echo, http, tmp_path, size, is_file):
    held = []

    def application(environ, start_response):
        held.extend(files_open_in(tmp_path))
        return echo(environ, start_response)

    serve(application, spool_bytes=100_000, spool_directory=tmp_path)
    http.post("/", content=bytes(size))

    assert bool(held) is is_file
    assert echo.environs[0]["wsgi.input"].closed
    assert files_open_in(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("headers", [[], [(b"content-length", b"0")]])
def test_a_request_without_a_body_is_answered_without_reading(bridged, headers):
    sent = asyncio.run(call(bridged(answering([b"ok"])), headers=headers, method="POST"))

    assert sent[1]["body"] == b"ok"


def test_a_body_without_headers_is_read_where_the_protocol_allows_one(bridged, echo):
    messages = [request_message(b"framed", more_body=True), request_message()]

    sent = asyncio.run(call(bridged(echo), messages, http_version="2", method="POST"))

    assert sent[1]["body"] == b"framed"


def test_a_length_above_the_limit_is_refused_before_anything_is_read(serve, echo):
    loopback = serve(echo)
    with loopback.connection() as connection:
        connection.sendall(request_bytes("POST", "/", f"Content-Length: {2 * MIB + 1}"))
        response = answer(connection)

        assert error_of(response) == (413, "payload_too_large")
        assert response.headers["Connection"] == "close"
    assert echo.environs == []


def test_a_client_that_sends_all_before_reading_still_gets_the_413(serve, echo):
    loopback = serve(echo)
    body = bytes(16 * MIB)
    with loopback.connection() as connection:
        connection.sendall(request_bytes("POST", "/", f"Content-Length: {len(body)}"))
        connection.sendall(body)

        assert error_of(answer(connection)) == (413, "payload_too_large")
        assert connection.recv(1) == b""
    assert echo.environs == []


def test_a_chunked_body_is_refused_as_soon_as_it_passes_the_limit(serve, echo, tmp_path):
    loopback = serve(echo, spool_bytes=MIB, spool_directory=tmp_path)
    with loopback.connection() as connection:
        connection.sendall(request_bytes("POST", "/", "Transfer-Encoding: chunked"))
        for _ in range(3):
            connection.sendall(b"%x\r\n%s\r\n" % (MIB, bytes(MIB)))

        # The body has no end yet.
        assert error_of(answer(connection)) == (413, "payload_too_large")
    assert echo.environs == []
    wait_until(lambda: files_open_in(tmp_path) == [])


def test_a_body_of_exactly_the_limit_is_taken(serve, http):
    serve(answering([b"taken"]), body_rule=lambda environ: BodyRule(1000))

    assert http.post("/", content=bytes(1000)).status_code == 200
    assert http.post("/", content=bytes(1001)).status_code == 413
    assert http.post("/", content=iter([bytes(1000)])).status_code == 200
    assert http.post("/", content=iter([bytes(1000), b"x"])).status_code == 413


def test_the_limit_may_depend_on_path_and_headers(serve, http):
    def body_rule(environ):
        is_large = (environ["PATH_INFO"], environ.get("HTTP_X_KIND")) == ("/large", "file")
        return BodyRule(100 if is_large else 10)

    serve(answering([b"taken"]), body_rule=body_rule)

    assert http.post("/small", content=bytes(50), headers={"X-Kind": "file"}).status_code == 413
    assert http.post("/large", content=bytes(50)).status_code == 413
    assert http.post("/l%61rge", content=bytes(50), headers={"X-Kind": "file"}).status_code == 200


def test_a_refused_client_that_stays_is_left_after_a_moment(serve, echo, monkeypatch):
    monkeypatch.setattr(bridge_application, "LINGER_SECONDS", 0.05)
    loopback = serve(echo)

    received = loopback.wire(request_bytes("POST", "/", "Content-Length: 9999999"))

    assert received.startswith(b"HTTP/1.1 413 ")
    wait_until(lambda: not loopback.tasks)


def test_a_client_that_asks_first_is_told_to_continue(serve, echo):
    loopback = serve(echo)
    head = request_bytes("POST", "/", "Content-Length: 4", "Expect: 100-continue")
    with loopback.connection() as connection:
        connection.sendall(head)
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"

        connection.sendall(b"body")

        assert answer(connection).read() == b"body"


def test_a_client_that_asks_first_is_refused_without_sending_its_body(serve, echo):
    loopback = serve(echo)
    head = request_bytes("POST", "/", "Content-Length: 9999999", "Expect: 100-continue")
    with loopback.connection() as connection:
        connection.sendall(head)

        assert connection.recv(1000).startswith(b"HTTP/1.1 413 ")


def test_bytes_after_an_understated_length_are_not_part_of_the_body(serve, echo):
    loopback = serve(echo)

    request = request_bytes("POST", "/", "Content-Length: 4", body=b"body and more\r\n\r\n")
    received = loopback.wire(request)

    wait_until(lambda: not loopback.tasks)
    assert received.startswith(b"HTTP/1.1 400 ")
    assert [environ["CONTENT_LENGTH"] for environ in echo.environs] == ["4"]


def test_a_body_shorter_than_its_length_never_reaches_the_application(serve, echo, caplog):
    loopback = serve(echo)
    with loopback.connection() as connection:
        connection.sendall(request_bytes("POST", "/", "Content-Length: 10", body=b"short"))
        connection.shutdown(socket.SHUT_WR)

        assert read_to_end(connection) == b""
    wait_until(lambda: not loopback.tasks)
    assert echo.environs == []
    assert caplog.records == []


@pytest.mark.parametrize("part", [b"a", bytes(200_000)])
def test_a_client_that_leaves_while_sending_takes_no_thread(serve, echo, tmp_path, caplog, part):
    loopback = serve(echo, spool_bytes=100_000, spool_directory=tmp_path)
    with loopback.connection() as connection:
        connection.sendall(request_bytes("POST", "/", "Content-Length: 1000000", body=part))
        wait_until(lambda: loopback.tasks)
        if len(part) > 100_000:
            wait_until(lambda: files_open_in(tmp_path))

    wait_until(lambda: not loopback.tasks and files_open_in(tmp_path) == [])
    assert echo.environs == []
    assert loopback.bridge._pool == []
    assert caplog.records == []


@pytest.mark.parametrize(
    "framing",
    [
        ["Content-Length: 4", "Content-Length: 5"],
        ["Content-Length: 4", "Transfer-Encoding: chunked"],
        ["Content-Length: four"],
        ["Content-Length: -4"],
        ["Content-Length: 99999999999999999999999999"],
        ["Transfer-Encoding: gzip"],
    ],
)
def test_a_body_framed_in_two_ways_or_none_is_refused(serve, echo, framing):
    loopback = serve(echo)

    received = loopback.wire(request_bytes("POST", "/", *framing, body=chunked(b"body")))

    assert received.startswith(b"HTTP/1.1 400 ")
    assert echo.environs == []


def test_a_transfer_coding_that_is_not_known_is_refused(serve, echo):
    loopback = serve(echo)
    with loopback.connection() as connection:
        connection.sendall(request_bytes("POST", "/", "Transfer-Encoding: gzip, chunked"))

        assert error_of(answer(connection)) == (501, "not_implemented")
    assert echo.environs == []


@pytest.mark.parametrize("length", [b"four", b"-1", b"+1", b"1_0", b"", b"1,1", b"\xb2"])
def test_a_length_that_is_no_number_is_refused(bridged, echo, length):
    headers = [(b"content-length", length)]

    sent = asyncio.run(call(bridged(echo), [request_message()], headers=headers, method="POST"))

    assert sent[0]["status"] == 400
    assert echo.environs == []


def test_a_full_disk_is_told_and_the_server_goes_on(serve, echo, http, tmp_path, caplog):
    spool_directory = tmp_path / "missing"
    serve(echo, spool_bytes=1000, spool_directory=spool_directory)

    refused = http.post("/", content=bytes(2000))
    spool_directory.mkdir()
    taken = http.post("/", content=bytes(2000))

    assert (refused.status_code, refused.json()["code"]) == (507, "storage_full")
    assert str(tmp_path) not in refused.text
    assert taken.status_code == 200
    assert [record.name for record in caplog.records] == ["alice.bridge"]
