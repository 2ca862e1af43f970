import pytest
from django.db import OperationalError

from alice.common.redis_client import RedisDown, breaker
from system import selectors

HEALTH, LIVE, READY = "/api/system/health", "/livez", "/readyz"


def away(*args, **kwargs):
    raise OperationalError("no such host db.internal")


def test_a_healthy_service_says_so(anonymous, db):
    response = anonymous.get(HEALTH)

    body = response.json()
    assert response.status_code == 200
    assert body["status"] == "healthy"
    assert body["version"] == "1.0.0"
    assert body["uptime"] > 0
    assert {name: check["status"] for name, check in body["checks"].items()} == {
        "database": "ok", "redis": "ok", "storage": "ok",
    }  # fmt: skip


def test_without_redis_it_is_degraded_and_still_ready(anonymous, db, monkeypatch):
    def no_redis(command):
        raise RedisDown

    monkeypatch.setattr(breaker, "call", no_redis)

    assert anonymous.get(HEALTH).json()["status"] == "degraded"
    assert anonymous.get(HEALTH).status_code == 200
    assert anonymous.get(READY).status_code == 200


def test_without_the_database_it_is_unhealthy_and_not_ready_but_alive(anonymous, db, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(selectors.connection, "cursor", away)
        health, ready, live = (anonymous.get(path) for path in (HEALTH, READY, LIVE))

    assert (health.status_code, health.json()["status"]) == (503, "unhealthy")
    assert ready.status_code == 503
    assert live.status_code == 200
    assert "db.internal" not in health.content.decode() + ready.content.decode()


def test_it_is_not_ready_before_it_is_migrated(anonymous, db, monkeypatch):
    monkeypatch.setattr(selectors, "_is_migrated", [])
    monkeypatch.setattr(
        selectors.MigrationExecutor, "migration_plan", lambda self, targets: ["one"]
    )

    response = anonymous.get(READY)

    assert response.status_code == 503
    assert "manage.py migrate" in response.json()["checks"]["migrations"]["problem"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", [HEALTH, LIVE, READY, "/docs", "/redoc", "/api/schema"])
def test_probes_and_docs_use_up_nobodys_window(anonymous, path):
    response = anonymous.get(path)

    assert response.status_code == 200
    assert "X-RateLimit-Limit" not in response.headers


def test_a_live_process_asks_nothing_else(anonymous, django_assert_num_queries, db):
    with django_assert_num_queries(0):
        assert anonymous.get(LIVE).json() == {"status": "ok"}
