"""Who gets in, and with what."""

import logging
from datetime import timedelta

import httpx
import pytest

from accounts.services import tickets
from accounts.services.tokens import mint_pair, read_access
from alice.common.realtime.groups import session_group, user_group
from alice.common.realtime.signing_in import refusal_of
from alice.common.tests.kit import allow, wait_until
from alice.tests.realtime.kit import (
    HELLO,
    greeted,
    open_relays,
    open_socket,
    refused_status,
)

pytestmark = pytest.mark.django_db(transaction=True)

SHARE_TOKEN = "5f4dcc3b-5aa7-45d6-9d83-27deb882cf99"


@pytest.fixture
def ticket(alice):
    claims = read_access(alice.access_token)
    return tickets.issue_ticket(
        user_id=claims.user_id, session_id=claims.session_id, ends_at=claims.ends_at
    )


def log_out(server, client):
    headers = {"Authorization": f"Bearer {client.access_token}"}
    assert httpx.post(f"{server}/api/auth/logout", headers=headers).status_code in (200, 204)


def test_a_header_signs_in(web_server, alice):
    with open_socket(web_server, token=alice.access_token) as socket:
        assert socket.next() == HELLO


def test_a_ticket_signs_in_once(web_server, ticket):
    with open_socket(web_server, f"/ws/events?ticket={ticket}") as socket:
        assert socket.next() == HELLO
    with open_socket(web_server, f"/ws/events?ticket={ticket}") as socket:
        end = socket.end()

    assert (end.code, end.reason) == (4401, "ticket_invalid")
    assert [(frame["type"], frame["code"]) for frame in end.frames] == [("error", end.reason)]


def test_a_first_frame_signs_in(web_server, alice):
    with open_socket(web_server) as socket:
        socket.send({"type": "auth", "token": alice.access_token})

        assert socket.next() == HELLO


def test_a_token_in_the_url_is_refused(web_server, alice):
    with open_socket(web_server, f"/ws/events?token={alice.access_token}") as socket:
        end = socket.end()

    assert (end.code, [frame["code"] for frame in end.frames]) == (4401, ["token_in_url"])


@pytest.mark.parametrize("token", ["garbage", "x" * 5000, SHARE_TOKEN, "-"])
def test_a_bad_token_is_refused_as_header_and_as_first_frame(web_server, token):
    with open_socket(web_server, token=token) as by_header, open_socket(web_server) as by_frame:
        by_frame.send({"type": "auth", "token": token})
        ends = [by_header.end(), by_frame.end()]

    assert [(end.code, end.reason) for end in ends] == [(4401, "token_invalid")] * 2


def test_an_expired_token_opens_no_socket(web_server, alice, settings):
    settings.ACCESS_TOKEN_LIFETIME = timedelta(minutes=-1)
    token = mint_pair(alice.signed_in).access_token

    with open_socket(web_server, token=token) as by_header, open_socket(web_server) as by_frame:
        by_frame.send({"type": "auth", "token": token})
        ends = [by_header.end(), by_frame.end()]

    assert [(end.code, end.reason) for end in ends] == [(4401, "token_expired")] * 2


def test_a_refresh_token_opens_no_socket(web_server, alice):
    with open_socket(web_server, token=alice.refresh_token) as socket:
        assert socket.end().code == 4401


def test_a_session_that_ended_is_refused(web_server, alice, ticket):
    log_out(web_server, alice)

    for options in ({"token": alice.access_token}, {"path": f"/ws/events?ticket={ticket}"}):
        with open_socket(web_server, **options) as socket:
            assert (socket.end().code, options) == (4401, options)


def test_who_does_not_sign_in_in_time_is_closed(web_server, settings):
    settings.SOCKET_SIGN_IN_SECONDS = 0.05
    with open_socket(web_server) as socket:
        end = socket.end()

    assert (end.code, end.frames) == (4408, [])


@pytest.mark.parametrize("frame", ['{"type": "message"}', '{"type": "auth"}', "garbage", b"\x00"])
def test_whoever_sends_something_else_first_is_closed(web_server, frame):
    with open_socket(web_server) as socket:
        socket.send(frame)
        end = socket.end()

    assert end.code == 4401
    assert {frame["type"] for frame in end.frames} == {"error"}


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil.example"]
)
def test_a_foreign_page_is_refused_before_it_is_accepted(web_server, alice, origin):
    refused = refused_status(web_server, token=alice.access_token, origin=origin)

    assert refused == (403, "origin_refused")


def test_our_own_pages_and_those_allowed_get_in(web_server, alice, settings):
    settings.PUBLIC_URL = "https://alice.example"
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example"]

    for origin in (web_server, "https://alice.example", "https://app.example"):
        with open_socket(web_server, token=alice.access_token, origin=origin) as socket:
            assert socket.next() == HELLO


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        (b"localhost", None, None),
        (b"localhost", b"http://localhost", None),
        (b"localhost", b"https://localhost", 403),
        (b"evil.example", b"http://evil.example", 400),
        (b"", None, 400),
    ],
)
def test_host_and_scheme_must_fit(host, origin, status):
    headers = [(b"host", host)] + ([(b"origin", origin)] if origin else [])

    refusal = refusal_of({"scheme": "ws", "headers": headers})

    assert (refusal and refusal.status) == status


def test_behind_a_trusted_proxy_its_word_on_the_scheme_counts(settings):
    settings.TRUSTED_PROXIES = ["192.0.2.1"]
    headers = [(b"host", b"localhost"), (b"origin", b"https://localhost")]
    forwarded = (b"x-forwarded-proto", b"https")

    assert refusal_of({"scheme": "ws", "headers": headers}).status == 403
    assert refusal_of({"scheme": "ws", "headers": [*headers, forwarded]}) is None


@pytest.mark.parametrize("path", ["/ws", "/ws/nothing", "/ws/events/", "/", "/api/items"])
def test_unknown_paths_are_refused_with_404(web_server, path):
    assert refused_status(web_server, path) == (404, "not_found")


def test_a_socket_counts_as_one_request_of_its_user(web_server, alice, settings):
    allow(settings, free=2, pro=2, anonymous=100)
    third = open_socket(web_server, token=alice.access_token)
    with greeted(web_server, alice), greeted(web_server, alice), third as socket:
        end = socket.end()

    assert (end.code, end.reason) == (4429, "request_limit_reached")


def test_sockets_without_a_session_count_for_their_peer(web_server, settings):
    allow(settings, free=100, pro=100, anonymous=2)
    with open_socket(web_server, token="bad") as first, open_socket(web_server) as second:
        assert first.end().code == 4401
        with open_socket(web_server) as third:
            assert third.end().code == 4429
        second.send({"type": "ping"})
        assert second.end().code == 4401


def test_a_user_has_so_many_sockets_and_no_more(web_server, alice, bob, settings):
    settings.SOCKETS_PER_USER = 1
    with greeted(web_server, alice) as kept:
        with open_socket(web_server, token=alice.access_token) as refused:
            end = refused.end()
        with greeted(web_server, bob):
            pass
        kept.send({"type": "ping"})
        assert kept.next() == {"type": "pong"}

    assert (end.code, end.reason) == (4429, "too_many_sockets")


def test_without_redis_a_header_signs_in_and_a_ticket_is_told_to_try_again(
    web_server, alice, ticket, redis_switch
):
    redis_switch.stop()

    with open_socket(web_server, token=alice.access_token) as socket:
        assert socket.next() == HELLO
    with open_socket(web_server, f"/ws/events?ticket={ticket}") as socket:
        assert socket.end().code == 1013


def test_each_socket_is_logged_once_open_and_once_closed_without_its_ticket(
    web_server, alice, ticket, caplog
):
    caplog.set_level(logging.INFO)
    with open_socket(web_server, f"/ws/events?ticket={ticket}") as socket:
        socket.next()
        socket.connection.close(1000)
    with greeted(web_server, alice):  # by now the first one's line is there
        lines = [r for r in caplog.records if r.getMessage() == "WS /ws/events"]

    plain = [record.plain for record in lines]
    assert [(line["status"], line["user_id"]) for line in plain[:2]] == [
        (101, None),
        (1000, alice.user.pk),
    ]
    assert ticket not in caplog.text


def test_a_closed_socket_leaves_nothing_behind(web_server, alice):
    with greeted(web_server, alice):
        (relay,) = open_relays()
    wait_until(lambda: open_relays() == [])

    assert relay.size(user_group(alice.user.pk)) == 0
    assert session_group(alice.signed_in.pk) not in relay.audiences
    assert session_group(alice.signed_in.pk) not in relay._groups.values()
