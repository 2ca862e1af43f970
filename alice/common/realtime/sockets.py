"""A socket as the apps see it: what it may hear, who is there, what handles its frames."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from alice.common.realtime.frames import wire_frame
from alice.common.realtime.wire import Wire


@dataclass(frozen=True, kw_only=True, slots=True)
class Admission:
    """What `authorize` answers.

    `groups` are heard besides the user's own. `close_groups` are only for `close_group` (the
    session's is among them anyhow). `sequence` is the one of `groups` whose frames are pushed
    with a `seq`; `hello` must then tell the present one as `seq`. `context` is the consumer's.
    """

    groups: tuple[str, ...] = ()
    close_groups: tuple[str, ...] = ()
    sequence: str = ""
    context: Any = None


@dataclass(eq=False, kw_only=True, slots=True)
class SignedSocket:
    """A socket whose user is known, as handlers see it. The methods may be called anywhere."""

    user_id: int
    session_id: int
    socket_id: str  # unique among all sockets of all processes
    peer: str
    url_kwargs: Mapping[str, str]
    admission: Admission
    _wire: Wire = field(repr=False)
    _loop: asyncio.AbstractEventLoop = field(repr=False)

    def send(self, frame: Mapping[str, Any]) -> None:
        """Send `frame` to this socket alone."""
        self._loop.call_soon_threadsafe(self._wire.write, wire_frame(frame))

    def close(self, code: int, reason: str) -> None:
        """Close this socket; `reason` has at most 123 bytes."""
        self._loop.call_soon_threadsafe(self._wire.close, code, reason)


# Runs in a thread with a database connection, one at a time per socket. What it answers is sent
# to this socket. A DomainError becomes an error frame, with the frame's `ref` or `client_id`.
Handler = Callable[[SignedSocket, dict[str, Any]], Mapping[str, Any] | None]
