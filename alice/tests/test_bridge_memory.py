"""Large bodies and slow readers leave the server's memory and threads as they were."""

import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from alice.bridge.bodies import BodyRule
from alice.tests.bridge_kit import MIB, Loopback, answer, make_bridge, request_bytes, wait_until

ROOT = Path(__file__).parents[2]
SIZE = 100 * MIB
ALLOWED_GROWTH = 16 * MIB
SLOW_READERS, SLOW_SIZE = 50, 50 * MIB
# What the server may hold of each slow reader: one block being sent and the next one.
SLOW_READER_HOLDS = MIB
CHUNKED, KNOWN = "Transfer-Encoding: chunked", f"Content-Length: {SIZE}"


class FileBlocks:
    """A response that streams a file."""

    def __init__(self, path):
        self.file = path.open("rb")
        self.close = self.file.close

    def __iter__(self):
        return iter(lambda: self.file.read(256 * 1024), b"")


def application_on(directory):
    """Takes bodies in pieces, as Django's parsers do, and streams files of `directory`."""

    def application(environ, start_response):
        body, path = environ["wsgi.input"], directory / environ["PATH_INFO"][1:]
        taken = sum(len(part) for part in iter(lambda: body.read(65536), b""))
        length = str(path.stat().st_size)
        start_response("200 OK", [("Content-Length", length), ("X-Taken", str(taken))])
        return FileBlocks(path)

    return application


def serve_until_told(directory):
    """The server process: says its port, then serves until its standard input ends."""
    loopback = Loopback()
    loopback.bridge = make_bridge(
        application_on(directory),
        body_rule=lambda environ: BodyRule(SIZE),
        spool_directory=directory,
        threads=4,
    )
    sys.stdout.write(f"{loopback.port}\n")
    sys.stdout.flush()
    sys.stdin.read()
    loopback.stop()
    loopback.bridge.shutdown()


@pytest.fixture
def server(tmp_path):
    for name, size in [("large", SIZE), ("slow", SLOW_SIZE), ("small", 4)]:
        with (tmp_path / name).open("wb") as file:
            file.truncate(size)
    command = [sys.executable, "-m", __name__, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, **pipes) as process:  # noqa: S603
        process.port = int(process.stdout.readline())
        exchange(process.port, "small", CHUNKED, [b"0\r\n\r\n"])
        yield process
        process.stdin.close()


def most_memory_held(process):
    """The most the process ever held, in bytes; psutil tells only what it holds now."""
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    raise LookupError("VmHWM")


def exchange(port, name, framing, pieces):
    """Send `pieces` as a body; how many bytes the server took of it and how many it gave."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(request_bytes("POST", f"/{name}", framing))
        for piece in pieces:
            connection.sendall(piece)
        response = answer(connection)
        given = sum(len(part) for part in iter(lambda: response.read(MIB), b""))
        return int(response.headers["X-Taken"]), given


@pytest.mark.parametrize(
    ("framing", "pieces"),
    [
        (KNOWN, [bytes(MIB)] * (SIZE // MIB)),
        (CHUNKED, [b"%x\r\n%s\r\n" % (MIB, bytes(MIB))] * (SIZE // MIB) + [b"0\r\n\r\n"]),
    ],
    ids=["known length", "chunked"],
)
def test_a_large_body_up_and_down_needs_little_memory(server, framing, pieces):
    before = psutil.Process(server.pid).memory_info().rss

    taken, given = exchange(server.port, "large", framing, pieces)

    assert (taken, given) == (SIZE, SIZE)
    assert most_memory_held(server) - before < ALLOWED_GROWTH


def test_many_slow_readers_hold_no_thread_and_little_memory(server):
    before = psutil.Process(server.pid).memory_info().rss
    with ExitStack() as stack:
        for _ in range(SLOW_READERS):
            connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
            stack.enter_context(connection)
            connection.sendall(request_bytes("GET", "/slow"))
            assert answer(connection).status == 200

        served = [exchange(server.port, "small", CHUNKED, [b"0\r\n\r\n"]) for _ in range(20)]
        growth = most_memory_held(server) - before
        assert open_files(server).count("slow") == SLOW_READERS
    assert served == [(0, 4)] * 20
    assert growth < SLOW_READERS * SLOW_READER_HOLDS
    wait_until(lambda: "slow" not in open_files(server))


def open_files(process):
    return [Path(file.path).name for file in psutil.Process(process.pid).open_files()]


if __name__ == "__main__":
    serve_until_told(Path(sys.argv[1]))
