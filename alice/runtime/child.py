"""One supervised process: what it is, and where it stands."""

import contextlib
import enum
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path

from alice.runtime.backoff import Backoff
from alice.runtime.errors import CannotRun
from alice.runtime.processes import has_ended, signal_group, spawn
from alice.runtime.users import SystemUser

PROBE_SECONDS = 0.02
CONTROL_VARIABLE = "ALICE_CONTROL_FD"
READY = b"R"
GO = b"G"
FIRST_READY = "is ready"


@dataclass(frozen=True)
class StopStep:
    """A signal, and the seconds to wait for the end before the next step."""

    number: int
    seconds: float


KILL = StopStep(signal.SIGKILL, inf)


@dataclass(frozen=True, kw_only=True)
class ChildSpec:
    """How to start, judge and stop one process.

    A controlled child finds a socket under `ALICE_CONTROL_FD`: it waits there for `G` before it
    serves, and writes `R` once it does. Any other is ready when `is_ready` says so, or at once.
    """

    name: str
    command: tuple[str, ...]
    environ: Mapping[str, str]
    stop_steps: tuple[StopStep, ...] = (StopStep(signal.SIGTERM, 10), KILL)
    death_signal: int = signal.SIGTERM
    user: SystemUser | None = None
    output_path: Path | None = None
    kept_fds: tuple[int, ...] = ()
    is_controlled: bool = False
    is_ready: Callable[[], bool] | None = None
    clear_way: Callable[[], None] | None = None


class Phase(enum.Enum):
    """Where a child stands. A stopped child is never started again."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    STOPPED = "stopped"


class Child:
    """A process kept alive until it is stopped. `report` hears of every change, in words."""

    def __init__(
        self, spec: ChildSpec, report: Callable[["Child", str], None], *, is_kept: bool = True
    ) -> None:
        self.spec = spec
        self.report = report
        self.is_kept = is_kept
        self.phase = Phase.WAITING
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0
        self.failures = 0
        self.is_released = False
        self.restarts_at_once = False
        self.backoff = Backoff()
        self.control: socket.socket | None = None
        self.steps = iter(spec.stop_steps)
        # Both on the monotonic clock: when this life began, when something is due next.
        self.born = 0.0
        self.due = inf

    @property
    def is_over(self) -> bool:
        return self.phase is Phase.STOPPED

    @property
    def exit_code(self) -> int:
        """How the last life ended: 0, an exit code, or minus the signal that ended it."""
        return 0 if self.process is None else self.process.returncode or 0

    def start(self) -> None:
        """Begin a life. What prevents it counts as an early end, and is tried again later."""
        self.phase, self.due, self.born = Phase.STARTING, inf, time.monotonic()
        self.started_at = time.time()
        self.steps = iter(self.spec.stop_steps)
        try:
            if self.spec.clear_way is not None:
                self.spec.clear_way()
            self.process = self.spawn()
        except (OSError, subprocess.SubprocessError, CannotRun) as error:
            self.process = None
            self.plan_restart(f"cannot be started ({error})")
            return
        if self.is_released:
            self.release()
        self.report(self, "")

    def spawn(self) -> subprocess.Popen[bytes]:
        spec = self.spec
        with contextlib.ExitStack() as stack:
            environ, kept_fds, output = dict(spec.environ), spec.kept_fds, None
            if spec.is_controlled:
                self.control, theirs = socket.socketpair()
                stack.callback(theirs.close)
                os.set_blocking(self.control.fileno(), False)
                environ[CONTROL_VARIABLE] = str(theirs.fileno())
                kept_fds = (*kept_fds, theirs.fileno())
            if spec.output_path is not None:
                # Appending, so that the file can be cut short under the writer.
                output = os.open(spec.output_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
                stack.callback(os.close, output)
            return spawn(
                spec.command,
                environ=environ,
                user=spec.user,
                output=output,
                kept_fds=kept_fds,
                death_signal=spec.death_signal,
            )

    def release(self) -> None:
        """Let a controlled child serve, now and in every later life."""
        self.is_released = True
        if self.control is not None:
            with contextlib.suppress(OSError):
                self.control.send(GO)

    def stop(self) -> None:
        """Ask for the end, with growing force as time passes."""
        self.is_kept = False
        if self.process is None or has_ended(self.process):
            self.phase, self.due = Phase.STOPPED, inf
        elif self.phase is not Phase.STOPPING:
            self.phase = Phase.STOPPING
            self.press()

    def restart(self) -> None:
        """Stop this life as gently as `stop` does and begin the next without delay."""
        if self.phase in {Phase.STARTING, Phase.READY}:
            self.restarts_at_once = True
            self.phase = Phase.STOPPING
            self.press()

    def press(self) -> None:
        """Take the next step towards the end of the process."""
        step = next(self.steps, KILL)
        self.due = time.monotonic() + step.seconds
        if self.process is not None and not has_ended(self.process):
            signal_group(self.process, step.number)

    def tick(self) -> None:
        """See what has happened and do what is due."""
        if self.process is not None and has_ended(self.process):
            self.note_end(self.process.returncode)
        elif self.phase is Phase.STARTING and self.answers():
            self.phase, self.due = Phase.READY, inf
            self.report(self, "is back" if self.failures else FIRST_READY)
        elif time.monotonic() >= self.due:
            self.act_on_time()

    def act_on_time(self) -> None:
        if self.phase is Phase.WAITING:
            self.start()
        elif self.phase is Phase.STOPPING:
            self.report(self, "does not end, so it is ended harder")
            self.press()

    def answers(self) -> bool:
        if self.control is not None:
            with contextlib.suppress(OSError):
                return self.control.recv(1) == READY
            return False
        return self.spec.is_ready is None or self.spec.is_ready()

    def note_end(self, code: int) -> None:
        if self.control is not None:
            self.control.close()
            self.control = None
        if self.restarts_at_once and self.is_kept:
            self.restarts_at_once = False
            self.process = None
            self.start()
        elif self.is_kept:
            self.process = None
            self.plan_restart(describe_end(code))
        elif self.phase is not Phase.STOPPED:
            self.phase, self.due = Phase.STOPPED, inf
            self.report(self, "")

    def plan_restart(self, what_happened: str) -> None:
        self.failures += 1
        now = time.monotonic()
        delay = self.backoff.next_delay(lived_seconds=now - self.born)
        self.phase, self.due = Phase.WAITING, now + delay
        self.report(self, f"{what_happened}, next start in {delay:g} s")

    def wake_at(self) -> float:
        """When, on the monotonic clock, this child wants its next `tick`."""
        if self.phase is Phase.STARTING:
            return time.monotonic() + PROBE_SECONDS
        return self.due


def describe_end(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    with contextlib.suppress(ValueError):
        return f"was ended by {signal.Signals(-code).name}"
    return f"was ended by signal {-code}"
