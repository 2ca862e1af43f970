"""One web process: uvicorn on sockets it was handed, under orders of the supervisor.

`python -m alice.runtime.web --fd N [--fd N ...]`
"""

import argparse
import asyncio
import contextlib
import gc
import os
import resource
import signal
import socket
import sys
from types import FrameType

from uvicorn import Config, Server

from alice.runtime.child import CONTROL_VARIABLE, GO, READY
from alice.runtime.http_protocol import BoundedHttpProtocol
from alice.runtime.sockets import BACKLOG
from alice.runtime.websocket_protocol import BoundedWebSocketProtocol

APPLICATION = "alice.asgi:application"
# A proxy in front must give up an idle connection sooner, or it may use one just closed.
KEEP_ALIVE_SECONDS = 75
GRACE_SECONDS = 10
LAST_RESORT_SECONDS = GRACE_SECONDS + 4
WANTED_DESCRIPTORS = 65536


class SupervisedServer(Server):
    """Tells the supervisor once it serves, and ends in bounded time once it was told to."""

    control: socket.socket | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.control is not None:
            self.control.sendall(READY)
            # Nothing more is ever sent, so readable means that the supervisor is gone.
            asyncio.get_running_loop().add_reader(self.control, self.leave, self.control)

    def leave(self, control: socket.socket) -> None:
        asyncio.get_running_loop().remove_reader(control)
        self.handle_exit(signal.SIGTERM, None)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # A request stuck in a thread would hold the process for ever once the supervisor is gone.
        signal.alarm(LAST_RESORT_SECONDS)
        super().handle_exit(sig, frame)


def web_config() -> Config:
    """uvicorn as Alice runs it; websocket sizes are in bytes, times in seconds."""
    return Config(
        APPLICATION,
        loop="uvloop",
        http=BoundedHttpProtocol,
        ws=BoundedWebSocketProtocol,
        ws_max_size=65536,
        ws_per_message_deflate=False,
        ws_ping_interval=25,
        ws_ping_timeout=20,
        lifespan="off",
        interface="asgi3",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def open_control() -> socket.socket | None:
    descriptor = os.environ.pop(CONTROL_VARIABLE, "")
    return socket.socket(fileno=int(descriptor)) if descriptor else None


def raise_descriptor_limit() -> None:
    """One websocket is one descriptor: take what the system allows, which defaults to far less."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = (
        WANTED_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(WANTED_DESCRIPTORS, hard)
    )
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def main() -> None:
    """Load the application, wait for leave to serve, and serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m alice.runtime.web")
    parser.add_argument("--fd", type=int, action="append", required=True)
    descriptors = parser.parse_args().fd
    control = open_control()
    raise_descriptor_limit()

    server = SupervisedServer(web_config())
    server.control = control
    server.config.load()
    # What is loaded stays for good: collections need not look at it again.
    gc.collect()
    gc.freeze()
    if control is not None and control.recv(1) != GO:
        sys.exit("The supervisor is gone.")

    # uvicorn raises the signal anew after its shutdown; by default that would end the process
    # before what is registered with atexit has run.
    signal.signal(signal.SIGTERM, lambda _number, _frame: None)
    server.run(sockets=[socket.socket(fileno=descriptor) for descriptor in descriptors])


if __name__ == "__main__":
    main()
