"""What several of these tests need."""

import time
from contextlib import contextmanager
from dataclasses import replace

from django.test import RequestFactory


def wait_until(condition, timeout_seconds=10):
    """Wait until `condition()` holds; fail the test when it never does."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        assert time.monotonic() < deadline, "the awaited condition never came"
        time.sleep(0.002)


@contextmanager
def at_most(seconds, *, clock=time.monotonic):
    """Fail the test when its block takes longer; by `time.thread_time` in CPU of this thread."""
    started = clock()
    yield
    elapsed = clock() - started
    assert elapsed < seconds, f"took {elapsed:.3f} s"


def a_request(path="/", **meta):
    """A Django request as the server would make it."""
    return RequestFactory().get(path, **meta)


def entitle(settings, **changes):
    """Change what tiers may: `entitle(settings, free={"storage_bytes": 9})`."""
    changed = {name: replace(settings.TIERS[name], **each) for name, each in changes.items()}
    settings.TIERS = settings.TIERS | changed


def allow(settings, **requests_per_minute):
    """Change how many requests a minute tiers may make: `allow(settings, free=3)`."""
    entitle(
        settings,
        **{tier: {"requests_per_minute": most} for tier, most in requests_per_minute.items()},
    )
