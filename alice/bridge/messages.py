"""The shapes of ASGI, and the answers the bridge gives by itself."""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any
from uuid import uuid4

import orjson

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


class ClientGone(Exception):
    """The connection ended before the request was read whole."""


class Refusal(Exception):
    """The bridge answers this request itself: `status` with the product's JSON error body.

    `headers` go out besides, names in lower case.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers
        self.leaves_body_unread = False
        self.request_id = uuid4().hex

    def start(self) -> Message:
        """The `http.response.start` message, which ends the connection if a body is unread."""
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(self.body())),
            (b"x-request-id", self.request_id.encode()),
            *self.headers,
        ]
        if self.leaves_body_unread:
            headers.append((b"connection", b"close"))
        return {"type": "http.response.start", "status": self.status, "headers": headers}

    def body(self) -> bytes:
        return orjson.dumps(
            {"detail": self.detail, "code": self.code, "request_id": self.request_id}
        )


def too_large(limit: int) -> Refusal:
    return Refusal(413, "payload_too_large", f"The body is larger than {limit} bytes.")


def stalled(seconds: float) -> Refusal:
    detail = f"Nothing more of the body came for {seconds:g} s. Send the request again."
    return Refusal(408, "request_timeout", detail)


def server_error() -> Refusal:
    detail = "Something went wrong on our side. It has been logged."
    return Refusal(500, "server_error", detail)
