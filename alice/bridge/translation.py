"""ASGI's scope as PEP 3333's environ, and WSGI's status and headers as bytes."""

import re
import sys
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_to_bytes

from alice.bridge.messages import Headers, Scope

HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"te"}
    | {b"trailer", b"transfer-encoding", b"upgrade"}
)
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
FORBIDDEN_IN_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def build_environ(scope: Scope) -> dict[str, Any]:
    """The WSGI environ (PEP 3333) of an ASGI "http" scope, without `wsgi.input`.

    Text is the latin-1 reading of the bytes sent, which Django turns back into UTF-8. Headers
    with an underscore are dropped, since they could pose as the ones with a hyphen.
    """
    root = scope.get("root_path", "").encode().decode("latin-1")
    host, port = scope.get("server") or ("localhost", None)
    peer, peer_port = scope.get("client") or ("", "")
    environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": root,
        "PATH_INFO": _path(scope).removeprefix(root),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port or (443 if scope["scheme"] == "https" else 80)),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": peer,
        "REMOTE_PORT": str(peer_port),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        if b"_" not in name:
            _add_header(environ, name, value.decode("latin-1"))
    return environ


def _add_header(environ: dict[str, Any], name: bytes, value: str) -> None:
    key = name.decode("latin-1").upper().replace("-", "_")
    if key not in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
        key = "HTTP_" + key
    if key in environ:
        separator = "; " if key == "HTTP_COOKIE" else ","
        value = f"{environ[key]}{separator}{value}"
    environ[key] = value


def _path(scope: Scope) -> str:
    # `path` has lost what was not UTF-8; servers need not offer the raw one.
    raw: bytes | None = scope.get("raw_path")
    if raw is None:
        return str(scope["path"]).encode().decode("latin-1")
    return (unquote_to_bytes(raw) if b"%" in raw else raw).decode("latin-1")


def wire_headers(headers: list[tuple[str, str]]) -> tuple[Headers, int | None]:
    """The application's headers as bytes, and the Content-Length among them.

    Hop-by-hop headers are the server's and left out. Raises `ValueError` for a name, value or
    length that must not be sent, such as one with a line break (RFC 9110 5.5).
    """
    text = "".join([value for _, value in headers])
    if not text.isprintable() and FORBIDDEN_IN_VALUE.search(text):
        raise ValueError("A response header has a control character.")
    wire = [(_wire_name(name), value.encode("latin-1")) for name, value in headers]
    lengths = [value for name, value in wire if name == b"content-length"]
    if not lengths:
        return [pair for pair in wire if pair[0] not in HOP_BY_HOP], None
    if len(lengths) > 1 or not lengths[0].isdigit():
        raise ValueError("The response has no clear Content-Length.")
    return [pair for pair in wire if pair[0] not in HOP_BY_HOP], int(lengths[0])


@lru_cache(maxsize=256)
def _wire_name(name: str) -> bytes:
    if not HEADER_NAME.fullmatch(name):
        raise ValueError("A response header has a name that cannot be sent.")
    return name.lower().encode()


def status_code(status: str) -> int:
    code, _, _ = status.partition(" ")
    if not (len(code) == 3 and code.isascii() and code.isdecimal() and "200" <= code <= "599"):
        raise ValueError(f"{status!r} is not a final HTTP status.")
    return int(code)
