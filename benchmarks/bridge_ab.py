"""Compares the bridge with a2wsgi: CPU of the server process per request, under uvicorn.

    python benchmarks/bridge_ab.py [--rounds 4] [--seconds 2]

Both servers stay up and are measured in turn, so that a busy machine burdens both alike. The load
comes from `wrk` where it is on PATH, else from raw sockets in this process. a2wsgi is not among
the requirements: install it into an environment of your own to run this.
"""

import argparse
import asyncio
import importlib
import importlib.util
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import orjson
import psutil
import uvicorn

ROOT = Path(__file__).resolve().parent.parent
CONNECTIONS = 8
BODY = orjson.dumps({"title": "An item", "tags": ["one", "two"], "content": "x" * 900})
WRK_POST = f"""
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = [[{BODY.decode()}]]
"""


def wsgi_application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """Answer a GET with two bytes and a POST with the number of keys in its JSON body."""
    answer = b"ok"
    if environ["REQUEST_METHOD"] == "POST":
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        answer = b"%d" % len(orjson.loads(body))
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(answer)))]
    start_response("200 OK", headers)
    return [answer]


def serve(server: str, port: int) -> None:
    """Serve the application on loopback through `server`, "bridge" or "a2wsgi", for ever."""
    application: Any
    if server == "bridge":
        sys.path.insert(0, str(ROOT))
        from alice.bridge.application import WsgiBridge  # noqa: PLC0415
        from alice.bridge.bodies import BodyRule  # noqa: PLC0415

        application = WsgiBridge(wsgi_application, body_rule=lambda _environ: BodyRule(2**21))
    else:
        application = importlib.import_module("a2wsgi").WSGIMiddleware(wsgi_application, workers=4)
    # wrk leaves in the middle of requests; a2wsgi runs those without their body and would log it.
    uvicorn.run(
        application,
        port=port,
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="critical",
    )


@dataclass
class Server:
    name: str
    port: int
    process: psutil.Popen

    def cpu_seconds(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)


@contextmanager
def running(name: str) -> Iterator[Server]:
    """A server process that accepts connections, ended on exit."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = psutil.Popen([sys.executable, __file__, "--serve", name, "--port", str(port)])
    try:
        while process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield Server(name, port, process)
    finally:
        process.terminate()
        process.wait()


def load_by_wrk(port: int, seconds: float, script: Path | None) -> int:
    """Put `CONNECTIONS` at work for `seconds`; the number of requests answered."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s"]
    command += ["-s", str(script)] if script else []
    command.append(f"http://127.0.0.1:{port}/api/items/1?a=b")
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603
    if "Non-2xx" in output or not (found := re.search(r"(\d+) requests in", output)):
        raise SystemExit(output)
    return int(found[1])


def load_by_sockets(port: int, seconds: float, script: Path | None) -> int:
    """As `load_by_wrk`, without wrk: a POST if there is a script."""
    head = f"{'POST' if script else 'GET'} /api/items/1?a=b HTTP/1.1\r\nHost: localhost\r\n"
    length = f"Content-Length: {len(BODY)}\r\n" if script else ""
    request = f"{head}{length}\r\n".encode() + (BODY if script else b"")

    async def client(deadline: float) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        answered = 0
        while time.monotonic() < deadline:
            writer.write(request)
            answer = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(re.findall(rb"content-length: (\d+)", answer)[0]))
            answered += 1
        writer.close()
        return answered

    async def clients() -> int:
        deadline = time.monotonic() + seconds
        return sum(await asyncio.gather(*(client(deadline) for _ in range(CONNECTIONS))))

    return asyncio.run(clients())


def measure(
    servers: list[Server], rounds: int, seconds: float, script: Path | None
) -> list[float]:
    """The median CPU time in ms per request of each server, loaded one after the other."""
    load: Callable[[int, float, Path | None], int]
    load = load_by_wrk if shutil.which("wrk") else load_by_sockets
    samples: dict[str, list[float]] = {server.name: [] for server in servers}
    for _ in range(rounds):
        for server in servers:
            before = server.cpu_seconds()
            answered = load(server.port, seconds, script)
            samples[server.name].append((server.cpu_seconds() - before) * 1000 / answered)
    return [statistics.median(samples[server.name]) for server in servers]


def main() -> None:
    """Run the comparison, or with `--serve` be one of its servers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--serve", choices=["bridge", "a2wsgi"], help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.port)
    if not importlib.util.find_spec("a2wsgi"):
        raise SystemExit("a2wsgi is missing here: pip install a2wsgi in a throw-away environment.")
    with (
        tempfile.NamedTemporaryFile("w", suffix=".lua") as script,
        running("bridge") as bridge,
        running("a2wsgi") as a2wsgi,
    ):
        script.write(WRK_POST)
        script.flush()
        print(f"{'CPU ms per request':<22}{'bridge':>8}{'a2wsgi':>8}{'ratio':>7}")
        for label, path in [("GET, 2 bytes", None), ("POST, 1 KB of JSON", Path(script.name))]:
            ours, theirs = measure([bridge, a2wsgi], options.rounds, options.seconds, path)
            print(f"{label:<22}{ours:>8.3f}{theirs:>8.3f}{ours / theirs:>7.2f}")


if __name__ == "__main__":
    main()
