"""What the health endpoints tell."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from alice.common.database import answering_within
from alice.common.redis_client import RedisDown, breaker, client

STARTED = time.monotonic()
PROBE_SECONDS = 1.0
FREE_DISK_MIN_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Check:
    """One part: whether it works, how long the answer took, and what is wrong with it."""

    is_ok: bool
    duration_ms: float
    problem: str = ""

    def as_json(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"status": "ok" if self.is_ok else "down", "ms": self.duration_ms}
        return shown | ({"problem": self.problem} if self.problem else {})


def _timed(probe: Callable[[], str]) -> Check:
    started = time.perf_counter()
    problem = probe()
    return Check(not problem, round((time.perf_counter() - started) * 1000, 2), problem)


def _database() -> str:
    try:
        with answering_within(PROBE_SECONDS), connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "The database does not answer."
    return ""


def _redis() -> str:
    try:
        breaker.call(lambda: client().ping())
    except RedisDown:
        return "Redis does not answer; limits are counted per process, live events wait."
    return ""


def _storage() -> str:
    settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.DATA_DIR).free
    return "The disk is nearly full." if free < FREE_DISK_MIN_BYTES else ""


_is_migrated: list[bool] = []


def _migrations() -> str:
    if _is_migrated:
        return ""
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return "The database does not answer."
    if missing:
        return f"{len(missing)} migrations are missing. Run: python manage.py migrate"
    _is_migrated.append(True)
    return ""


def health() -> dict[str, Any]:
    """Status of the whole and of each part; `unhealthy` only without the database.

    `uptime` is in seconds, of the process that answers. Every probe has a short time-out.
    """
    checks = {name: _timed(probe) for name, probe in _PARTS.items()}
    is_degraded = not all(check.is_ok for check in checks.values())
    status = "degraded" if is_degraded else "healthy"
    return {
        "status": status if checks["database"].is_ok else "unhealthy",
        "version": settings.VERSION,
        "uptime": round(time.monotonic() - STARTED, 3),
        "timestamp": timezone.now(),
        "checks": {name: check.as_json() for name, check in checks.items()},
    }


def readiness() -> dict[str, Check]:
    """What must be there before requests are let in: database, migrations, disk.

    Redis is not among it: without it the service is degraded, not down.
    """
    probes = {"database": _database, "migrations": _migrations, "storage": _storage}
    return {name: _timed(probe) for name, probe in probes.items()}


_PARTS: dict[str, Callable[[], str]] = {
    "database": _database,
    "redis": _redis,
    "storage": _storage,
}
