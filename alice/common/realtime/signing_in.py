"""Who may open a socket, and from which page."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qs

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from alice.bridge.messages import Refusal, Scope
from alice.common.errors import DomainError
from alice.common.peers import peer_behind


class Identity(Protocol):
    """Whose session it is, and until when the access token is good (Unix time).

    A socket outlives neither of the two.
    """

    @property
    def user_id(self) -> int: ...
    @property
    def session_id(self) -> int: ...
    @property
    def ends_at(self) -> float: ...


ByToken = Callable[[str], Identity]


class ByTicket(Protocol):
    """A callable that redeems a ticket; None for a used, expired or made-up one."""

    def __call__(self, *, ticket: str) -> Identity | None: ...


_by_token: list[ByToken] = []
_by_ticket: list[ByTicket] = []


class TicketInvalid(DomainError):
    code = "ticket_invalid"
    status = 401
    detail = "The ticket was used before, or is over. Ask for a new one."


class TokenInUrl(DomainError):
    code = "token_in_url"
    status = 401
    detail = "A token in a URL ends up in logs. Send a header, a ticket or an auth frame."


class NotSignedIn(DomainError):
    code = "not_authenticated"
    status = 401
    detail = 'Sign in first: send {"type": "auth", "token": "<access_token>"}.'


@dataclass(frozen=True, slots=True)
class Credential:
    """What a client showed: an access token or a ticket."""

    token: str = ""
    ticket: str = ""

    def identify(self) -> Identity:
        """Whose it is. Raises `DomainError`s of status 401, or 503 when that cannot be told.

        The session may have ended: whoever asks this asks the gate too.
        """
        if self.token:
            return _by_token[0](self.token)
        identity = _by_ticket[0](ticket=self.ticket)
        if identity is None:
            raise TicketInvalid
        return identity


def register_identities(*, by_token: ByToken, by_ticket: ByTicket) -> None:
    """Have tokens and tickets read by these; both raise `DomainError` for what they refuse."""
    _by_token[:], _by_ticket[:] = [by_token], [by_ticket]


def headers_of(scope: Scope) -> dict[str, str]:
    """The headers by their names in lower case."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def peer_of_socket(scope: Scope) -> str:
    """The client's address, as `peers.peer_of` finds it."""
    socket_peer = scope["client"][0] if scope.get("client") else ""
    return peer_behind(socket_peer, headers_of(scope).get("x-forwarded-for", ""))


def credential_of(scope: Scope) -> Credential | None:
    """What the handshake shows, None if a first frame is to come. Raises `TokenInUrl`."""
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    if "token" in query or "access_token" in query:
        raise TokenInUrl
    scheme, _, token = headers_of(scope).get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return Credential(token=token.strip() or "-")
    if "ticket" in query:
        return Credential(ticket=query["ticket"][0] or "-")
    return None


def refusal_of(scope: Scope) -> Refusal | None:
    """Why a handshake is refused for its Host or its Origin, if it is.

    Only browsers send an Origin, and theirs must be a page of ours or of CORS_ALLOWED_ORIGINS.
    None at all is no browser: it has no credentials but those it shows.
    """
    headers = headers_of(scope)
    host = headers.get("host", "").lower()
    if not validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS):
        return Refusal(400, "invalid", "The request is not valid.")
    origin = headers.get("origin")
    if origin is None or origin.rstrip("/").lower() in _own_origins(scope, headers, host):
        return None
    return Refusal(403, "origin_refused", "This page may not open sockets here.")


def _own_origins(scope: Scope, headers: dict[str, str], host: str) -> list[str]:
    is_secure = scope["scheme"] in ("wss", "https")
    if settings.TRUSTED_PROXIES:
        is_secure = is_secure or headers.get("x-forwarded-proto") == "https"
    own = f"{'https' if is_secure else 'http'}://{host}"
    return [own, settings.PUBLIC_URL.lower(), *map(str.lower, settings.CORS_ALLOWED_ORIGINS)]
