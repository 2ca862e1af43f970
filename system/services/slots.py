"""How many of a kind run in this process at the same time."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

_taken: Counter[str] = Counter()
_lock = threading.Lock()


@contextmanager
def slot(name: str, at_once: int) -> Iterator[bool]:
    """Hold one of the `at_once` slots of `name` for the block; False, at once, when none is free.

    Slots belong to the process: every worker process has its own.
    """
    is_free = _take(name, at_once)
    try:
        yield is_free
    finally:
        if is_free:
            _give_back(name)


def _take(name: str, at_once: int) -> bool:
    with _lock:
        if _taken[name] >= at_once:
            return False
        _taken[name] += 1
        return True


def _give_back(name: str) -> None:
    with _lock:
        _taken[name] -= 1
