"""Runs the servers and processes of one data directory, from the first to the last."""

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from math import inf
from pathlib import Path
from types import FrameType

from alice.runtime.child import FIRST_READY, Child, ChildSpec, Phase
from alice.runtime.config import DataDirectory
from alice.runtime.console import Console
from alice.runtime.engine import Engine
from alice.runtime.errors import CannotRun
from alice.runtime.logs import CHECK_SECONDS, last_lines, rotate_logs
from alice.runtime.plan import Plan
from alice.runtime.reload import RollingReload
from alice.runtime.state import ProcessRecord, RunState, write_state

ENGINE_START_SECONDS = 120.0
HEARD_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


class StopRequested(Exception):
    """Somebody asked for the end while things were still going on."""


class Supervisor:
    """One thread that waits for signals, ends and due times, and never for anything else."""

    def __init__(
        self, data: DataDirectory, state: RunState, console: Console, *, stop_fd: int | None = None
    ) -> None:
        self.data = data
        self.state = state
        self.console = console
        # Readable or closed, it means stop.
        self.stop_fd = stop_fd
        self.engines: list[Child] = []
        self.web: list[Child] = []
        self.background: list[Child] = []
        self.once: list[Child] = []
        self.leaving: list[Child] = []
        self.reload = RollingReload(console, lambda child: self.child(child.spec))
        self.is_draining = False
        # Under nohup the end of the terminal is not meant to be the end of Alice.
        is_detached = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        self.has_terminal = terminal_is_there() and not is_detached
        self.rotation_due = time.monotonic() + CHECK_SECONDS
        self.wake_fd = -1
        self.is_reachable = False
        # Not before all is started: a fresh web process would serve what is not prepared yet.
        self.can_reload = False

    def start_engines(self, engines: list[Engine]) -> None:
        """Start the servers together and return when all answer; raises `CannotRun`."""
        starts = {engine.spec.name: log_size(engine.spec) for engine in engines}
        for engine in engines:
            engine.set_up()
            self.engines.append(self.child(engine.spec))
            self.engines[-1].start()
        self.pump(
            lambda: all(c.phase is Phase.READY or c.failures for c in self.engines),
            seconds=ENGINE_START_SECONDS,
        )
        for child in self.engines:
            if child.phase is not Phase.READY:
                raise CannotRun(describe_engine_failure(child.spec, starts[child.spec.name]))
        self.is_reachable = True
        self.publish()

    def preload_web(self, plan: Plan) -> None:
        """Begin to load the first web process, which waits to be released."""
        self.web.append(self.child(plan.web[0]))
        self.web[0].start()

    def serve(self) -> bool:
        """Let the preloaded web process serve; False if it ended early and will be retried."""
        first = self.web[0]
        failures = first.failures
        first.release()
        self.pump(lambda: first.phase is Phase.READY or first.failures > failures)
        return first.phase is Phase.READY

    def start_others(self, plan: Plan) -> None:
        """Start everything but the first web process, without waiting for it to be ready."""
        others = [self.child(spec) for spec in (*plan.web[1:], *plan.background)]
        self.web += others[: len(plan.web) - 1]
        self.background += others[len(plan.web) - 1 :]
        for child in others:
            child.start()
            child.release()
        self.can_reload = True

    def prepare(self, spec: ChildSpec) -> None:
        """Run `spec` to its end; raises `CannotRun` with its exit code if that is not 0."""
        child = Child(spec, self.note, is_kept=False)
        self.once.append(child)
        child.start()
        self.pump(lambda: child.is_over or child.failures > 0)
        self.once.remove(child)
        code = child.exit_code
        if child.failures or code:
            reason = f"Alice is not started, because {spec.name} failed."
            raise CannotRun(reason, exit_code=code if code > 0 else 1)

    def child(self, spec: ChildSpec) -> Child:
        return Child(spec, self.note)

    def run_until_stopped(self) -> None:
        """Keep everything alive until a signal asks for the end, and raise `StopRequested`."""
        self.pump(lambda: False)

    def pump(self, is_done: Callable[[], bool], *, seconds: float = inf) -> None:
        """Serve events until `is_done` or for so many seconds."""
        deadline = time.monotonic() + seconds
        while not is_done() and time.monotonic() < deadline:
            self.wait(deadline)
            for child in self.everyone():
                child.tick()
            self.leaving[:] = [child for child in self.leaving if not child.is_over]
            if not self.is_draining:
                self.reload.advance(self.web, self.leaving)
            if time.monotonic() >= self.rotation_due:
                self.rotate()

    def rotate(self) -> None:
        self.rotation_due = time.monotonic() + CHECK_SECONDS
        try:
            rotate_logs(self.data.logs)
        except OSError as error:
            self.console.say(f"The logs cannot be rotated: {error}.")

    def everyone(self) -> list[Child]:
        return [*self.engines, *self.once, *self.web, *self.background, *self.leaving]

    def wait(self, deadline: float) -> None:
        """Sleep until a signal comes or something is due."""
        watched = [*self.everyone(), *([self.reload.fresh] if self.reload.fresh else [])]
        due = min([deadline, self.rotation_due, *(child.wake_at() for child in watched)])
        if self.reload.queue and not self.reload.fresh:
            due = 0
        poller = select.poll()
        poller.register(self.wake_fd, select.POLLIN)
        if self.stop_fd is not None:
            poller.register(self.stop_fd, select.POLLIN | select.POLLHUP)
        timeout_ms = max(0.0, due - time.monotonic()) * 1000
        ready = dict(poller.poll(timeout_ms))
        if self.wake_fd in ready:
            for number in os.read(self.wake_fd, 512):
                self.hear(number)
        if self.stop_fd in ready:
            self.stop_fd = None
            self.hear(signal.SIGTERM)

    def hear(self, number: int) -> None:
        """Act on a signal. A second wish to stop makes haste."""
        if number == signal.SIGHUP and not (self.has_terminal and not terminal_is_there()):
            if self.can_reload:
                self.leaving += self.reload.begin([*self.web, *self.background])
        elif number == signal.SIGCHLD:
            return
        elif not self.is_draining:
            raise StopRequested
        else:
            for child in self.everyone():
                if child.phase is Phase.STOPPING:
                    child.press()

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Take the signals of the process; after the block, only SIGCHLD is as it was."""
        self.wake_fd, written = os.pipe()
        os.set_blocking(written, False)
        signal.set_wakeup_fd(written, warn_on_full_buffer=False)
        for number in HEARD_SIGNALS:
            signal.signal(number, only_wake)
        try:
            yield
        finally:
            # All is stopped: a wish to stop that comes now must not change the exit code.
            for number in HEARD_SIGNALS:
                signal.signal(number, signal.SIG_IGN)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.set_wakeup_fd(-1)
            os.close(self.wake_fd)
            os.close(written)

    def drain(self) -> None:
        """Stop what uses the servers, then the servers, each as gently as time allows."""
        self.is_draining, self.can_reload = True, False
        self.leaving.extend(self.reload.abandon())
        users = [*self.once, *self.web, *self.background, *self.leaving]
        self.stop(users)
        self.stop(self.engines)

    def stop(self, children: list[Child]) -> None:
        for child in children:
            child.stop()
        self.pump(lambda: all(child.is_over for child in children))

    def note(self, child: Child, event: str) -> None:
        """Hear of a change from a child: tell it where it matters and keep the state file true."""
        is_silent = event == FIRST_READY and child not in self.engines
        if event and not is_silent:
            self.console.say(f"{child.spec.name} {event}.")
        if self.is_reachable and not self.is_draining:
            self.publish()

    def publish(self) -> None:
        """Write the state file, from which others learn how to reach the servers."""
        records = {
            child.spec.name: ProcessRecord(pid=child.process.pid, started_at=child.started_at)
            for child in [*self.engines, *self.web, *self.background]
            if child.process is not None
        }
        try:
            write_state(self.data, replace(self.state, processes=records))
        except OSError as error:
            # A full disk must not bring down what still runs.
            self.console.say(f"The state file cannot be written: {error}.")


def only_wake(_number: int, _frame: FrameType | None) -> None:
    """A handler must exist for the wake-up descriptor to be written; it has nothing to add."""


def terminal_is_there() -> bool:
    """Whether there is a controlling terminal, and it has not been hung up."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True


def log_size(spec: ChildSpec) -> int:
    path = spec.output_path
    return path.stat().st_size if path is not None and path.exists() else 0


def describe_engine_failure(spec: ChildSpec, since_byte: int) -> str:
    path = spec.output_path or Path(os.devnull)
    said = last_lines(path, since_byte=since_byte)
    return f"{spec.name} does not start. The end of {path}:\n{said}"
