"""The gate: sessions and windows, with Redis and without it."""

import os
import signal
import subprocess
import threading
from types import SimpleNamespace

import pytest
import redis
from django.apps import apps
from django.utils import timezone

from alice.common import gate, redis_client, tiers, windows
from alice.common.tests.kit import a_request, allow, at_most, wait_until
from alice.runtime.valkey import answers_ping, find_binary

ME, HEALTH, NOWHERE = "/api/jobs", "/api/system/health", "/api/nowhere"
USAGE = "/api/files/usage"
WINDOW_HEADERS = ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def limits(settings):
    """Three requests a minute for free users, five for pro, two for peers; one process."""
    allow(settings, free=3, pro=5, anonymous=2)
    settings.WEB_WORKERS = 1


@pytest.fixture
def round_trips(monkeypatch):
    """A list that grows by one with every packet sent to Redis."""
    packets = []
    send = redis.connection.AbstractConnection.send_packed_command

    def counted(self, command, *args, **kwargs):
        packets.append(command)
        return send(self, command, *args, **kwargs)

    monkeypatch.setattr(redis.connection.AbstractConnection, "send_packed_command", counted)
    return packets


def window_of(response):
    return [int(response[name]) for name in WINDOW_HEADERS]


def everybody_is(tier):
    return lambda user_ids: dict.fromkeys(user_ids, tier)


def end_session_in_database(client):
    apps.get_model("accounts.Session").objects.filter(user=client.user).update(
        ended_at=timezone.now()
    )


def test_a_warm_session_costs_one_round_trip_and_no_sql(
    alice, round_trips, django_assert_num_queries
):
    alice.get(NOWHERE)
    round_trips.clear()

    with django_assert_num_queries(0):
        response = alice.get(NOWHERE)

    assert response.status_code == 404
    assert len(round_trips) == 1


def test_an_anonymous_request_costs_one_round_trip_and_no_sql(
    anonymous, round_trips, django_assert_num_queries
):
    anonymous.get(NOWHERE)
    round_trips.clear()

    with django_assert_num_queries(0):
        anonymous.get(NOWHERE)

    assert len(round_trips) == 1


def test_every_answer_tells_the_window(alice, anonymous, limits):
    assert window_of(alice.get(ME)) == [3, 2, 60]
    assert window_of(alice.get(NOWHERE)) == [3, 1, 60]
    assert window_of(alice.post(ME, {}))[:2] == [3, 0]
    assert window_of(anonymous.get(ME))[:2] == [2, 1]
    assert window_of(anonymous.get(ME, HTTP_AUTHORIZATION="Bearer x"))[:2] == [2, 0]


def test_a_spent_window_is_429_until_it_starts_anew(alice, limits):
    answers = [alice.get(ME).status_code for _ in range(4)]
    refused = alice.get(ME)

    assert answers == [200, 200, 200, 429]
    assert refused.json()["code"] == "request_limit_reached"
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert window_of(refused)[:2] == [3, 0]
    redis_client.client().delete(f"window:user:{alice.user.pk}")
    assert alice.get(ME).status_code == 200


def test_users_and_peers_have_windows_of_their_own(alice, bob, anonymous, limits):
    for _ in range(3):
        alice.get(ME)
        anonymous.get(ME)

    assert alice.get(ME).status_code == 429
    assert anonymous.get(ME).status_code == 429
    assert anonymous.get(ME, REMOTE_ADDR="198.51.100.7").status_code == 401
    assert bob.get(ME).status_code == 200


def test_a_peer_has_a_window_of_its_own_for_each_tier(limits, settings):
    allow(settings, link=4)
    request = a_request()

    for _ in range(4):
        gate.admit_peer(request, "192.0.2.1", tier="link")
    assert (request.rate_window.limit, request.rate_window.remaining) == (4, 0)
    with pytest.raises(gate.RequestLimitReached):
        gate.admit_peer(request, "192.0.2.1", tier="link")

    gate.admit_peer(request, "192.0.2.1")
    assert (request.rate_window.limit, request.rate_window.remaining) == (2, 1)


@pytest.mark.parametrize("path", [HEALTH, "/livez", "/readyz", "/docs", "/api/schema"])
def test_what_monitors_and_readers_ask_does_not_count(anonymous, limits, path):
    assert [anonymous.get(path).status_code for _ in range(3)] == [200] * 3
    assert anonymous.get(ME).status_code == 401


def test_the_limit_is_that_of_the_tier(alice, limits, monkeypatch):
    monkeypatch.setattr(tiers, "_sources", [everybody_is("pro")])

    assert window_of(alice.get(ME))[0] == 5


def test_what_a_request_asks_of_its_user_s_tier_is_known_already(alice, monkeypatch):
    asked = []
    monkeypatch.setattr(tiers, "_sources", [lambda ids: asked.append(ids) or {ids[0]: "pro"}])
    alice.get(USAGE)
    assert asked == [[alice.user.pk]]

    answer = alice.get(USAGE)

    assert answer.json()["tier"] == "pro"
    assert asked == [[alice.user.pk]]


def test_a_changed_tier_counts_from_the_next_request(alice, limits):
    alice.get(ME)

    gate.change_tier(alice.user.pk, "pro")
    assert window_of(alice.get(ME))[:2] == [5, 3]

    gate.change_tier(alice.user.pk, "a tier without an entry")
    assert window_of(alice.get(ME))[:2] == [3, 0]


@pytest.mark.parametrize(
    ("header", "is_limited"),
    [("198.51.100.{n}", True), ("198.51.100.{n}, 127.0.0.1", True), ("", True)],
)
def test_a_forwarded_address_is_ignored_without_trusted_proxies(
    anonymous, limits, header, is_limited
):
    answers = [
        anonymous.get(ME, HTTP_X_FORWARDED_FOR=header.format(n=number)).status_code
        for number in range(3)
    ]

    assert (answers[-1] == 429) is is_limited


def test_an_ended_session_is_refused_at_once(alice):
    assert alice.get(ME).status_code == 200

    gate.end_sessions([alice.signed_in.pk])

    refused = alice.get(ME)
    assert (refused.status_code, refused.json()["code"]) == (401, "session_ended")
    assert refused["WWW-Authenticate"].startswith("Bearer")


def test_asking_on_with_an_ended_session_spends_the_peers_window(alice, bob, limits):
    gate.end_sessions([alice.signed_in.pk])

    answers = [alice.get(ME) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert window_of(answers[0])[:2] == [2, 1]
    assert bob.get(ME).status_code == 200


def test_a_session_that_ended_in_the_database_is_noticed_within_a_minute(alice):
    alice.get(ME)
    end_session_in_database(alice)
    key = f"session:{alice.signed_in.pk}"

    assert 0 < redis_client.client().ttl(key) <= 60
    redis_client.client().delete(key)
    assert alice.get(ME).status_code == 401


def test_a_late_reader_never_overwrites_an_end(alice, monkeypatch):
    def ends_meanwhile(session_id, user_id):
        gate.end_sessions([session_id])
        return True  # as read a moment before

    monkeypatch.setattr(gate, "_session_sources", [ends_meanwhile])

    assert alice.get(ME).status_code == 401
    assert redis_client.client().get(f"session:{alice.signed_in.pk}") == b"0"


def test_a_late_reader_never_overwrites_a_new_tier(alice, limits, monkeypatch):
    def changes_meanwhile(user_ids):
        gate.change_tier(alice.user.pk, "pro")
        return dict.fromkeys(user_ids, "free")

    monkeypatch.setattr(tiers, "_sources", [changes_meanwhile])

    assert window_of(alice.get(ME))[0] == 5


def test_an_end_is_marked_for_longer_than_any_token_lives(alice, settings):
    gate.end_sessions([alice.signed_in.pk])

    left = redis_client.client().ttl(f"session:{alice.signed_in.pk}")
    assert left > settings.ACCESS_TOKEN_LIFETIME.total_seconds()


def test_ending_no_session_asks_nobody(round_trips):
    gate.end_sessions([])

    assert round_trips == []


def test_of_many_requests_at_once_exactly_the_limit_passes(settings):
    allow(settings, free=10, anonymous=20)
    passed = []

    def send():
        for _ in range(10):
            try:
                gate.admit_peer(a_request(), "192.0.2.1")
                passed.append(1)
            except gate.RequestLimitReached:
                continue

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(passed) == 20


def test_without_redis_sessions_are_asked_of_the_database(alice, bob, redis_switch):
    redis_switch.stop()

    assert alice.get(ME).status_code == 200
    end_session_in_database(alice)
    assert alice.get(ME).status_code == 401
    assert bob.get(ME).status_code == 200


def test_without_redis_each_process_counts_its_share(alice, anonymous, redis_switch, settings):
    allow(settings, free=6, anonymous=4)
    settings.WEB_WORKERS = 2
    redis_switch.stop()

    assert [alice.get(ME).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert [anonymous.get(ME).status_code for _ in range(3)] == [401, 401, 429]
    assert window_of(alice.get(ME))[:2] == [3, 0]


def test_a_stopped_redis_costs_no_request_its_time(alice, redis_switch, settings):
    alice.get(ME)  # the first of a process loads the views
    redis_switch.stop()

    # Less than if only every second of them waited for the time-out.
    with at_most(10 * settings.REDIS_TIMEOUT_SECONDS / 2):
        assert [alice.get(ME).status_code for _ in range(10)] == [200] * 10


def test_an_end_during_an_outage_is_marked_before_redis_is_trusted(alice, redis_switch):
    alice.get(ME)  # Redis now says that the session lives
    key = f"session:{alice.signed_in.pk}"
    redis_switch.stop()
    assert alice.get(ME).status_code == 200

    gate.end_sessions([alice.signed_in.pk])
    gate.change_tier(alice.user.pk, "pro")
    redis_switch.start()

    assert redis_client.client().get(key) == b"0"
    assert redis_client.client().get(f"tier:{alice.user.pk}") == b"pro"
    assert alice.get(ME).status_code == 401


@pytest.mark.parametrize("refusal", ["READONLY", "OOM", "MISCONF", "NOREPLICAS"])
def test_a_redis_that_takes_no_writes_is_as_good_as_none(alice, monkeypatch, refusal):
    alice.get(ME)
    error = redis.ResponseError(f"{refusal} You cannot write now.")
    with monkeypatch.context() as failing:

        def refuse(*args, **kwargs):
            raise error

        failing.setattr(redis.Redis, "execute_command", refuse)
        failing.setattr(redis_client.ThreadConnection, "evalsha", refuse)
        assert alice.get(ME).status_code == 200
        assert redis_client.breaker.is_open

    wait_until(lambda: not redis_client.breaker.is_open)
    assert alice.get(ME).status_code == 200


@pytest.fixture
def own_valkey(tmp_path):
    """A Valkey of this test's own, which it may stop and freeze."""
    path = tmp_path / "valkey.sock"
    command = [str(find_binary()), "--port", "0", "--unixsocket", str(path), "--save", ""]
    process = subprocess.Popen(  # noqa: S603 - our own binary
        command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wait_until(lambda: answers_ping(path))
    yield SimpleNamespace(url=f"unix://{path}?db=0", pid=process.pid)
    os.kill(process.pid, signal.SIGCONT)
    process.terminate()
    process.wait()


def test_a_frozen_redis_costs_one_request_its_timeout_and_the_next_nothing(
    alice, own_valkey, redis_switch, settings
):
    redis_switch.point_at(own_valkey.url)
    assert alice.get(ME).status_code == 200
    os.kill(own_valkey.pid, signal.SIGSTOP)

    with at_most(2):
        assert alice.get(ME).status_code == 200
    for _ in range(10):
        with at_most(settings.REDIS_TIMEOUT_SECONDS):
            assert alice.get(ME).status_code == 200

    os.kill(own_valkey.pid, signal.SIGCONT)
    wait_until(lambda: not redis_client.breaker.is_open)
    assert windows.local._windows
    assert window_of(alice.get(ME))[0] == 100_000
    assert redis_client.client().get(f"session:{alice.signed_in.pk}") == b"1"
