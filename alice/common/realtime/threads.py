"""Where the synchronous code of sockets runs: a few threads, each with its own connections."""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, TypeVar, cast

from django.conf import settings
from django.db import close_old_connections, connections

from alice.common import request_context

Answer = TypeVar("Answer")
SHUTDOWN_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Job:
    function: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"

    def perform(self) -> None:
        answer, fault = None, None
        try:
            close_old_connections()
            answer = self.function()
        # Raised anew where the answer is awaited.
        except BaseException as error:  # noqa: BLE001
            fault = error
        finally:
            request_context.leave()
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.settle, answer, fault)

    def settle(self, answer: Any, fault: BaseException | None) -> None:
        if self.future.done():  # cancelled: nobody waits
            return
        if fault is not None:
            self.future.set_exception(fault)
        else:
            self.future.set_result(answer)


class SocketThreads:
    """A pool that starts at its first job. Each socket has one job in it at a time at most."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._pool: list[threading.Thread] = []

    async def run(self, function: Callable[..., Answer], *args: Any) -> Answer:
        """What `function` answers or raises, called in one of the threads."""
        if not self._pool:
            self._start()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._jobs.put(Job(lambda: function(*args), loop, future))
        return cast("Answer", await future)

    def shutdown(self) -> None:
        """Finish what waits, end the threads and close their connections."""
        for _ in self._pool:
            self._jobs.put(None)
        deadline = time.monotonic() + SHUTDOWN_SECONDS
        for thread in self._pool:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._pool.clear()

    def _start(self) -> None:
        for number in range(settings.SOCKET_THREADS):
            thread = threading.Thread(target=self._work, name=f"socket-{number}", daemon=True)
            self._pool.append(thread)
            thread.start()

    def _work(self) -> None:
        while job := self._jobs.get():
            job.perform()
            # An idle thread must not keep what it worked on in memory.
            del job
        connections.close_all()


threads = SocketThreads()
