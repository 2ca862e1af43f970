"""Who runs a data directory, and at which addresses its servers answer.

The lock is the truth: the kernel frees it when its holder dies, however it dies. The state file
only tells what to connect to while the lock is held.
"""

import fcntl
import json
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from alice.runtime.config import DataDirectory
from alice.runtime.errors import CannotRun

LOCK_ATTEMPTS = 10
LOCK_RETRY_SECONDS = 0.03


@dataclass(frozen=True, kw_only=True)
class ProcessRecord:
    """A child process; `started_at` is in seconds since the epoch."""

    pid: int
    started_at: float


@dataclass(frozen=True, kw_only=True)
class RunState:
    """What a running supervisor tells about itself."""

    pid: int
    database_url: str
    redis_url: str
    base_url: str
    processes: Mapping[str, ProcessRecord] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AttachedUrls:
    """Where the servers of a running Alice are reached."""

    database_url: str
    redis_url: str
    base_url: str


def hold_lock(data: DataDirectory) -> int:
    """Become the only supervisor of `data` and return the descriptor that holds the lock.

    Raises `CannotRun` naming the holder if there is one, or why the directory is not usable.
    """
    try:
        for directory in (data.root, data.run, data.logs):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(data.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CannotRun(f"The data directory {data.root} is not usable: {error}.") from error
    # A reader's probe in `is_running` takes the lock for an instant: that is no second supervisor.
    for _ in range(LOCK_ATTEMPTS):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(LOCK_RETRY_SECONDS)
        else:
            data.state.unlink(missing_ok=True)
            return descriptor
    os.close(descriptor)
    raise CannotRun(describe_holder(data))


def describe_holder(data: DataDirectory) -> str:
    state = read_state(data)
    if state is None:
        return f"Another Alice is just starting or stopping in {data.root}."
    return (
        f"Alice already runs in {data.root}: process {state.pid}, {state.base_url}\n"
        f"  database  {without_password(state.database_url)}\n"
        f"  redis     {without_password(state.redis_url)}"
    )


def without_password(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    credentials, at_sign, place = rest.rpartition("@")
    user = credentials.partition(":")[0]
    return f"{scheme}{separator}{user}{at_sign}{place}"


def is_running(data: DataDirectory) -> bool:
    """Whether a supervisor holds `data` at this moment."""
    try:
        descriptor = os.open(data.lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def write_state(data: DataDirectory, state: RunState) -> None:
    """Replace the state file as a whole, readable by its owner only."""
    draft = data.state.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(state), file, indent=1)
    draft.replace(data.state)


def read_state(data: DataDirectory) -> RunState | None:
    """What the state file says, whether or not its writer still lives; None if unreadable."""
    try:
        fields = json.loads(data.state.read_text(encoding="utf-8"))
        processes = {
            name: ProcessRecord(**record) for name, record in fields.pop("processes").items()
        }
        return RunState(**fields, processes=processes)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def attached_urls(data_dir: Path) -> AttachedUrls | None:
    """The addresses of the Alice that runs in `data_dir`, or None if none does.

    None as well while it is still starting its servers, and for a user who may not read them.
    """
    data = DataDirectory(data_dir)
    state = read_state(data) if is_running(data) else None
    if state is None:
        return None
    return AttachedUrls(
        database_url=state.database_url, redis_url=state.redis_url, base_url=state.base_url
    )


def request_reload(data_dir: Path) -> bool:
    """Have the Alice in `data_dir` replace its web, worker and beat processes, web without a gap.

    Returns at once; False if none runs there. Raises `PermissionError` if it is another user's.
    """
    data = DataDirectory(data_dir)
    state = read_state(data) if is_running(data) else None
    if state is None:
        return False
    os.kill(state.pid, signal.SIGHUP)
    return True
