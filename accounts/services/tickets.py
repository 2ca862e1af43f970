"""One-use tickets: how a browser, which cannot set headers on a websocket, signs in to one."""

import hashlib
import secrets
from dataclasses import dataclass
from typing import cast

from django.conf import settings

from alice.common.errors import Unavailable
from alice.common.redis_client import RedisDown, breaker, client


@dataclass(frozen=True, slots=True)
class TicketHolder:
    """Who it was issued to, and until when their access token is good (Unix time)."""

    user_id: int
    session_id: int
    ends_at: float


def issue_ticket(*, user_id: int, session_id: int, ends_at: float) -> str:
    """A random ticket good for one sign-in within 30 s. Raises `Unavailable` without Redis.

    What is opened by it ends with the access token that asked for it, at `ends_at` (Unix time).
    """
    ticket = secrets.token_urlsafe(32)
    value = f"{user_id}:{session_id}:{ends_at}"
    try:
        breaker.call(lambda: client().set(_key(ticket), value, ex=settings.TICKET_SECONDS))
    except RedisDown as error:
        raise Unavailable("Tickets cannot be issued at the moment.") from error
    return ticket


def redeem_ticket(*, ticket: str) -> TicketHolder | None:
    """Who a ticket was issued to, once; None for a used, expired or made-up one.

    The session may have ended since: whoever redeems asks the gate. Raises `Unavailable`.
    """
    try:
        value = breaker.call(lambda: client().getdel(_key(ticket)))
    except RedisDown as error:
        raise Unavailable("Tickets cannot be checked at the moment.") from error
    if value is None:
        return None
    user_id, session_id, ends_at = cast("bytes", value).split(b":")
    return TicketHolder(int(user_id), int(session_id), float(ends_at))


def _key(ticket: str) -> str:
    # Hashed: whoever can look into Redis sees no ticket that still works.
    return f"ticket:{hashlib.sha256(ticket.encode()).hexdigest()}"
