"""One Redis client per process, and a breaker that keeps an outage from costing time."""

import hashlib
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = logging.getLogger("alice.redis")

Answer = TypeVar("Answer")

PROBE_SECONDS = 0.25


class RedisDown(Exception):
    """Redis does not answer; the caller falls back to what it can do without."""


@cache
def client() -> "redis.Redis":
    """The process's client: short time-outs, one reconnect when a kept connection had died."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=settings.REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=settings.REDIS_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
        max_connections=settings.REDIS_MAX_CONNECTIONS,
    )


class ThreadConnection(threading.local):
    """A connection of this thread's own, for the call that every request makes."""

    owner: "redis.Redis | None" = None
    connection: "redis.Connection"

    def evalsha(self, sha: str, keys: Sequence[str], args: Sequence[Any]) -> Any:
        """Run a loaded script; anything but an answer leaves the connection closed."""
        if self.owner is not client():
            self.owner = client()
            pool = self.owner.connection_pool
            # Not from the pool, which would count it as lent out when the thread is long gone.
            self.connection = pool.connection_class(**pool.connection_kwargs)
        try:
            command = ("EVALSHA", sha, len(keys), *keys, *args)
            self.connection.send_command(*command)  # type: ignore[no-untyped-call]
            return self.connection.read_response()
        except redis.ResponseError:
            raise
        except BaseException:
            self.connection.disconnect()  # type: ignore[no-untyped-call]
            raise


class Script:
    """A Lua script, called at half the cost of the library's own pooled call."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    def __call__(self, keys: Sequence[str], args: Sequence[Any]) -> Any:
        """What the script answers. Raises `RedisDown` when Redis is out of reach."""
        return breaker.call(lambda: self._run(keys, args))

    def _run(self, keys: Sequence[str], args: Sequence[Any]) -> Any:
        try:
            return _own.evalsha(self.sha, keys, args)
        except redis.exceptions.NoScriptError:
            client().script_load(self.text)
        except redis.ConnectionError:
            # A kept connection dies with a restart of Redis: the next one tells how things are.
            pass
        return _own.evalsha(self.sha, keys, args)


class Breaker:
    """Opens on the first fault; a thread of its own probes until Redis is back.

    While it is open, `call` raises `RedisDown` at once, so no request waits for a time-out that
    another one has already paid.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._back = threading.Event()
        self._back.set()
        self._on_return: deque[Callable[[], None]] = deque()

    @property
    def is_open(self) -> bool:
        return not self._back.is_set()

    def call(self, command: Callable[[], Answer]) -> Answer:
        """Answer `command()`; raise `RedisDown` when Redis is out of reach."""
        if self.is_open:
            raise RedisDown
        try:
            return command()
        # Not to be written to (full, a replica, no disk) is as bad as not to be reached.
        except redis.RedisError as fault:
            self._open(fault)
            raise RedisDown from fault

    def when_back(self, task: Callable[[], None]) -> None:
        """Run `task` once Redis answers again, before requests rely on it."""
        with self._lock:
            self._on_return.append(task)
        self._open(None)

    def _open(self, fault: Exception | None) -> None:
        with self._lock:
            if self.is_open:
                return
            self._back.clear()
        logger.warning("Redis does not answer; falling back", extra={"fault": str(fault)})
        threading.Thread(target=self._probe, name="redis-probe", daemon=True).start()

    def _probe(self) -> None:
        waiting = threading.Event()
        while not self._has_returned():
            waiting.wait(PROBE_SECONDS)
        logger.info("Redis answers again")

    def _has_returned(self) -> bool:
        try:
            client().set("probe", 1, px=1000)
            while self._on_return:
                self._on_return[0]()
                self._on_return.popleft()
        except redis.RedisError:
            return False
        with self._lock:
            if self._on_return:
                return False
            self._back.set()
        return True


breaker = Breaker()
_own = ThreadConnection()
