"""What a room full of sockets costs, from send to delivery, and what idle ones need.

One web process of a whole Alice of its own. Messages are sent over REST and stored; every
subscriber is a websocket of this process, which does no more with a frame than it must.
"""

import asyncio
import base64
import math
import os
import re
import time
from dataclasses import dataclass, field, replace

import httpx
import orjson
import uvloop

from benchmarks.processes import cpu_seconds, pss_mib
from benchmarks.readings import Reading
from benchmarks.server import CannotMeasure, Server, new_server
from benchmarks.telling import tell

ROOM = "benchmark"
SUBSCRIBERS = 200
SECONDS = 10
TIMES = 3
IDLE = 1000
IDLE_MIB = 60
CPU_US = 30  # of the web process for each delivery, the sending included
P99_MS = {50: 60, 200: 250}  # by messages per second
PASSWORD = "correct-Horse-9-battery"  # noqa: S105  (of a user that is thrown away)
SENDERS = 16
DRAIN_SECONDS = 5.0
SENT_AT = re.compile(rb'"message":"([0-9.]+)"')
RAISED = {"WEB_WORKERS": "1", "SOCKETS_PER_USER": "1000000"}


class Subscriber(asyncio.Protocol):
    """A websocket that notes when which message came."""

    def __init__(self, request: bytes, deliveries: "Deliveries") -> None:
        self.request = request
        self.deliveries = deliveries
        self.rest = b""
        self.is_open = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        transport.write(self.request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        if self.is_open.done():
            self.hear(data)
            return
        self.rest += data
        if b"\r\n\r\n" in self.rest and b" 101 " not in self.rest[:20]:
            self.is_open.set_exception(ConnectionError(self.rest[:200].decode()))
        elif b'"error"' in self.rest:
            self.is_open.set_exception(ConnectionError(self.rest[-200:].decode(errors="replace")))
        elif b'"hello"' in self.rest:
            self.is_open.set_result(None)
            self.rest = b""

    def hear(self, data: bytes) -> None:
        """Note the messages in what came; the last one may be cut."""
        data = self.rest + data
        end = 0
        for found in SENT_AT.finditer(data):
            self.deliveries.note(float(found[1]))
            end = found.end()
        self.rest = data[end:]

    def connection_lost(self, error: Exception | None) -> None:
        self.deliveries.lost += 1
        if not self.is_open.done():
            self.is_open.set_exception(ConnectionError("closed before hello"))


@dataclass
class Deliveries:
    """When messages came; `latencies` in seconds since they were sent."""

    latencies: list[float] = field(default_factory=list)
    lost: int = 0

    def note(self, sent_at: float) -> None:
        self.latencies.append(time.monotonic() - sent_at)

    def percentile(self, share: float) -> float:
        """In milliseconds; infinite when nothing came."""
        ordered = sorted(self.latencies)
        at = math.ceil(share * len(ordered)) - 1
        return ordered[at] * 1000 if ordered else math.inf


@dataclass(frozen=True, kw_only=True)
class Load:
    subscribers: int
    per_second: int
    seconds: int


@dataclass(frozen=True, kw_only=True)
class Finding:
    load: Load
    sent: int
    deliveries: Deliveries
    lost: int
    web_cpu_seconds: float

    @property
    def came(self) -> int:
        return len(self.deliveries.latencies)

    @property
    def missed_per_cent(self) -> float:
        return 100 * (1 - self.came / (self.sent * self.load.subscribers))

    @property
    def cpu_us(self) -> float:
        return self.web_cpu_seconds / self.came * 1e6 if self.came else math.inf

    def text(self) -> str:
        """One line."""
        return (
            f"sockets  {self.load.subscribers} hear {self.load.per_second} msg/s: "
            f"{self.sent} stored, {self.came} delivered, {self.lost} sockets lost, "
            f"p50 {self.deliveries.percentile(0.5):.1f} ms, "
            f"p99 {self.deliveries.percentile(0.99):.1f} ms, "
            f"max {self.deliveries.percentile(1):.1f} ms, {self.cpu_us:.1f} us CPU each"
        )


class Bench:
    """One server, one user, one room."""

    def __init__(self, server: Server) -> None:
        self.server = server
        body = {"username": "bench", "email": "bench@example.com", "password": PASSWORD}
        url = f"http://127.0.0.1:{server.port}/api/auth/register"
        answer = httpx.post(url, json=body, timeout=30).raise_for_status()
        self.token = answer.json()["access_token"]

    def handshake(self, path: str) -> bytes:
        key = base64.b64encode(os.urandom(16)).decode()
        return (
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
            f"Authorization: Bearer {self.token}\r\n\r\n"
        ).encode()

    async def open(self, count: int, path: str, deliveries: Deliveries) -> list[Subscriber]:
        """So many sockets, each greeted."""
        loop = asyncio.get_running_loop()
        sockets = []
        for _ in range(count):
            _transport, socket = await loop.create_connection(
                lambda: Subscriber(self.handshake(path), deliveries), "127.0.0.1", self.server.port
            )
            await socket.is_open
            sockets.append(socket)
        return sockets

    async def send(self, turns: "asyncio.Queue[float | None]", sent: list[float]) -> None:
        """Send one message at each turn, over a connection of its own."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        loop = asyncio.get_running_loop()
        while (turn := await turns.get()) is not None:
            await asyncio.sleep(turn - loop.time())
            body = orjson.dumps({"room_id": ROOM, "message": repr(time.monotonic())})
            writer.write(
                b"POST /api/chat/send HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Type: application/json\r\nAuthorization: Bearer "
                + self.token.encode()
                + b"\r\nContent-Length: %d\r\n\r\n" % len(body)
                + body
            )
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            answer = await reader.readexactly(length)
            if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201")):
                raise ConnectionError(answer.decode())
            sent.append(turn)
        writer.close()

    async def fan_out(self, load: Load) -> Finding:
        """Send at a steady rate to a room of so many."""
        deliveries, sent = Deliveries(), list[float]()
        sockets = await self.open(load.subscribers, f"/ws/chat/{ROOM}", deliveries)
        turns: asyncio.Queue[float | None] = asyncio.Queue()
        cpu = cpu_seconds(self.server.groups()["web"])
        began = asyncio.get_running_loop().time()
        for number in range(load.per_second * load.seconds):
            turns.put_nowait(began + number / load.per_second)
        for _ in range(SENDERS):
            turns.put_nowait(None)
        async with asyncio.TaskGroup() as group:
            for _ in range(SENDERS):
                group.create_task(self.send(turns, sent))
        await self.drain(deliveries, len(sent) * load.subscribers)
        cpu = cpu_seconds(self.server.groups()["web"]) - cpu
        lost = deliveries.lost  # before we end the others
        for socket in sockets:
            socket.transport.close()
        return Finding(
            load=load, sent=len(sent), deliveries=deliveries, lost=lost, web_cpu_seconds=cpu
        )

    async def drain(self, deliveries: Deliveries, wanted: int) -> None:
        """Wait for what is on its way."""
        deadline = time.monotonic() + DRAIN_SECONDS
        while len(deliveries.latencies) < wanted and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    async def idle(self, count: int) -> float:
        """The MiB that so many sockets need which hear nothing."""
        web = self.server.groups()["web"]
        warm = await self.open(20, "/ws/events", Deliveries())
        before = pss_mib(web)
        sockets = await self.open(count, "/ws/events", Deliveries())
        grown = pss_mib(web) - before
        for socket in warm + sockets:
            socket.transport.close()
        return grown


async def measure(server: Server) -> list[Reading]:
    """The readings of each load, the lowest of three, after a warm-up."""
    bench = Bench(server)
    await bench.fan_out(Load(subscribers=1, per_second=50, seconds=3))
    readings = []
    for rate in P99_MS:
        load = Load(subscribers=SUBSCRIBERS, per_second=rate, seconds=SECONDS)
        findings = [await bench.fan_out(load) for _ in range(TIMES)]
        for finding in findings:
            tell(finding.text())
        readings += readings_of(findings)
    grown = await bench.idle(IDLE)
    return [*readings, Reading(f"{IDLE} idle sockets, MiB", grown, IDLE_MIB)]


def readings_of(findings: list[Finding]) -> list[Reading]:
    """The lowest of what was found of one load; nothing may have been missed in any."""
    load = findings[0].load
    title = f"{load.per_second} msg/s to {load.subscribers} sockets"
    missed = max(finding.missed_per_cent for finding in findings)
    p99 = min(finding.deliveries.percentile(0.99) for finding in findings)
    cpu_us = min(finding.cpu_us for finding in findings)
    return [
        Reading(f"{title}, not delivered, %", missed, 0),
        Reading(f"{title}, p99, ms", p99, P99_MS[load.per_second]),
        Reading(f"{title}, web CPU for each delivery, us", cpu_us, CPU_US),
    ]


def measure_sockets(server: Server) -> list[Reading]:
    """What a room of 200 and 1,000 idle sockets cost one web process, beside an idle `server`."""
    variant = replace(server.variant, environ={**server.variant.environ, **RAISED})
    with new_server(variant) as lone:
        lone.start()
        lone.settle()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            try:
                return runner.run(measure(lone))
            except (ConnectionError, httpx.HTTPError, ExceptionGroup) as error:
                raise CannotMeasure(repr(error)) from error
