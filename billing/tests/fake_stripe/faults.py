"""Trouble on demand: errors, lost answers, slowness, and calls held until a test lets go."""

import threading
from dataclasses import dataclass, field
from math import inf

WAIT_SECONDS = 30.0


class Dropped(Exception):
    """The connection is to be closed without an answer."""


@dataclass
class Held:
    """A call that waits; `reached` tells a test that it is there."""

    arrived: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)

    def reached(self, timeout_seconds: float = 10) -> None:
        """Wait until a call has come to the gate; fail when none does."""
        assert self.arrived.wait(timeout_seconds), "no call came to the gate"

    def release(self) -> None:
        """Let the calls at the gate pass, and all later ones."""
        self.opened.set()

    def pass_through(self, seconds: float) -> None:
        self.arrived.set()
        self.opened.wait(seconds)

    def __enter__(self) -> "Held":
        return self

    def __exit__(self, *exception: object) -> None:
        self.release()


@dataclass
class Fault:
    """What befalls the next `left` calls of a method (any, when empty) below a path."""

    method: str
    path_prefix: str
    left: float = inf
    status: int = 0
    code: str | None = None
    seconds: float = WAIT_SECONDS
    gate: Held | None = None
    is_late: bool = False

    def fits(self, method: str, path: str) -> bool:
        return self.left > 0 and self.method in {"", method} and path.startswith(self.path_prefix)


class Faults:
    """The troubles in force, oldest first; a call meets the first one that fits."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.pending: list[Fault] = []

    def add(self, fault: Fault) -> None:
        with self.lock:
            self.pending.append(fault)

    def take(self, method: str, path: str) -> Fault | None:
        """The trouble of a call that has just come, used up by one."""
        with self.lock:
            for fault in self.pending:
                if fault.fits(method, path):
                    fault.left -= 1
                    return fault
        return None

    def clear(self) -> None:
        """End all trouble; who waits, goes on."""
        with self.lock:
            for fault in self.pending:
                if fault.gate:
                    fault.gate.release()
            self.pending.clear()
