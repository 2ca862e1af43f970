"""A hundred megabytes either way leave the server's memory as it was."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from alice.tests.bridge_kit import MIB, Loopback, answer, make_bridge, request_bytes

ROOT = Path(__file__).parents[2]
SIZE = 100 * MIB
ALLOWED_GROWTH = 24 * MIB


class Blocks:
    def __iter__(self):
        return (bytes(256 * 1024) for _ in range(SIZE // (256 * 1024)))


def take_and_give(environ, start_response):
    """Read the body in pieces as Django's parsers do, then stream as much back."""
    body = environ["wsgi.input"]
    taken = sum(len(part) for part in iter(lambda: body.read(65536), b""))
    start_response("200 OK", [("Content-Length", str(SIZE)), ("X-Taken", str(taken))])
    return Blocks()


def serve_until_told(spool_directory):
    """The server process: says its port, then serves until its standard input ends."""
    loopback = Loopback()
    loopback.bridge = make_bridge(
        take_and_give, body_limit=lambda path, headers: SIZE, spool_directory=spool_directory
    )
    sys.stdout.write(f"{loopback.port}\n")
    sys.stdout.flush()
    sys.stdin.read()
    loopback.stop()
    loopback.bridge.shutdown()


@pytest.fixture
def server(tmp_path):
    command = [sys.executable, "-m", __name__, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, **pipes) as process:  # noqa: S603
        yield process
        process.stdin.close()


def memory(process, kind):
    """`VmRSS`, what the process holds now, or `VmHWM`, the most it ever held; in bytes."""
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith(kind):
            return int(line.split()[1]) * 1024
    raise LookupError(kind)


def upload_and_download(port):
    """Send `SIZE` bytes in a chunked body; how many the server took and how many it gave."""
    block = b"%x\r\n%s\r\n" % (MIB, bytes(MIB))
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(request_bytes("POST", "/", "Transfer-Encoding: chunked"))
        for _ in range(SIZE // MIB):
            connection.sendall(block)
        connection.sendall(b"0\r\n\r\n")
        response = answer(connection)
        given = sum(len(part) for part in iter(lambda: response.read(MIB), b""))
        return int(response.headers["X-Taken"]), given


def test_a_large_body_up_and_down_needs_little_memory(server):
    port = int(server.stdout.readline())
    before = memory(server, "VmRSS")

    taken, given = upload_and_download(port)

    assert (taken, given) == (SIZE, SIZE)
    assert memory(server, "VmHWM") - before < ALLOWED_GROWTH


if __name__ == "__main__":
    serve_until_told(Path(sys.argv[1]))
