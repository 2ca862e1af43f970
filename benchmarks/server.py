"""A whole Alice of its own, in a throw-away data directory: started, seeded, watched, stopped."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import orjson

from alice.runtime.processes import spawn
from benchmarks.processes import cpu_seconds, pss_mib
from benchmarks.requests import ITEMS, PASSWORD, USERS, SeededUser, item_fields

START_SECONDS = 120
STOP_SECONDS = 60
QUIET_CPU_SECONDS = 0.05
SETTLE_SECONDS = 30
SEED = 20240229
GROUPS = ("web", "postgresql", "valkey", "background")
GROUP_OF = {"web": "web", "PostgreSQL": "postgresql", "Valkey": "valkey"}
# What would lead to servers and settings that are not the ones to be measured.
FOREIGN = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "EMAIL_URL", "AWS_STORAGE_BUCKET_NAME")
STRIPE = ("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_PRICE_ID", "STRIPE_API_BASE")
FILES = (f"{name}_FILE" for name in (*FOREIGN, *STRIPE))
FOREIGN_SETTINGS = {*FOREIGN, *STRIPE, *FILES, "ALICE_FAKE_STRIPE", "ALICE_ENV", "PUBLIC_URL"}
# One address and 20 users ask for everything, and delete nothing that they upload: their limits
# would be all that is measured.
RAISED_LIMITS = {
    **dict.fromkeys(
        [f"REQUESTS_PER_MINUTE_{tier}" for tier in ("FREE", "PRO", "ANONYMOUS")], "100000000"
    ),
    "ACCESS_TOKEN_MINUTES": "1440",
    "STORAGE_BYTES_FREE": str(2**50),
    "CHAT_MESSAGES_PER_WINDOW": "100000000",
}


class CannotMeasure(Exception):
    """The server does not do what it must for a measurement to mean something."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One thing to measure: a tree of the product and what its environment has besides."""

    name: str
    tree: Path
    environ: dict[str, str] = field(default_factory=dict)


class Server:
    """`manage.py up` of one variant."""

    def __init__(self, variant: Variant, data: Path) -> None:
        self.variant = variant
        self.data = data
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.users: list[SeededUser] = []

    @property
    def environ(self) -> dict[str, str]:
        """The environment of the server and of what is run beside it."""
        ours = {key: value for key, value in os.environ.items() if key not in FOREIGN_SETTINGS}
        return {
            **ours,
            **RAISED_LIMITS,
            **self.variant.environ,
            "ALICE_DATA_DIR": str(self.data),
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
        }

    def start(self) -> float:
        """Start it, and return the seconds until `GET /livez` was answered 200."""
        began = time.monotonic()
        with (self.data / "up.log").open("ab") as output:
            command = [sys.executable, str(self.variant.tree / "manage.py"), "up"]
            self.process = spawn(command, environ=self.environ, output=output.fileno())
        while not is_live(self.port):
            if self.process.poll() is not None or time.monotonic() - began > START_SECONDS:
                said = (self.data / "up.log").read_text(encoding="utf-8", errors="replace")
                raise CannotMeasure(f"{self.variant.name} does not start:\n{said[-2000:]}")
            time.sleep(0.01)
        return time.monotonic() - began

    def stop(self) -> None:
        """End the supervisor, and with it all that it started."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def settle(self) -> None:
        """Wait until all that is started beside the first web process has come up and is idle."""
        deadline = time.monotonic() + SETTLE_SECONDS
        before = cpu_seconds(self.roots)
        while time.monotonic() < deadline:
            time.sleep(1)
            now = cpu_seconds(self.roots)
            if now - before <= QUIET_CPU_SECONDS and self.groups()["background"]:
                return
            before = now

    @property
    def roots(self) -> list[int]:
        """The top of the process tree."""
        assert self.process is not None  # noqa: S101  (for the type checker)
        return [self.process.pid]

    def groups(self) -> dict[str, list[int]]:
        """The processes of each part of Alice, as the state file of the run names them."""
        state = json.loads((self.data / "run" / "state.json").read_text(encoding="utf-8"))
        groups: dict[str, list[int]] = {name: [] for name in GROUPS}
        for name, record in state["processes"].items():
            groups[GROUP_OF.get(name.partition("-")[0], "background")].append(record["pid"])
        return groups

    def memory_mib(self) -> float:
        """Proportional memory of the supervisor and everything below it."""
        return pss_mib(self.roots)

    def seed(self) -> None:
        """Fill the database, and sign everybody in."""
        rng = Random(SEED)  # noqa: S311  (the same rows everywhere are what is wanted)
        wanted = {
            "password": PASSWORD,
            "users": [f"bench-{number}" for number in range(USERS)],
            "items": [item_fields(rng) for _ in range(ITEMS)],
        }
        script = Path(__file__).with_name("seed.py")
        seeding = subprocess.run(  # noqa: S603
            [sys.executable, str(script)],
            input=orjson.dumps(wanted),
            env={**self.environ, "PYTHONPATH": str(self.variant.tree)},
            cwd=self.variant.tree,
            capture_output=True,
            check=False,
        )
        if seeding.returncode:
            said = seeding.stderr.decode(errors="replace")[-2000:]
            raise CannotMeasure(f"{self.variant.name} cannot be seeded:\n{said}")
        owned: dict[str, list[int]] = orjson.loads(seeding.stdout)
        self.users = [
            SeededUser(name=name, token=sign_in(self.port, name), item_ids=item_ids)
            for name, item_ids in owned.items()
        ]


def free_port() -> int:
    """A port of this machine that nobody listens on at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def is_live(port: int) -> bool:
    """Whether `GET /livez` is answered 200; waits for the answer where somebody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def sign_in(port: int, name: str) -> str:
    """An access token for a seeded user. Raises `CannotMeasure`."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        body = json.dumps({"username": name, "password": PASSWORD})
        headers = {"Content-Type": "application/json"}
        connection.request("POST", "/api/auth/login", body, headers)
        response = connection.getresponse()
        answer = response.read()
    finally:
        connection.close()
    if response.status != 200:
        raise CannotMeasure(f"Signing in was answered {response.status}: {answer[:500]!r}")
    token: str = orjson.loads(answer)["access_token"]
    return token


@contextmanager
def new_server(variant: Variant) -> Iterator[Server]:
    """A server that is not started yet, with a data directory for the time of the block."""
    with tempfile.TemporaryDirectory(prefix="alice-bench-", ignore_cleanup_errors=True) as folder:
        server = Server(variant, Path(folder))
        try:
            yield server
        finally:
            server.stop()
