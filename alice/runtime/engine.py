"""What the supervisor needs to know of an embedded server."""

import importlib.util
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from alice.runtime.child import ChildSpec
from alice.runtime.config import DataDirectory
from alice.runtime.errors import CannotRun
from alice.runtime.processes import survivors
from alice.runtime.users import SystemUser

ORPHAN_SECONDS = 10.0
ORPHAN_POLL_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True)
class Engine:
    """An embedded server: how it is run, where it answers, and what its first start needs."""

    spec: ChildSpec
    url: str
    targets: tuple[Path, ...]
    set_up: Callable[[], None]


class EngineMaker(Protocol):
    """Describes a server for a data directory, its sockets in the given one."""

    def __call__(
        self, data: DataDirectory, sockets: Path, user: SystemUser | None, *, is_durable: bool
    ) -> Engine: ...


def package_directory(package: str) -> Path:
    """Where the wheel of `package` is installed, found without running any of its code."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise CannotRun(
            f"The embedded servers are not installed ({package} is missing). Install "
            "requirements-embedded.txt, or set DATABASE_URL and REDIS_URL to servers of your own."
        )
    return Path(next(iter(found.submodule_search_locations)))


def end_orphans(program: str, directory: Path, gentle_signal: int) -> None:
    """Wait for servers of an earlier run on `directory` to go, and end them if they do not.

    A server whose supervisor was killed is already stopping by itself, so signals come second.
    Raises `OSError` if one is still there after some 20 seconds.
    """
    for number in (0, gentle_signal, signal.SIGQUIT, signal.SIGKILL):
        pids = survivors(program, directory)
        for pid in pids:
            signal_quietly(pid, number)
        deadline = time.monotonic() + ORPHAN_SECONDS / 2
        while pids and time.monotonic() < deadline:
            time.sleep(ORPHAN_POLL_SECONDS)
            pids = survivors(program, directory)
        if not pids:
            return
    raise OSError(f"another {program} still works in {directory}")


def signal_quietly(pid: int, number: int) -> None:
    if number:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
