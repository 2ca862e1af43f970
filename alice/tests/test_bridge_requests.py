"""What the application is told of a request (PEP 3333)."""

import asyncio
from wsgiref.validate import validator

import pytest
from django.core.handlers.wsgi import get_path_info

from alice.bridge.translation import build_environ
from alice.tests.bridge_kit import answering, call, http_scope, request_bytes


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (b"/plain", "/plain"),
        (b"/a%20b", "/a b"),
        (b"/a%2fb", "/a/b"),
        (b"/caf%C3%A9", "/café"),
        (b"/%ff", "/%FF"),
        (b"/100%", "/100%"),
        (b"//twice", "//twice"),
    ],
)
def test_django_reads_the_path_as_it_was_sent(raw, path):
    environ = build_environ(http_scope(raw_path=raw, path="/replaced"))

    assert get_path_info(environ) == path


def test_a_path_that_is_not_utf8_keeps_its_bytes(serve):
    seen = []

    def application(environ, start_response):
        seen.append(environ["PATH_INFO"])
        start_response("200 OK", [])
        return [b""]

    serve(application).wire(request_bytes("GET", "/%ff%2f%c3%a9", "Connection: close"))

    assert seen == ["/\xff/\xc3\xa9"]


def test_the_path_is_taken_where_the_server_offers_no_raw_one():
    environ = build_environ(http_scope(raw_path=None, path="/é%41"))

    assert get_path_info(environ) == "/é%41"


def test_the_mount_point_is_in_script_name_and_not_in_the_path():
    environ = build_environ(http_scope(root_path="/é", raw_path=b"/%C3%A9/items"))

    assert environ["SCRIPT_NAME"] == "/\xc3\xa9"
    assert environ["PATH_INFO"] == "/items"


def test_the_request_line_and_the_two_ends_are_told():
    environ = build_environ(
        http_scope(method="PUT", query_string=b"q=%20\xe9", http_version="1.0", scheme="https")
    )

    assert environ["REQUEST_METHOD"] == "PUT"
    assert environ["QUERY_STRING"] == "q=%20\xe9"
    assert environ["SERVER_PROTOCOL"] == "HTTP/1.0"
    assert environ["wsgi.url_scheme"] == "https"
    assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == ("192.0.2.7", "4711")
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("127.0.0.1", "8000")


@pytest.mark.parametrize(("scheme", "port"), [("http", "80"), ("https", "443")])
def test_a_server_without_an_address_has_the_usual_port(scheme, port):
    environ = build_environ(http_scope(server=None, client=None, scheme=scheme))

    assert environ["SERVER_PORT"] == port
    assert environ["REMOTE_ADDR"] == ""


def test_repeated_headers_are_joined_by_comma_and_cookies_by_semicolon():
    headers = [(b"accept", b"a"), (b"cookie", b"x=1"), (b"accept", b"b"), (b"cookie", b"y=2")]

    environ = build_environ(http_scope(headers=headers))

    assert environ["HTTP_ACCEPT"] == "a,b"
    assert environ["HTTP_COOKIE"] == "x=1; y=2"


def test_a_header_with_an_underscore_cannot_pose_as_another():
    headers = [(b"x-real-ip", b"1.1.1.1"), (b"x_real_ip", b"6.6.6.6"), (b"content_length", b"9")]

    environ = build_environ(http_scope(headers=headers))

    assert environ["HTTP_X_REAL_IP"] == "1.1.1.1"
    assert not {"CONTENT_LENGTH", "HTTP_CONTENT_LENGTH"} & environ.keys()


def test_content_type_and_length_have_no_prefix():
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"0")]

    environ = build_environ(http_scope(headers=headers))

    assert (environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"]) == ("text/plain", "0")
    assert not {"HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"} & environ.keys()


def test_the_request_id_of_the_client_is_left_to_the_application(serve, http):
    seen = []

    def application(environ, start_response):
        seen.append(environ["HTTP_X_REQUEST_ID"])
        start_response("200 OK", [])
        return [b"ok"]

    serve(application)
    response = http.get("/", headers={"X-Request-ID": "abc.123"})

    assert seen == ["abc.123"]
    assert "x-request-id" not in response.headers


@pytest.mark.parametrize("content", [None, b"a body"])
def test_the_reference_validator_of_wsgi_finds_no_fault(serve, http, content):
    def application(environ, start_response):
        length = int(environ.get("CONTENT_LENGTH") or 0)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"read ", environ["wsgi.input"].read(length)]

    serve(validator(application))
    response = http.request("POST" if content else "GET", "/a?b=c", content=content)

    assert (response.status_code, response.content) == (200, b"read " + (content or b""))


@pytest.mark.parametrize("kind", ["websocket", "lifespan"])
def test_a_scope_that_is_not_http_is_an_error(bridged, kind):
    bridge = bridged(answering([b""]))

    with pytest.raises(ValueError, match=kind):
        asyncio.run(call(bridge, type=kind))
