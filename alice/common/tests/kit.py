"""What several of these tests need."""

import time
from contextlib import contextmanager

from django.test import RequestFactory


def wait_until(condition, timeout_seconds=10):
    """Wait until `condition()` holds; fail the test when it never does."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        assert time.monotonic() < deadline, "the awaited condition never came"
        time.sleep(0.002)


@contextmanager
def at_most(seconds):
    """Fail the test when its block takes longer."""
    started = time.monotonic()
    yield
    elapsed = time.monotonic() - started
    assert elapsed < seconds, f"took {elapsed:.3f} s"


@contextmanager
def at_most_cpu(seconds):
    """Fail the test when its block takes more of the processor, however busy that is."""
    started = time.thread_time()
    yield
    spent = time.thread_time() - started
    assert spent < seconds, f"took {spent:.3f} s of CPU"


def a_request(path="/", **meta):
    """A Django request as the server would make it."""
    return RequestFactory().get(path, **meta)
