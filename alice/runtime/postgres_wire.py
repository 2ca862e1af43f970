"""Just enough of PostgreSQL's protocol to ask a local server whether it serves.

Message formats: https://www.postgresql.org/docs/18/protocol-message-formats.html
"""

import contextlib
import socket
import struct
from pathlib import Path

PROTOCOL_3_0 = 3 << 16
UNREACHABLE = "unreachable"


def ask(socket_path: Path, *, user: str, database: str, statement: str = "") -> str:
    """Open a session and run `statement` in it, if any.

    Returns "" when all went well, the SQLSTATE if the server refused, or "unreachable". Knows
    only `trust` authentication. Waits at most 5 seconds for each piece of an answer.
    """
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(5)
            link.connect(str(socket_path))
            link.sendall(startup_message(user, database))
            refusal = read_until_idle(link)
            if statement and not refusal:
                link.sendall(message(b"Q", statement.encode() + b"\0"))
                refusal = read_until_idle(link)
            with contextlib.suppress(OSError):
                link.sendall(message(b"X", b""))
            return refusal
    except (OSError, EOFError):
        return UNREACHABLE


def startup_message(user: str, database: str) -> bytes:
    words = b"".join(word.encode() + b"\0" for word in ("user", user, "database", database, ""))
    return struct.pack("!II", len(words) + 8, PROTOCOL_3_0) + words


def message(kind: bytes, payload: bytes) -> bytes:
    return kind + struct.pack("!I", len(payload) + 4) + payload


def read_until_idle(link: socket.socket) -> str:
    """Read messages until the server waits for a command; return the SQLSTATE of an error."""
    refusal = ""
    while True:
        kind = read_exactly(link, 1)
        (length,) = struct.unpack("!I", read_exactly(link, 4))
        payload = read_exactly(link, length - 4)
        if kind == b"E":
            fields = payload.split(b"\0")
            refusal = next(field[1:].decode() for field in fields if field.startswith(b"C"))
            severity = next(field[1:] for field in fields if field.startswith(b"V"))
            if severity in {b"FATAL", b"PANIC"}:
                return refusal
        elif kind == b"Z":
            return refusal


def read_exactly(link: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        piece = link.recv(size - len(received))
        if not piece:
            raise EOFError
        received += piece
    return received
