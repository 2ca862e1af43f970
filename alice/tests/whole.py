"""A whole Alice in processes of its own, and what tests do to it."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil

PROJECT = Path(__file__).resolve().parents[2]
ADMIN = {"username": "root", "password": "correct-Horse-9-battery"}


def wait_until(is_true, seconds=30, what="it"):
    """Ask until the answer is true; fail with `what` after `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := is_true():
            return answer
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {seconds} s")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Whole:
    """`manage.py up` in a data directory, driven over HTTP and by signals to its children."""

    def __init__(self, data_dir, **environment):
        self.data_dir = Path(data_dir)
        self.environment = environment
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ALICE_")}
        for name in ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE"):
            environment.pop(name, None)
        environment |= {
            "ALICE_DATA_DIR": str(self.data_dir),
            "PORT": str(self.port),
            "DJANGO_SUPERUSER_USERNAME": ADMIN["username"],
            "DJANGO_SUPERUSER_PASSWORD": ADMIN["password"],
            "REQUESTS_PER_MINUTE_FREE": "1000000",
            "REQUESTS_PER_MINUTE_ANONYMOUS": "1000000",
            **self.environment,
        }
        log = (self.data_dir / "console.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=PROJECT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
        log.close()
        wait_until(self.is_ready, 60, f"start: {self.console()}")
        wait_until(lambda: "worker" in self.pids() and "beat" in self.pids(), what="the worker")
        return self

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(60)

    def console(self):
        return (self.data_dir / "console.log").read_text()

    def is_ready(self):
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.base_url}/readyz", timeout=5).status_code == 200
        return False

    def health(self):
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.base_url}/api/system/health", timeout=10).json()["status"]
        return "no answer"

    def pids(self):
        """Name of each child -> its process id, as the state file tells."""
        with contextlib.suppress(FileNotFoundError, ValueError):
            processes = json.loads((self.data_dir / "run/state.json").read_text())["processes"]
            return {name: record["pid"] for name, record in processes.items()}
        return {}

    def serves(self, name):
        """Whether a web process takes connections: its event loop watches the listening socket."""
        with contextlib.suppress(KeyError, OSError, psutil.Error):
            pid = self.pids()[name]
            command = psutil.Process(pid).cmdline()
            watched = re.compile(rf"^tfd: +{command[command.index('--fd') + 1]} ", re.MULTILINE)
            loops = Path(f"/proc/{pid}/fdinfo").iterdir()
            return any(watched.search(loop.read_text()) for loop in loops)
        return False

    def family(self):
        """Every process below the supervisor, and itself."""
        root = psutil.Process(self.process.pid)
        return [root, *root.children(recursive=True)]

    def signal(self, name, number=signal.SIGKILL):
        pid = self.pids()[name]
        os.kill(pid, number)
        return pid

    def client(self, **credentials):
        """A client signed in as ADMIN, or as whoever is named."""
        body = ADMIN | credentials
        answer = httpx.post(f"{self.base_url}/api/auth/login", json=body, timeout=30)
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        return httpx.Client(base_url=self.base_url, headers=headers, timeout=30)


@contextlib.contextmanager
def whole_alice(**environment) -> Iterator[Whole]:
    """Start one, with settings of its own; it ends with all its processes in any case."""
    with tempfile.TemporaryDirectory(prefix="alice-whole-", ignore_cleanup_errors=True) as folder:
        alice = Whole(folder, **environment)
        try:
            yield alice.start()
        finally:
            family = alice.family() if alice.process and alice.process.poll() is None else []
            if alice.process:
                alice.stop()
            for process in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()


class Writers:
    """Threads that create items without pause and remember which were acknowledged."""

    def __init__(self, alice, count=4):
        self.acknowledged = []
        self.refused = []
        self._is_over = threading.Event()
        self._clients = [alice.client() for _ in range(count)]
        self._threads = [threading.Thread(target=self._write, args=[c]) for c in self._clients]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        self.wait_for_more(20)
        return self

    def __exit__(self, *exception):
        self._is_over.set()
        for thread in self._threads:
            thread.join()
        for client in self._clients:
            client.close()

    def wait_for_more(self, count):
        """Until `count` further items were acknowledged: writing goes on."""
        goal = len(self.acknowledged) + count
        wait_until(lambda: len(self.acknowledged) >= goal, 60, "writing")

    def _write(self, client):
        while not self._is_over.is_set():
            try:
                answer = client.post("/api/items", json={"title": "kept", "content": {"n": 1}})
            except httpx.TransportError:
                self.refused.append("transport")
                time.sleep(0.02)
                continue
            if answer.status_code == 201:
                self.acknowledged.append(answer.json()["id"])
            else:
                self.refused.append((answer.status_code, answer.text))
                time.sleep(0.02)


def stored_ids(client):
    """Every item id that the API lists, following `next` to the end."""
    ids, url = [], "/api/items?limit=500&before=9223372036854775807"
    while url:
        answer = client.get(url)
        ids += [item["id"] for item in answer.json()]
        url = answer.links.get("next", {}).get("url")
    return ids
