"""The two doors of the web process."""

import asyncio

import orjson
import pytest
from django.conf import settings
from django.core.cache import caches

from alice import asgi
from alice.tests.bridge_kit import call


@pytest.mark.django_db  # its thread may hold a connection from another test
def test_http_goes_to_django():
    headers = [(b"host", b"localhost")]

    start, body = asyncio.run(call(asgi.application, headers=headers, raw_path=b"/nowhere/at/all"))

    assert start["status"] == 404
    assert orjson.loads(body["body"])["code"] == "not_found"


def test_a_json_body_above_the_limit_is_refused_early():
    length = str(settings.JSON_BODY_MAX_BYTES + 1).encode()
    headers = [(b"host", b"localhost"), (b"content-length", length)]
    gone = {"type": "http.disconnect"}

    start, *_ = asyncio.run(call(asgi.application, [gone], headers=headers, method="POST"))

    assert start["status"] == 413


def test_there_is_a_place_for_large_bodies():
    assert settings.REQUEST_SPOOL_DIR.is_dir()


def test_an_unknown_socket_is_refused_with_404_and_json():
    extensions = {"websocket.http.response": {}}

    start, body = asyncio.run(
        call(asgi.application, type="websocket", path="/ws/none", extensions=extensions)
    )

    assert (start["type"], start["status"]) == ("websocket.http.response.start", 404)
    assert body["type"] == "websocket.http.response.body"
    assert orjson.loads(body["body"])["code"] == "not_found"


def test_a_server_that_can_only_refuse_refuses_an_unknown_socket():
    sent = asyncio.run(call(asgi.application, type="websocket", path="/ws/none"))

    assert sent == [{"type": "websocket.close"}]


def test_a_cache_is_opened_once_for_all_requests_of_a_thread(bridged):
    seen = []

    def application(environ, start_response):
        seen.append(caches["default"])
        start_response("200 OK", [])
        return [b""]

    async def main():
        for _ in range(3):
            await call(bridge)

    bridge = bridged(application, threads=1, on_thread_start=asgi.open_caches)
    asyncio.run(main())

    assert seen[0] is seen[1] is seen[2]


@pytest.mark.django_db
@pytest.mark.parametrize("boundary", ["boundary*=utf-9''x", "boundary*=nonsense''%ff"])
def test_a_content_type_that_makes_no_sense_is_none(boundary):
    content_type = f"multipart/form-data; {boundary}".encode()
    headers = [(b"host", b"localhost"), (b"content-type", content_type), (b"content-length", b"1")]
    body = {"type": "http.request", "body": b"x"}

    start, *_ = asyncio.run(
        call(asgi.application, [body], headers=headers, method="POST", raw_path=b"/api/auth/login")
    )

    assert start["status"] == 415
