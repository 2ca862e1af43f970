"""Kill a part of a running Alice: it comes back by itself, and what it acknowledged is there."""

import os
import re
import signal
import time
from urllib.parse import unquote

import httpx
import psutil
import pytest

from alice.tests.whole import ADMIN, Writers, stored_ids, wait_until, whole_alice

pytestmark = [pytest.mark.live, pytest.mark.enable_socket, pytest.mark.xdist_group("faults")]


@pytest.fixture(scope="module")
def whole():
    with whole_alice() as alice:
        yield alice


def assert_all_kept(whole, writers):
    wait_until(whole.is_ready, what="recovery")
    with whole.client() as client:
        ids = stored_ids(client)
    assert set(writers.acknowledged) <= set(ids)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", ["web-1", "web-2", "worker", "beat", "PostgreSQL", "Valkey"])
def test_a_killed_process_comes_back_and_no_acknowledged_item_is_lost(whole, name):
    with Writers(whole) as writers:
        killed = whole.signal(name)
        wait_until(lambda: whole.pids().get(name, killed) != killed, what=f"{name} again")
        writers.wait_for_more(20)

    assert_all_kept(whole, writers)
    unexpected = [r for r in writers.refused if r != "transport" and r[0] != 503]
    assert unexpected == []


def test_one_web_process_dying_leaves_the_port_open(whole):
    wait_until(lambda: whole.serves("web-1") and whole.serves("web-2"), what="both web processes")
    whole.signal("web-1")

    for _ in range(50):
        assert httpx.get(f"{whole.base_url}/livez", timeout=5).status_code == 200


def test_the_first_request_after_a_database_restart_is_answered(whole):
    with whole.client() as client:
        assert client.get("/api/items?limit=1").status_code == 200
        killed = whole.signal("PostgreSQL", signal.SIGQUIT)  # immediate shutdown
        wait_until(lambda: whole.pids().get("PostgreSQL", killed) != killed)
        wait_until(whole.is_ready)

        statuses = [client.get("/api/items?limit=1").status_code for _ in range(20)]

    assert statuses == [200] * 20


def test_while_the_database_is_frozen_answers_are_503_in_bounded_time(whole):
    with whole.client() as client:
        pids = [whole.pids()["PostgreSQL"]]
        pids += [child.pid for child in psutil.Process(pids[0]).children(recursive=True)]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            started = time.monotonic()
            alive = httpx.get(f"{whole.base_url}/livez", timeout=5)
            health = httpx.get(f"{whole.base_url}/api/system/health", timeout=20)
            taken = time.monotonic() - started
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
        wait_until(whole.is_ready)

        assert alive.status_code == 200
        assert (health.status_code, health.json()["status"]) == (503, "unhealthy")
        assert taken < 15
        assert client.get("/api/items?limit=1").status_code == 200


def test_while_redis_is_frozen_reads_and_writes_go_on(whole):
    with whole.client() as client:
        client.get("/api/items?limit=1")
        pid = whole.signal("Valkey", signal.SIGSTOP)
        try:
            first = client.get("/api/items?limit=1")
            later = [client.post("/api/items", json={"title": "kept"}) for _ in range(20)]
        finally:
            os.kill(pid, signal.SIGCONT)

    assert first.status_code == 200
    assert first.elapsed.total_seconds() < 2.5
    assert {answer.status_code for answer in later} == {201}
    assert sorted(answer.elapsed.total_seconds() for answer in later)[10] < 0.25
    wait_until(lambda: whole.health() == "healthy", what="health")


def test_a_logout_during_an_outage_of_redis_holds_afterwards(whole):
    with whole.client() as client:
        assert client.get("/api/auth/me").status_code == 200
        pid = whole.signal("Valkey", signal.SIGSTOP)
        try:
            assert client.post("/api/auth/logout").status_code == 200
            during = client.get("/api/auth/me").status_code
        finally:
            os.kill(pid, signal.SIGCONT)
        wait_until(lambda: whole.health() == "healthy", what="health")

        assert during == 401
        wait_until(lambda: client.get("/api/auth/me").status_code == 401, 5, "refusal")
        assert [client.get("/api/auth/me").status_code for _ in range(10)] == [401] * 10


def test_a_reload_refuses_no_request(whole):
    before = whole.pids()
    with Writers(whole) as writers:
        os.kill(whole.process.pid, signal.SIGHUP)
        wait_until(
            lambda: all(
                whole.pids().get(name, before[name]) != before[name] for name in ("web-1", "web-2")
            ),
            what="new web processes",
        )
        writers.wait_for_more(20)

    assert [r for r in writers.refused if r != "transport"] == []
    assert_all_kept(whole, writers)


def test_a_job_owed_is_done_by_the_worker(whole):
    with whole.client() as client:
        job = f"/api/jobs/{client.post('/api/auth/export').json()['job_id']}"
        wait_until(lambda: client.get(job).json()["status"] == "completed", what="the export")
        link = client.get(job).json()["result"]["download_url"]
        assert httpx.get(link).json()["account"][0]["username"] == "root"


def test_in_development_the_link_of_a_mail_can_be_read_on_the_terminal(whole):
    body = {"username": "newcomer", "email": "n@example.com", "password": ADMIN["password"]}
    httpx.post(f"{whole.base_url}/api/auth/register", json=body)

    link = wait_until(
        lambda: re.search(r"verify-email\?token=(\S+)", whole.console()), what="mail"
    )

    verified = httpx.post(
        f"{whole.base_url}/api/auth/email/verify", json={"token": unquote(link[1])}
    )
    assert verified.status_code == 200


def test_a_killed_supervisor_leaves_no_process_and_every_item():
    with whole_alice() as alice:
        with Writers(alice) as writers:
            family = alice.family()
            alice.process.kill()
            alice.process.wait()
        assert psutil.wait_procs(family, timeout=30)[1] == []

        alice.start()

        assert_all_kept(alice, writers)


def test_sigterm_stops_everything_cleanly():
    with whole_alice() as alice:
        family = alice.family()

        assert alice.stop() == 0

        assert psutil.wait_procs(family, timeout=5)[1] == []
        assert "Traceback" not in alice.console()
