"""Bodies of uploads through the server, the bridge and the product's own rules."""

import os
import signal
import socket
import subprocess
import sys

import pytest

from alice import asgi
from alice.body_rules import body_rule
from alice.common.tests.kit import entitle
from alice.runtime.child import CONTROL_VARIABLE, GO, READY
from alice.runtime.config import PROJECT_DIR
from alice.runtime.sockets import bind_listeners
from alice.tests.bridge_kit import (
    answer,
    chunked,
    error_of,
    files_open_in,
    read_to_end,
    request_bytes,
    wait_until,
)
from alice.tests.test_body_rules import UPLOADS, access_token

JSON_LIMIT, FILE_LIMIT, FORM_BYTES, SPOOL_BYTES = 1000, 300_000, 5000, 100_000
LIMITS = [
    (*UPLOADS[0], FILE_LIMIT + FORM_BYTES),
    (*UPLOADS[1], FILE_LIMIT + FORM_BYTES),
    (*UPLOADS[2], FILE_LIMIT),
]


@pytest.fixture
def server(serve, echo, settings, tmp_path):
    settings.JSON_BODY_MAX_BYTES = JSON_LIMIT
    limit = {"upload_size_bytes": FILE_LIMIT}
    entitle(settings, free=limit, pro=limit)
    settings.UPLOAD_FORM_BYTES = FORM_BYTES
    yield serve(
        echo,
        body_rule=body_rule,
        spool_bytes=SPOOL_BYTES,
        spool_directory=tmp_path,
        stall_seconds=20,
    )
    wait_until(lambda: files_open_in(tmp_path) == [])
    assert list(tmp_path.iterdir()) == []


def signed():
    return f"Authorization: Bearer {access_token()}"


def in_chunks(body, size=70_000):
    return chunked(*(body[at : at + size] for at in range(0, len(body), size)))


def test_the_product_is_served_by_these_rules():
    assert asgi.bridge.body_rule is body_rule


@pytest.mark.parametrize(("method", "path", "limit"), LIMITS)
def test_an_upload_of_exactly_the_limit_is_taken(server, echo, method, path, limit):
    body = os.urandom(limit)
    length = f"Content-Length: {limit}"
    with server.connection() as connection:
        connection.sendall(request_bytes(method, path, signed(), length, body=body))
        assert answer(connection, method).read() == body

        framing = "Transfer-Encoding: chunked"
        connection.sendall(request_bytes(method, path, signed(), framing, body=in_chunks(body)))
        assert answer(connection, method).read() == body
    assert [environ["CONTENT_LENGTH"] for environ in echo.environs] == [str(limit)] * 2


@pytest.mark.parametrize(("method", "path", "limit"), LIMITS)
def test_an_upload_announced_one_byte_longer_is_refused_unread(server, echo, method, path, limit):
    length = f"Content-Length: {limit + 1}"
    with server.connection() as connection:
        connection.sendall(request_bytes(method, path, signed(), length))

        assert error_of(answer(connection)) == (413, "payload_too_large")
    assert echo.environs == []


@pytest.mark.parametrize(("method", "path", "limit"), LIMITS)
def test_a_chunked_upload_one_byte_longer_is_refused(server, echo, method, path, limit):
    framing = "Transfer-Encoding: chunked"
    body = in_chunks(bytes(limit + 1))
    with server.connection() as connection:
        connection.sendall(request_bytes(method, path, signed(), framing, body=body))

        assert error_of(answer(connection)) == (413, "payload_too_large")
    assert echo.environs == []


@pytest.mark.parametrize(("method", "path", "limit"), LIMITS)
def test_an_upload_without_end_is_refused_on_the_way(server, echo, method, path, limit):
    with server.connection() as connection:
        connection.sendall(request_bytes(method, path, signed(), "Transfer-Encoding: chunked"))
        for _ in range(limit // 50_000 + 1):
            connection.sendall(b"%x\r\n%s\r\n" % (50_000, bytes(50_000)))

        # Its last chunk has not been sent.
        assert error_of(answer(connection)) == (413, "payload_too_large")
    assert echo.environs == []


@pytest.mark.parametrize(("method", "path"), UPLOADS)
@pytest.mark.parametrize(
    ("framing", "body"),
    [
        ("Content-Length: 1001", b""),
        ("Transfer-Encoding: chunked", b"3e9\r\n%s\r\n" % bytes(1001)),
    ],
    ids=["announced", "chunked"],
)
def test_a_stranger_cannot_fill_the_disk(server, echo, method, path, framing, body):
    with server.connection() as connection:
        connection.sendall(request_bytes(method, path, framing, body=body))
        response = answer(connection)

        assert error_of(response) == (401, "not_authenticated")
        assert response.headers["WWW-Authenticate"] == 'Bearer realm="api"'
        assert response.headers["Connection"] == "close"
    assert echo.environs == []


@pytest.mark.parametrize(("method", "path"), UPLOADS)
def test_a_stranger_with_a_short_body_is_left_to_the_application(server, echo, method, path):
    body = bytes(JSON_LIMIT)
    length = f"Content-Length: {JSON_LIMIT}"
    with server.connection() as connection:
        connection.sendall(request_bytes(method, path, length, body=body))

        assert answer(connection).read() == body
    assert echo.bodies == [body]


def test_other_paths_keep_the_json_limit_whoever_asks(server, echo):
    with server.connection() as connection:
        head = request_bytes("POST", "/api/items", signed(), f"Content-Length: {JSON_LIMIT + 1}")
        connection.sendall(head)

        assert error_of(answer(connection)) == (413, "payload_too_large")
    assert echo.environs == []


@pytest.mark.parametrize(("method", "path"), UPLOADS[:2])
def test_bytes_past_the_announced_length_are_not_part_of_an_upload(server, echo, method, path):
    body = os.urandom(200_000)
    head = request_bytes(method, path, signed(), "Content-Length: 200000")

    received = server.wire(head + body + b"and more\r\n\r\n")

    assert received.startswith(b"HTTP/1.1 ")
    wait_until(lambda: not server.tasks)
    # What follows is no request, and its 400 may end the connection before the body was read.
    assert echo.bodies in ([], [body])


def test_a_resumable_upload_with_bytes_past_its_length_is_kept_up_to_that(server, echo):
    body = os.urandom(200_000)
    head = request_bytes(*UPLOADS[2], signed(), "Content-Length: 200000")

    server.wire(head + body + b"and more\r\n\r\n")

    wait_until(lambda: echo.bodies == [body])
    assert echo.environs[0].get("alice.body_is_partial", False) is False


@pytest.mark.parametrize(("method", "path"), UPLOADS[:2])
@pytest.mark.parametrize("sent", [10, 200_000])
def test_a_form_shorter_than_announced_never_reaches_the_application(
    server, echo, method, path, sent
):
    with server.connection() as connection:
        head = request_bytes(method, path, signed(), "Content-Length: 300000")
        connection.sendall(head + bytes(sent))
        connection.shutdown(socket.SHUT_WR)

        assert read_to_end(connection) == b""
    wait_until(lambda: not server.tasks)
    assert echo.environs == []


@pytest.mark.parametrize("sent", [10, 200_000])
def test_a_resumable_upload_keeps_what_came(server, echo, sent):
    body = os.urandom(sent)
    with server.connection() as connection:
        head = request_bytes(*UPLOADS[2], signed(), "Content-Length: 300000")
        connection.sendall(head + body)

    wait_until(lambda: echo.bodies)
    assert echo.bodies == [body]
    assert echo.environs[0]["alice.body_is_partial"] is True


def test_nothing_is_kept_of_a_stranger(server, echo):
    with server.connection() as connection:
        connection.sendall(request_bytes(*UPLOADS[2], "Content-Length: 900", body=bytes(500)))
        wait_until(lambda: server.tasks)

    wait_until(lambda: not server.tasks)
    assert echo.environs == []


def test_a_large_upload_is_a_real_file_for_the_application(serve, tmp_path, http):
    def application(environ, start_response):
        size = os.fstat(environ["wsgi.input"].fileno()).st_size
        start_response("200 OK", [("X-Offset", str(environ["wsgi.input"].tell()))])
        return [str(size).encode()]

    serve(application, body_rule=body_rule, spool_bytes=1000, spool_directory=tmp_path)
    headers = {"Authorization": f"Bearer {access_token()}"}
    response = http.post("/api/files/upload", content=bytes(3_000_000), headers=headers)

    assert (response.text, response.headers["X-Offset"]) == ("3000000", "0")


@pytest.fixture
def web(tmp_path):
    """A web process in front of an application that keeps partial bodies in `tmp_path`."""
    (listener,) = bind_listeners("127.0.0.1", 0)
    ours, theirs = socket.socketpair()
    ours.settimeout(20)
    module = "alice.tests.stub_uploads"
    with (
        listener,
        ours,
        theirs,
        subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", module, "--fd", str(listener.fileno())],
            cwd=PROJECT_DIR,
            env={
                "PATH": os.environ["PATH"],
                CONTROL_VARIABLE: str(theirs.fileno()),
                "STUB_DIRECTORY": str(tmp_path),
            },
            pass_fds=[listener.fileno(), theirs.fileno()],
        ) as process,
    ):
        ours.sendall(GO)
        assert ours.recv(1) == READY
        yield process, listener
        process.kill()


@pytest.mark.live
@pytest.mark.parametrize("size", [1000, 2_500_000])
def test_a_server_that_ends_keeps_what_came_of_an_upload(web, tmp_path, size):
    process, listener = web
    body = os.urandom(size)
    with socket.create_connection(listener.getsockname(), timeout=20) as client:
        client.sendall(request_bytes("PATCH", "/", "Content-Length: 9000000", body=body))
        wait_until((tmp_path / "reading").exists)
        process.send_signal(signal.SIGTERM)

        assert process.wait(20) == 0
    assert (tmp_path / "kept").read_bytes() == body
