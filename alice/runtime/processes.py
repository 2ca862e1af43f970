"""Starting, watching and ending processes, so that none outlives the one that started it."""

import contextlib
import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from alice.runtime.config import PROJECT_DIR
from alice.runtime.users import SystemUser

PR_SET_PDEATHSIG = 1
PROC = Path("/proc")


def spawn(
    command: Sequence[str],
    *,
    environ: Mapping[str, str],
    user: SystemUser | None = None,
    output: int | None = None,
    kept_fds: Sequence[int] = (),
    death_signal: int = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own; it gets `death_signal` when this process dies.

    The kernel ties that signal to the calling thread, so only a main thread may call this, and
    only of a process without other threads (`preexec_fn`). `output` is a descriptor for stdout
    and stderr; None leaves both where ours go. Raises `OSError` if it cannot be started.
    """
    return subprocess.Popen(  # noqa: S603  (commands are built here, never from a request)
        list(command),
        env=dict(environ),
        # Another user may not be able to enter the project, or even to name where it is.
        cwd=PROJECT_DIR if user is None else "/",
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=None if output is None else subprocess.STDOUT,
        pass_fds=tuple(kept_fds),
        user=None if user is None else user.uid,
        group=None if user is None else user.gid,
        extra_groups=None if user is None else [],
        # Ctrl-C at the terminal must reach the supervisor alone, which then stops all in order.
        start_new_session=True,
        preexec_fn=death_signal_setter(death_signal),  # noqa: PLW1509
    )


def death_signal_setter(death_signal: int) -> Callable[[], None] | None:
    """What a new child runs, after its change of user, to die with us; None off Linux."""
    try:
        prctl = ctypes.CDLL(None).prctl
    except AttributeError:
        return None
    parent = os.getpid()

    def set_death_signal() -> None:
        prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return set_death_signal


def has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether `process` is over; whatever it left behind in its session is then killed."""
    if process.returncode is not None:
        return True
    if hasattr(os, "waitid"):
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        if os.waitid(os.P_PID, process.pid, flags) is None:
            return False
        # Not reaped yet, so the number still means this group and no other.
        signal_group(process, signal.SIGKILL)
    return process.poll() is not None


def signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(process.pid, number)


def survivors(program: str, directory: Path) -> list[int]:
    """The processes of `program` that work in `directory`, whoever started them."""
    if PROC.is_dir():
        numbers = [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]
        return [pid for pid in numbers if works_in(pid, program, directory)]
    listing = subprocess.run(
        ["ps", "-axo", "pid=,args="],  # noqa: S607  (where ps lives differs)
        check=False,
        capture_output=True,
        text=True,
    )
    lines = [line.split(maxsplit=1) for line in listing.stdout.splitlines()]
    return [int(pid) for pid, args in lines if program in args and str(directory) in args]


def works_in(pid: int, program: str, directory: Path) -> bool:
    """Proved by its executable and working directory; a pid alone may have been given anew."""
    try:
        executable = (PROC / str(pid) / "exe").readlink().name
        place = (PROC / str(pid) / "cwd").readlink()
    except OSError:
        return False
    # An upgrade of the wheel unlinks the file that an older server still runs.
    return executable.removesuffix(" (deleted)") == program and place == directory.resolve()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
