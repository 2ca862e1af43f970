"""Starting the runner in a process of its own, and looking at what it does."""

# ruff: noqa: S603

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from alice.runtime.config import PROJECT_DIR, DataDirectory
from alice.runtime.postgres import ROLE
from alice.runtime.postgres_wire import ask
from alice.runtime.state import read_state

FOREIGN = {"DATABASE_URL": "postgresql://elsewhere/alice", "REDIS_URL": "redis://elsewhere/0"}


def eventually(answer, *, seconds=20):
    """Ask again and again until `answer()` is true, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := answer()):
        assert time.monotonic() < deadline, f"still not so after {seconds} s"
        time.sleep(0.01)
    return found


def processes_of(data_dir):
    """Every living process that works in `data_dir` or was told of it."""
    mark = str(data_dir).encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                place = os.fsencode((entry / "cwd").readlink())
                if place.startswith(mark) or mark in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
    return [pid for pid in found if pid != os.getpid()]


class RunningAlice:
    """One run of the stand-in product; ends with its block."""

    def __init__(self, data_dir, *, port=0, words=(), **environ):
        self.data = DataDirectory(data_dir)
        data_dir.mkdir(mode=0o700, exist_ok=True)
        self.output = data_dir / "output"
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [*words, sys.executable, "-m", "alice.runtime.tests.stub_product"],
                cwd=PROJECT_DIR,
                # Nothing else is passed on: the suite itself may have servers in its environment.
                env={
                    "PATH": os.environ["PATH"],
                    "TMPDIR": str(data_dir.parent),
                    "ALICE_DATA_DIR": str(data_dir),
                    "PORT": str(port),
                    **environ,
                },
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    @property
    def said(self):
        return self.output.read_text()

    @property
    def state(self):
        state = read_state(self.data)
        # One left by an earlier run, killed, says nothing about this one.
        return state if state and state.pid == self.process.pid else None

    def pid_of(self, name):
        state = self.state
        return state.processes[name].pid if state and name in state.processes else None

    def until_up(self):
        eventually(lambda: self.pid_of("worker") or self.process.poll() is not None)
        assert self.process.poll() is None, self.said
        return self

    def answer(self):
        """The id of the web process that answered."""
        host, port = self.state.base_url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as link:
            link.sendall(b"GET / HTTP/1.0\r\n\r\n")
            answer = b"".join(iter(lambda: link.recv(4096), b""))
        return int(answer.rpartition(b"\n")[2])

    def sql(self, statement):
        """Run `statement`; "" means that it went well, else its SQLSTATE."""
        sockets = Path(self.state.database_url.partition("host=")[2])
        return ask(sockets / ".s.PGSQL.5432", user=ROLE, database="alice", statement=statement)

    def kill(self, name):
        pid = self.pid_of(name)
        os.kill(pid, signal.SIGKILL)
        return pid

    def until_replaced(self, name, old_pid):
        return eventually(lambda: self.pid_of(name) not in {None, old_pid})
