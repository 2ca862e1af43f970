"""The load generator: keep-alive connections that each ask again as soon as they are answered.

It runs in a process of its own, so that its work is in nobody's figures, and looks at no more of
an answer than its status and length.
"""

import asyncio
import itertools
import multiprocessing
import re
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any, TypeVar, cast

import uvloop

from benchmarks.requests import NUMBER

T = TypeVar("T")

CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
HEAD_END = b"\r\n\r\n"
WITHOUT_BODY = ("204", "304")
PATIENCE_SECONDS = 30
BUFFER_BYTES = 256 * 1024
SHOWN_BYTES = 800

# Never starts anew, so that a second round of updates differs from the first.
numbers = itertools.count()


class WrongAnswer(Exception):
    """The server answered something else, or nothing."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """Ask `requests` in turn for so many seconds, but no more than `most` of them."""

    port: int
    requests: list[bytes]
    expected_status: int
    concurrency: int
    seconds: float
    most: int = 100_000


@dataclass(frozen=True, kw_only=True)
class Load:
    """What came of a job; latencies are from the first byte sent to the last one received."""

    answers: int
    answers_per_second: float
    p50_ms: float
    p99_ms: float


class Run:
    """The state all connections of one job share."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.began = perf_counter()
        self.ends = self.began + job.seconds
        self.requests = itertools.islice(itertools.cycle(job.requests), job.most)
        self.latencies: list[float] = []

    def next_request(self) -> bytes | None:
        if perf_counter() >= self.ends or (request := next(self.requests, None)) is None:
            return None
        return request.replace(NUMBER, b"%08d" % (next(numbers) % 10**8))

    def end(self, _reason: object = None) -> None:
        """Ask nothing more; any thread may call it."""
        self.ends = 0.0

    def result(self) -> Load:
        seconds = perf_counter() - self.began
        ordered = sorted(self.latencies)
        return Load(
            answers=len(ordered),
            answers_per_second=len(ordered) / seconds,
            p50_ms=ordered[len(ordered) // 2] * 1000,
            p99_ms=ordered[len(ordered) * 99 // 100] * 1000,
        )


class Connection(asyncio.BufferedProtocol):
    """Sends a request, waits for the whole answer, and begins again.

    Of an answer only the head is kept, and of a body the length: all is read into one buffer.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.finished = asyncio.get_running_loop().create_future()
        self.buffer = memoryview(bytearray(BUFFER_BYTES))
        self.answer = bytearray()
        self.received = 0
        self.length = 0
        self.sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.ask()

    def connection_lost(self, exc: Exception | None) -> None:
        self.fail(f"The connection was lost: {exc or 'closed by the server'}")

    def ask(self) -> None:
        request = self.run.next_request()
        if request is None:
            self.finished.set_result(None)
            self.transport.close()
            return
        self.sent_at = perf_counter()
        self.transport.write(request)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.received += nbytes
        if not self.length:
            self.answer += self.buffer[:nbytes]
            if HEAD_END in self.answer:
                self.read_head()
        if self.length and self.received >= self.length and not self.finished.done():
            self.run.latencies.append(perf_counter() - self.sent_at)
            self.answer.clear()
            self.received = self.length = 0
            self.ask()

    def read_head(self) -> None:
        status = self.answer[9:12].decode(errors="replace")
        length = CONTENT_LENGTH.search(self.answer)
        body = int(length[1]) if length and status not in WITHOUT_BODY else 0
        self.length = self.answer.index(HEAD_END) + len(HEAD_END) + body
        if length is None and status not in WITHOUT_BODY:
            self.fail("An answer without Content-Length")
        if status != str(self.run.job.expected_status):
            self.fail(f"Status {status} instead of {self.run.job.expected_status}")

    def fail(self, reason: str) -> None:
        if not self.finished.done():
            shown = bytes(self.answer[:SHOWN_BYTES]).decode(errors="replace")
            self.finished.set_exception(WrongAnswer(f"{reason}\n{shown}".strip()))
            self.transport.close()


async def perform(run: Run) -> None:
    """Open all connections of a run and let them ask until its time is over."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(run.job.seconds + PATIENCE_SECONDS):
        opened = [
            await loop.create_connection(lambda: Connection(run), "127.0.0.1", run.job.port)
            for _ in range(run.job.concurrency)
        ]
        await asyncio.gather(*(connection.finished for _, connection in opened))


def run_job(job: Job) -> Load:
    """Put a server under load. Raises `WrongAnswer`, or `TimeoutError` when none comes."""
    run = Run(job)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(perform(run))
    return run.result()


def latencies_while(work: Future[Any], job: Job) -> list[float]:
    """The seconds each answer took, asked until `work` is done; raises as `run_job`."""
    run = Run(job)
    work.add_done_callback(run.end)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(perform(run))
    return run.latencies


def ignore_interrupts() -> None:
    # Ctrl-C reaches every process of the terminal; the one that asked for the load ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class LoadGenerator:
    """The other process."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self.pool = pool

    def run(self, job: Job) -> Load:
        """What `run_job` does, over there."""
        return self.begin(run_job, job).result()

    def begin(self, function: Callable[..., T], *arguments: Any) -> "Future[T]":
        """Have a function of a module run over there."""
        return self.pool.submit(function, *arguments)


@contextmanager
def load_generator() -> Iterator[LoadGenerator]:
    """A load generator that lasts as long as the block."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=ignore_interrupts) as pool:
        yield LoadGenerator(pool)
