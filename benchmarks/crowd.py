"""Whether small requests are answered in time while many upload at once."""

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from random import Random
from typing import Any

from benchmarks.client import Client
from benchmarks.load import Job, latencies_while, load_generator
from benchmarks.readings import Reading
from benchmarks.requests import MIB, form, http_request
from benchmarks.server import SEED, Server
from benchmarks.shelves import FILES_PATH
from benchmarks.telling import tell

UPLOADS = 20
UPLOAD_MIB = 50
READERS = 4
QUIET_SECONDS = 3.0
PATIENCE_SECONDS = 120
P95_MS = 1000


def measure_crowd(server: Server) -> list[Reading]:
    """How long GET /api/items takes, before and while 20 users upload 50 MiB each.

    Any answer other than 200, or 201 to an upload, raises.
    """
    Client(server.port, server.users[0].token).require("/api/files")
    tokens = [user.token for user in server.users[:UPLOADS]]
    with load_generator() as other:
        ask_while(other.begin(time.sleep, QUIET_SECONDS / 3), server)
        quiet = ask_while(other.begin(time.sleep, QUIET_SECONDS), server)
        uploads = other.begin(upload_at_once, server.port, tokens)
        busy = ask_while(uploads, server)
        took = uploads.result()
    tell(f"crowd    uploaded for {took:.1f} s, {len(busy)} answers meanwhile")
    asked, during = f"GET /api/items by {READERS}", f"while {UPLOADS} upload {UPLOAD_MIB} MiB each"
    return [
        Reading(f"{asked}, p50 before, ms", percentile(quiet, 50)),
        Reading(f"{asked}, p95 before, ms", percentile(quiet, 95)),
        Reading(f"{asked}, p50 {during}, ms", percentile(busy, 50)),
        Reading(f"{asked}, p95 {during}, ms", percentile(busy, 95), P95_MS),
        Reading(f"{asked}, p99 {during}, ms", percentile(busy, 99)),
        Reading("until the last of these uploads was kept, s", took),
    ]


def ask_while(work: Future[Any], server: Server) -> list[float]:
    """The seconds each answer took until `work` was done."""
    job = Job(
        port=server.port,
        requests=[http_request("GET", "/api/items", token=user.token) for user in server.users],
        expected_status=200,
        concurrency=READERS,
        seconds=PATIENCE_SECONDS,
    )
    return latencies_while(work, job)


def upload_at_once(port: int, tokens: Sequence[str]) -> float:
    """Upload a file with each token, all at once; the seconds until the last was answered."""
    body = form(Random(SEED).randbytes(MIB) * UPLOAD_MIB)  # noqa: S311  (not a secret)
    began = time.monotonic()
    with ThreadPoolExecutor(len(tokens)) as pool:
        list(pool.map(lambda token: Client(port, token).upload(FILES_PATH, body), tokens))
    return time.monotonic() - began


def percentile(latencies: list[float], per_cent: int) -> float:
    """That percentile of seconds, in ms."""
    ordered = sorted(latencies)
    return ordered[len(ordered) * per_cent // 100] * 1000
