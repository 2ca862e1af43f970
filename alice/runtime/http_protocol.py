"""uvicorn's HTTP protocol with the limits it lacks.

With httptools, uvicorn keeps whatever a client sends as headers, trailers or chunk extensions,
however much and however slowly: `h11_max_incomplete_event_size` is for h11 only, and the
keep-alive timer does not run before the first response.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from alice.bridge.bodies import UNREAD_BODY

HEAD_LIMIT_BYTES = 64 * 1024
HEAD_LIMIT_FIELDS = 128
HEAD_SECONDS = 15.0
LINGER_SECONDS = 0.5


class TooManyFields(Exception):
    """More header fields than any honest client sends."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """Bounds the head of a request in size and time, and parts gently from idle clients."""

    head_timer: asyncio.TimerHandle | None = None
    # Bytes since the parser last came to the end of something, body pieces included.
    pending_bytes = 0
    is_leaving = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self.stop_head_timer()
        # The application is told of the end before it has read all that came.
        if self.cycle is not None and self.cycle.body:  # type: ignore[redundant-expr]
            self.cycle.scope[UNREAD_BODY] = bytes(self.cycle.body)  # type: ignore[literal-required]
        super().connection_lost(exc)

    def start_head_timer(self) -> None:
        if self.head_timer is None:
            self.head_timer = self.loop.call_later(HEAD_SECONDS, self.timeout_keep_alive_handler)

    def stop_head_timer(self) -> None:
        if self.head_timer is not None:
            self.head_timer.cancel()
            self.head_timer = None

    def data_received(self, data: bytes) -> None:
        self.pending_bytes += len(data)
        super().data_received(data)
        if self.pending_bytes > HEAD_LIMIT_BYTES and not self.transport.is_closing():
            self.send_400_response("Request header fields too large.")

    def send_400_response(self, msg: str) -> None:
        """Answer 431 where the head was too large, and end the connection."""
        is_too_large = self.pending_bytes > HEAD_LIMIT_BYTES
        status = STATUS_LINE[431 if is_too_large else 400]
        self.transport.write(b"".join([status, b"connection: close\r\ncontent-length: 0\r\n\r\n"]))
        self.transport.close()

    def on_message_begin(self) -> None:
        self.start_head_timer()
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(self.headers) >= HEAD_LIMIT_FIELDS:
            raise TooManyFields
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self.pending_bytes = 0
        self.stop_head_timer()
        super().on_headers_complete()
        if self.is_leaving:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self.pending_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self.pending_bytes = 0
        super().on_message_complete()

    def shutdown(self) -> None:
        """Let a busy client's next request in, answered with `Connection: close`.

        Closing an idle connection at once races with a request already on its way.
        """
        self.is_leaving = True
        # uvicorn declares it never None, and starts with None.
        if self.cycle is None or self.cycle.response_complete:  # type: ignore[redundant-expr]
            self.loop.call_later(LINGER_SECONDS, super().shutdown)
        else:
            super().shutdown()
