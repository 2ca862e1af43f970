"""Counting in fixed windows: atomic in Redis, strict in this process while Redis is away."""

import threading
import time
from dataclasses import dataclass

from django.conf import settings

from alice.common.redis_client import RedisDown, Script, breaker, client

LOCAL_KEYS_MAX = 50_000

SPEND = """
local used = redis.call('INCRBY', KEYS[1], ARGV[1])
if used < 0 then
  redis.call('DEL', KEYS[1])
  return {0, tonumber(ARGV[2])}
end
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  left = tonumber(ARGV[2])
end
return {used, left}
"""


@dataclass(frozen=True, slots=True)
class Window:
    """How much of a limit is used, and in how many whole seconds it starts anew."""

    limit: int
    used: int
    reset_seconds: int

    @property
    def is_exceeded(self) -> bool:
        return self.used > self.limit

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)


class LocalWindows:
    """Windows of this process alone, for the time in which Redis does not answer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._windows: dict[str, tuple[float, int]] = {}

    def spend(self, key: str, amount: int, seconds: float) -> tuple[int, float]:
        """Count `amount` for `key`; answer what is used and the seconds left."""
        now = time.monotonic()
        with self._lock:
            ends_at, used = self._windows.get(key, (0.0, 0))
            if ends_at <= now:
                self._make_room(now)
                ends_at, used = now + seconds, 0
            used = max(0, used + amount)
            self._windows[key] = (ends_at, used)
        return used, ends_at - now

    def forget(self, key: str) -> None:
        with self._lock:
            self._windows.pop(key, None)

    def clear(self) -> None:
        with self._lock:
            self._windows.clear()

    def _make_room(self, now: float) -> None:
        if len(self._windows) < LOCAL_KEYS_MAX:
            return
        self._windows = {k: w for k, w in self._windows.items() if w[0] > now}
        if len(self._windows) >= LOCAL_KEYS_MAX:
            self._windows.clear()


local = LocalWindows()


spend_script = Script(SPEND)


def window_from(limit: int, used: int, milliseconds_left: float) -> Window:
    """A `Window` from what the scripts answer."""
    return Window(limit, used, max(1, -int(-milliseconds_left // 1000)))


def spend(key: str, *, limit: int, seconds: int, amount: int = 1) -> Window:
    """Count `amount` against `key` and answer the window; the caller judges `is_exceeded`.

    One round trip. While Redis is away the count is kept by this process alone.
    """
    try:
        used, left = spend_script([key], [amount, seconds * 1000])
    except RedisDown:
        return spend_here(key, limit=limit, seconds=seconds, amount=amount)
    return window_from(limit, used, left)


def spend_here(key: str, *, limit: int, seconds: int, amount: int = 1) -> Window:
    """Count in this process alone: each web process has its share of the limit and no more."""
    used, seconds_left = local.spend(key, amount, seconds)
    return window_from(max(1, limit // settings.WEB_WORKERS), used, seconds_left * 1000)


def give_back(key: str, *, seconds: int) -> None:
    """Take back one count: what was reserved turned out not to be a failure."""
    spend(key, limit=0, seconds=seconds, amount=-1)


def forget(key: str) -> None:
    """Start the window of `key` anew."""
    local.forget(key)
    try:
        breaker.call(lambda: client().delete(key))
    except RedisDown:
        return
