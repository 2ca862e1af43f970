"""What is known about the request in hand, for logs, errors and audit rows."""

import random
import re
from contextvars import ContextVar
from dataclasses import dataclass

WELL_FORMED_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")


@dataclass(slots=True)
class RequestContext:
    request_id: str
    peer: str = ""
    user_id: int | None = None
    admitted: tuple[int, str] | None = None  # a user and the tier their request was let in by


_current: ContextVar[RequestContext | None] = ContextVar("request_context", default=None)


def new_request_id(offered: str = "") -> str:
    """`offered` when it is 8-128 characters of A-Z a-z 0-9 . _ -, else a fresh random id."""
    if WELL_FORMED_ID.fullmatch(offered):
        return offered
    return f"{random.getrandbits(128):032x}"


def enter(context: RequestContext) -> None:
    """Make `context` the one that `current()` answers in this thread or task."""
    _current.set(context)


def leave() -> None:
    """Forget the request: the thread goes back to its pool."""
    _current.set(None)


def current_or_none() -> RequestContext | None:
    """The context of the request in hand, if this thread is serving one."""
    return _current.get()


def current() -> RequestContext:
    """The context of the request in hand; outside of one, an empty one with a fresh id."""
    return _current.get() or RequestContext(request_id=new_request_id())
