"""All outgoing HTTP: to public addresses only, and never longer or larger than asked for.

Whoever gives a URL could otherwise have this server call its own neighbours. The host is resolved
once, every address it has must be public, and the connection goes to a checked address itself, so
that no second answer of the name server counts. Redirects are not followed and proxies of the
environment not used. Addresses in OUTBOUND_ALLOWED_NETWORKS are the operator's to allow.
"""

import re
import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlsplit

import orjson
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from alice.common.errors import DomainError

if TYPE_CHECKING:
    import httpcore

DEADLINE_SECONDS = 10.0
CONNECT_SECONDS = 3.0
MAX_BYTES = 4 * 1024 * 1024
URL_MAX = 4096
ADDRESSES_TRIED = 4
RESOLVER_THREADS = 8

DEFAULT_PORTS = {"http": 80, "https": 443}
NEVER_IN_A_URL = re.compile(r"[\x00-\x20\x7f\\]")
HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?|[0-9a-f:.]*:[0-9a-f:.]*")
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
OWN_HEADERS = {"host", "connection", "content-length", "transfer-encoding", "accept-encoding"}

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Found = tuple[socket.AddressFamily, Any]

GLOBAL_UNICAST = ip_network("2000::/3")
NAT64 = ip_network("64:ff9b::/96")
# Beyond what `ipaddress` calls private: shared (RFC 6598), protocol assignments, 6to4 and Teredo,
# which carry an IPv4 address inside, and documentation.
REFUSED_NETWORKS = [
    ip_network(network)
    for network in [
        *("100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24"),
        *("2001::/23", "2002::/16", "3fff::/20"),
    ]
]


class OutboundError(DomainError):
    """Base of the three ways in which an outgoing request fails."""


class OutboundRefused(OutboundError):
    """The URL or a header is not one that may be sent; which address it leads to is not told."""

    code = "outbound_refused"
    status = 400
    detail = "Give an http or https URL of a public host, without a user name."


class OutboundUnavailable(OutboundError):
    """The other side cannot be reached, or answers what cannot be used."""

    code = "upstream_unavailable"
    status = 502
    detail = "The other service does not answer as it should."


class OutboundTimeout(OutboundError):
    code = "upstream_timeout"
    status = 504
    detail = "The other service takes too long to answer."


@dataclass(frozen=True, slots=True)
class OutboundResponse:
    """What the other side answered, a redirect or an error too; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body's value. Raises `OutboundUnavailable` when it is not JSON."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise OutboundUnavailable from error


def fetch(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: object = None,
    deadline_seconds: float = DEADLINE_SECONDS,
    max_bytes: int = MAX_BYTES,
) -> OutboundResponse:
    """Send one request over a connection of its own; `body` is bytes, or sent as JSON.

    The deadline covers all of it, from the name server to the last byte. Raises `OutboundRefused`,
    `OutboundTimeout`, and `OutboundUnavailable`, also for an answer above `max_bytes`.
    """
    import httpcore  # noqa: PLC0415 - 12 MB that an idle web process does without

    target = _Target.of(url)
    given = dict(headers or {})
    if body is not None and not isinstance(body, bytes):
        body = orjson.dumps(body)
        given = {"Content-Type": "application/json"} | given
    connection = httpcore.HTTPConnection(
        httpcore.Origin(target.scheme.encode(), target.host.encode(), target.port),
        ssl_context=_ssl_context() if target.scheme == "https" else None,
        network_backend=cast("httpcore.NetworkBackend", _Backend(_Deadline(deadline_seconds))),
    )
    request = httpcore.Request(
        method,
        httpcore.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path),
        headers=_wire_headers(given, target, body),
        content=body,
    )
    try:
        with connection:
            return _read(connection.handle_request(request), max_bytes)
    except TimeoutError as error:
        raise OutboundTimeout from error
    except (OSError, httpcore.ProtocolError, httpcore.NetworkError) as error:
        raise OutboundUnavailable from error


def _read(response: "httpcore.Response", max_bytes: int) -> OutboundResponse:
    headers: dict[str, str] = {}
    for raw_name, raw_value in response.headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    body = bytearray()
    for block in cast("Iterable[bytes]", response.stream):
        body += block
        if len(body) > max_bytes:
            raise OutboundUnavailable("The other service's answer is larger than allowed.")
    # Asked for as it is, so that a small answer cannot unfold into a huge one.
    if body and headers.get("content-encoding", "identity") != "identity":
        raise OutboundUnavailable("The other service's answer is compressed.")
    return OutboundResponse(response.status, headers, bytes(body))


@dataclass(frozen=True, slots=True)
class _Target:
    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def of(cls, url: str) -> "_Target":
        if len(url) > URL_MAX or NEVER_IN_A_URL.search(url):
            raise OutboundRefused
        try:
            parts = urlsplit(url)
            host = parts.hostname or ""
            host = host if host.isascii() else host.encode("idna").decode()
            port = parts.port
        except ValueError as error:
            raise OutboundRefused from error
        is_http = parts.scheme in DEFAULT_PORTS
        if not is_http or "@" in parts.netloc or not HOST.fullmatch(host) or len(host) > 253:
            raise OutboundRefused
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        port = DEFAULT_PORTS[parts.scheme] if port is None else port
        return cls(parts.scheme, host, port, quote(path, safe="%/?:@!$&'()*+,;=~[]"))

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def _wire_headers(
    headers: Mapping[str, str], target: _Target, body: bytes | None
) -> list[tuple[bytes, bytes]]:
    given = {name.lower(): value for name, value in headers.items()}
    for name, value in given.items():
        if not HEADER_NAME.fullmatch(name) or not HEADER_VALUE.fullmatch(value):
            raise OutboundRefused("A header holds a character that cannot be sent.")
    base = {"user-agent": f"Alice/{settings.VERSION}", "accept": "*/*"}
    sent = base | {name: value for name, value in given.items() if name not in OWN_HEADERS}
    sent |= {"host": target.authority, "connection": "close", "accept-encoding": "identity"}
    if body is not None:
        sent["content-length"] = str(len(body))
    return [(name.encode(), value.encode("latin-1")) for name, value in sent.items()]


@cache
def _ssl_context() -> ssl.SSLContext:
    """The public authorities, and those of the machine or of SSL_CERT_FILE."""
    import certifi  # noqa: PLC0415 - together with httpcore

    context = ssl.create_default_context(cafile=certifi.where())
    context.load_default_certs()
    return context


class _Deadline:
    def __init__(self, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds

    def left(self) -> float:
        """The seconds left; raises `TimeoutError` when there are none."""
        seconds = self._ends_at - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds


class _Backend:
    """httpcore's way to the network (its `NetworkBackend`): checked addresses and one deadline."""

    def __init__(self, deadline: _Deadline) -> None:
        self._deadline = deadline

    def connect_tcp(self, host: str, port: int, *_: object, **__: object) -> "_Stream":
        found = _checked_addresses(host, port, self._deadline)
        fault: OSError = OSError("The name has no address.")
        for family, address in found[:ADDRESSES_TRIED]:
            connection = socket.socket(family, socket.SOCK_STREAM)
            try:
                connection.settimeout(min(CONNECT_SECONDS, self._deadline.left()))
                connection.connect(address)
            except OSError as error:
                connection.close()
                fault = error
            else:
                return _Stream(connection, self._deadline)
        raise fault


class _Stream:
    """httpcore's `NetworkStream` over one socket, whose every step ends with the deadline."""

    def __init__(self, connection: socket.socket, deadline: _Deadline) -> None:
        self._socket = connection
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._socket.settimeout(self._deadline.left())
        return self._socket.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        rest = memoryview(buffer)
        while rest:
            self._socket.settimeout(self._deadline.left())
            rest = rest[self._socket.send(rest) :]

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> "_Stream":
        self._socket.settimeout(self._deadline.left())
        # On failure it has taken the socket over and closed it.
        secured = ssl_context.wrap_socket(self._socket, server_hostname=server_hostname)
        return _Stream(secured, self._deadline)

    def close(self) -> None:
        self._socket.close()

    def get_extra_info(self, info: str) -> None:
        return None


@cache
def _resolvers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(RESOLVER_THREADS, thread_name_prefix="resolver")


def _checked_addresses(host: str, port: int, deadline: _Deadline) -> list[Found]:
    # In a thread that can be left behind: the system's resolver knows no deadline.
    asked = _resolvers().submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    try:
        found = asked.result(timeout=deadline.left())
    except socket.gaierror as error:
        raise OutboundUnavailable("The host of this URL cannot be found.") from error
    finally:
        asked.cancel()
    for *_, address in found:
        numeric = ip_address(str(address[0]).partition("%")[0])
        if not _is_public(numeric) and not _is_allowed(numeric, port):
            raise OutboundRefused
    return [(family, address) for family, *_, address in found]


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped
        if address in NAT64:
            inner = IPv4Address(address.packed[-4:])
        if inner is not None:
            return _is_public(inner)
        if address not in GLOBAL_UNICAST:
            return False
    is_refused = any(address in network for network in REFUSED_NETWORKS)
    return address.is_global and not address.is_multicast and not is_refused


def _is_allowed(address: Address, port: int) -> bool:
    allowed = _allow_list(tuple(settings.OUTBOUND_ALLOWED_NETWORKS))
    return any(address in network and only in {None, port} for network, only in allowed)


@lru_cache(maxsize=8)
def _allow_list(entries: tuple[str, ...]) -> list[tuple[Network, int | None]]:
    """`10.0.0.0/8` for every port, `127.0.0.1:8123` or `[::1]:8123` for one."""
    allowed: list[tuple[Network, int | None]] = []
    for entry in entries:
        has_port = entry.count(":") == 1 or "]:" in entry
        network, _, port = entry.rpartition(":") if has_port else (entry, "", "")
        try:
            allowed.append((ip_network(network.strip("[]")), int(port) if port else None))
        except ValueError as error:
            raise ImproperlyConfigured(
                f"OUTBOUND_ALLOWED_NETWORKS must list addresses or networks, not {entry!r}."
            ) from error
    return allowed
