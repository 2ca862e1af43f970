"""The sockets of a run: private ones for the embedded servers, public ones for the web."""

import errno
import os
import socket
import stat
from pathlib import Path
from typing import Any

from alice.runtime.config import DataDirectory
from alice.runtime.errors import CannotRun
from alice.runtime.users import SystemUser

# sun_path holds 108 bytes on Linux and 104 on macOS; the longest name below is ".s.PGSQL.5432".
LONGEST_DIRECTORY = 103 - len("/.s.PGSQL.5432")
BACKLOG = 2048


def socket_directory(data: DataDirectory, user: SystemUser | None) -> Path:
    """A short private directory for the Unix sockets of `data`, owned by `user` or by us.

    Raises `CannotRun` if somebody else already made something of that name.
    """
    place = data.root.stat()
    # Device and inode name a directory for sure, however it is reached, and are short.
    name = f"alice-{os.getuid()}-{place.st_dev:x}-{place.st_ino:x}"
    directory = temporary_directory(len(name)) / name
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        check_private(directory, owners={os.getuid()} if user is None else {0, user.uid})
    except OSError as error:
        raise CannotRun(f"Cannot make the socket directory {directory}: {error}.") from error
    if user is not None:
        os.chown(directory, user.uid, user.gid)
    return directory


def temporary_directory(name_length: int) -> Path:
    wanted = Path(os.environ.get("TMPDIR") or "/tmp").resolve()  # noqa: S108  (checked below)
    fits = wanted.is_dir() and len(str(wanted)) + 1 + name_length <= LONGEST_DIRECTORY
    return wanted if fits else Path("/tmp").resolve()  # noqa: S108


def check_private(directory: Path, *, owners: set[int]) -> None:
    """Refuse a directory that anybody but its rightful owner could have put there."""
    status = directory.lstat()
    if (
        not stat.S_ISDIR(status.st_mode)
        or status.st_uid not in owners
        or stat.S_IMODE(status.st_mode) & 0o077
    ):
        raise CannotRun(
            f"{directory} is in the way: it is not a private directory (0700) of this user. "
            "Remove it, or point TMPDIR elsewhere."
        )


def bind_listeners(host: str, port: int) -> list[socket.socket]:
    """Listen on every address of `host`; port 0 takes a free one, the same for all.

    Connections queue from now on, so the port stays open whichever web process serves it.
    Raises `CannotRun` if the port is taken or the host is not one of ours.
    """
    listeners: list[socket.socket] = []
    absent: OSError | None = None
    try:
        for family, address in addresses(host, port):
            chosen_port = listeners[0].getsockname()[1] if listeners else port
            try:
                listeners.append(bind(family, (address[0], chosen_port, *address[2:])))
            except OSError as error:
                # "localhost" often names ::1 on a machine that has no IPv6.
                if error.errno != errno.EADDRNOTAVAIL:
                    raise
                absent = error
        if absent and not listeners:
            raise absent
    except OSError as error:
        close_all(listeners)
        raise CannotRun(describe_refusal(error, host, port)) from error
    return listeners


def addresses(host: str, port: int) -> list[tuple[int, tuple[Any, ...]]]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys((int(family), address) for family, _, _, _, address in found))


def bind(family: int, address: tuple[Any, ...]) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # Else "::" would claim the IPv4 port too, and clash with a listener of our own.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def close_all(listeners: list[socket.socket]) -> None:
    for listener in listeners:
        listener.close()


def describe_refusal(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is taken. Set PORT to another one, or stop what uses it."
    if error.errno == errno.EACCES:
        return f"Port {port} on {host} needs more rights than this user has. Set PORT above 1023."
    return f"Cannot listen on {host} port {port}: {error}."


def base_url(listeners: list[socket.socket]) -> str:
    """The address to show: the loopback one where the listener takes every address."""
    host, port = listeners[0].getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  (only compared)
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"
