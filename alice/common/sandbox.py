"""Foreign tools on hostile bytes: bounded, without network and secrets, dead with their parent."""

import contextlib
import dataclasses
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE
from typing import IO

LAUNCHER = Path(__file__).with_name("sandbox_child.py")
BLOCK_BYTES = 64 * 1024
STDOUT_BYTES_MAX = 1024 * 1024
LINE_BYTES_MAX = 64 * 1024
LAST_WORDS_BYTES = 4 * 1024
LOOK_EVERY_SECONDS = 0.1
# The kernel counts ticks for its limit: on a busy virtual machine it saw 3 s in 2.6 s of use.
CPU_SHARE_SPENT = 0.75

# A tool that dies of these fell over its input: it would do so again.
CRASHES = {
    signal.SIGABRT,
    signal.SIGBUS,
    signal.SIGFPE,
    signal.SIGILL,
    signal.SIGSEGV,
    signal.SIGSYS,
    signal.SIGTRAP,
}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a tool may use. `memory_bytes` bounds its address space, None leaves that open."""

    cpu_seconds: int
    wall_seconds: float
    memory_bytes: int | None
    file_bytes: int
    niceness: int = 0


class ToolError(Exception):
    """A tool did not end well; the subclasses say how."""


class ToolKilled(ToolError):
    """Ended by a signal that neither we nor its own fault sent: try again later."""


class ToolStopped(ToolError):
    """Ended because `Process.stop` was called."""


class TimeSpent(ToolError):
    """Its wall or CPU time ran out."""


class OutputTooLarge(ToolError):
    """It wrote a larger file, more to stdout or a longer line than it may."""


class ToolFailed(ToolError):
    """It ended with `returncode`, minus the signal after a crash; `last_words` are of stderr."""

    def __init__(self, returncode: int, last_words: str) -> None:
        self.returncode = returncode
        self.last_words = last_words
        super().__init__(f"ended with {returncode}: {last_words}")


def start(
    command: Sequence[str],
    *,
    directory: Path,
    limits: Limits,
    stdout: int | IO[bytes] = PIPE,
    environ: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start `command` in `directory`, in a process group of its own, under `limits`.

    It gets an empty stdin, a minimal environment plus `environ`, files of mode 0600 and, where
    the kernel allows that, no network and only the files that `sandbox_child.readable` names.
    On Linux it is killed when the calling *thread* ends (prctl(2), PR_SET_PDEATHSIG): wait for
    it in the thread that started it. The caller reads stderr and stdout, watches the wall time
    and kills the group; `running` and `run` do all that. Raises OSError when it cannot start.
    """
    tool = shutil.which(command[0])
    if tool is None:
        raise FileNotFoundError(command[0])
    terms = dataclasses.asdict(limits) | {
        "parent": os.getpid(),
        "readable": [sys.prefix, sys.base_prefix],  # for tools written in Python
    }
    launcher = [sys.executable, "-I", "-S", str(LAUNCHER), json.dumps(terms), "--"]
    return subprocess.Popen(  # noqa: S603 - an argument list from our own code
        [*launcher, str(Path(tool).absolute()), *command[1:]],
        cwd=directory,
        env=_environment(directory) | dict(environ or {}),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=PIPE,
        start_new_session=True,
        umask=0o077,
    )


def run(command: Sequence[str], *, directory: Path, limits: Limits) -> bytes:
    """Run `command` to its end and return its stdout, which may be 1 MiB.

    Raises `ToolError`s, and OSError when it cannot start.
    """
    blocks, size = [], 0
    with running(command, directory=directory, limits=limits) as process:
        for block in process.blocks():
            blocks.append(block)
            size += len(block)
            if size > STDOUT_BYTES_MAX:
                raise OutputTooLarge(f"more than {STDOUT_BYTES_MAX} bytes on stdout")
        process.result()
    return b"".join(blocks)


@contextlib.contextmanager
def running(command: Sequence[str], *, directory: Path, limits: Limits) -> Iterator["Process"]:
    """Have `command` run inside the block; after it the whole process group is dead.

    Raises OSError when it cannot start. Use the process in the thread that entered the block
    (see `start`); only `stop` may be called by others.
    """
    process = Process(start(command, directory=directory, limits=limits), limits)
    try:
        yield process
    finally:
        process.close()


class Process:
    """A tool that runs; made by `running`."""

    def __init__(self, popen: subprocess.Popen[bytes], limits: Limits) -> None:
        self._popen = popen
        self._limits = limits
        self._deadline = time.monotonic() + limits.wall_seconds
        self._lock = threading.Lock()
        self._is_stopped = False
        self._cpu_seconds = 0.0
        self._tail = b""
        self._selector = selectors.DefaultSelector()
        for stream in (popen.stdout, popen.stderr):
            if stream is not None:
                self._selector.register(stream, selectors.EVENT_READ)

    @property
    def pid(self) -> int:
        """The tool's process id, which is its group's as well."""
        return self._popen.pid

    @property
    def last_words(self) -> str:
        """The end of what it wrote to stderr so far, 4 KiB at most."""
        return self._tail.decode(errors="replace").strip()

    def lines(self) -> Iterator[str]:
        """The lines of stdout as they come, without their ends.

        Raises `TimeSpent` at the wall deadline, `OutputTooLarge` for a line over 64 KiB.
        """
        rest = b""
        for block in self.blocks():
            *whole, rest = (rest + block).split(b"\n")
            if len(rest) > LINE_BYTES_MAX:
                raise OutputTooLarge(f"a line of more than {LINE_BYTES_MAX} bytes")
            yield from (line.decode(errors="replace") for line in whole)
        if rest:
            yield rest.decode(errors="replace")

    def blocks(self) -> Iterator[bytes]:
        """The bytes of stdout as they come, in blocks. Raises `TimeSpent`."""
        while self._selector.get_map():
            for key, _ in self._selector.select(LOOK_EVERY_SECONDS):
                block = os.read(key.fd, BLOCK_BYTES)
                if not block:
                    self._selector.unregister(key.fileobj)
                elif key.fileobj is self._popen.stdout:
                    yield block
                else:
                    self._tail = (self._tail + block)[-LAST_WORDS_BYTES:]
            self._has_ended()
            self._check_deadline()

    def stop(self) -> None:
        """Kill the whole group now; `result` will raise `ToolStopped`. Any thread may call it."""
        with self._lock:
            if self._popen.returncode is None:
                self._is_stopped = True
                self._kill_group()

    def result(self) -> None:
        """Wait for the end, dropping what stdout still brings. Returns when it ended well.

        Raises `TimeSpent`, `OutputTooLarge`, `ToolKilled`, `ToolStopped` or `ToolFailed`.
        """
        for _ in self.blocks():
            pass
        pause = 0.0005
        while not self._has_ended():
            self._check_deadline()
            time.sleep(pause)
            pause = min(pause * 2, LOOK_EVERY_SECONDS)
        self._judge(self._popen.returncode)

    def close(self) -> None:
        """Kill what still runs of the group, reap it and close its pipes."""
        with self._lock:
            if self._popen.returncode is None:
                self._kill_group()
                self._reap(0)
        self._selector.close()
        for stream in (self._popen.stdout, self._popen.stderr):
            if stream is not None:
                stream.close()

    def _has_ended(self) -> bool:
        with self._lock:
            if self._popen.returncode is None:
                self._reap(os.WNOHANG)
            return self._popen.returncode is not None

    def _reap(self, options: int) -> None:
        # Not Popen.wait, which does not tell the CPU time.
        pid, status, usage = os.wait4(self._popen.pid, options)
        if pid:
            self._popen.returncode = os.waitstatus_to_exitcode(status)
            self._cpu_seconds = usage.ru_utime + usage.ru_stime
            self._kill_group()  # what it left behind holds the pipes open

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, signal.SIGKILL)

    def _check_deadline(self) -> None:
        if time.monotonic() > self._deadline:
            raise TimeSpent(f"{self._limits.wall_seconds} s are over")

    def _judge(self, returncode: int) -> None:
        if returncode == 0:
            return
        if self._is_stopped:
            raise ToolStopped
        # By the clock too: FFmpeg catches SIGXCPU, and the hard limit sends SIGKILL.
        is_spent = self._cpu_seconds > self._limits.cpu_seconds * CPU_SHARE_SPENT
        if returncode == -signal.SIGXCPU or is_spent:
            raise TimeSpent(f"{self._limits.cpu_seconds} s of CPU are used")
        if returncode == -signal.SIGXFSZ:
            raise OutputTooLarge(f"a file of more than {self._limits.file_bytes} bytes")
        if returncode < 0 and -returncode not in CRASHES:
            raise ToolKilled(f"killed by signal {-returncode}")
        raise ToolFailed(returncode, self.last_words)


@dataclass(frozen=True, kw_only=True)
class Fences:
    """What the kernel does for us here beside the limits; containers may forbid the first."""

    network: bool  # a network namespace with nothing in it
    files: bool  # Landlock


FENCES_COMMAND = """
import json, os
try:
    os.listdir("/")
except OSError:
    has_root = False
else:
    has_root = True
print(json.dumps([os.readlink("/proc/self/ns/net"), has_root]))
"""


def fences() -> Fences:
    """Find out, by starting a tool, which fences stand on this machine. Raises as `run` does."""
    if sys.platform != "linux":
        return Fences(network=False, files=False)
    limits = Limits(cpu_seconds=5, wall_seconds=10, memory_bytes=None, file_bytes=0)
    command = [sys.executable, "-I", "-S", "-c", FENCES_COMMAND]
    with tempfile.TemporaryDirectory(prefix="alice-fences-") as directory:
        namespace, has_root = json.loads(run(command, directory=Path(directory), limits=limits))
    is_elsewhere = namespace != str(Path("/proc/self/ns/net").readlink())
    return Fences(network=is_elsewhere, files=not has_root)


def _environment(directory: Path) -> dict[str, str]:
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "HOME": str(directory),
        "TMPDIR": str(directory),
        # Each thread's own arena would reserve 64 MiB of the address space.
        "MALLOC_ARENA_MAX": "2",
    }
