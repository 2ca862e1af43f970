"""uvicorn's websocket protocol with the limits it lacks, and a short way out for fan-out.

uvicorn lets a peer that sends and never reads fill memory with pongs, keeps empty fragments
without end, logs a traceback for text that is not UTF-8, and waits for ever for a peer that does
not read its close frame.
"""

import logging
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request

from alice.common.realtime.close_codes import SLOW_READER
from alice.common.realtime.wire import WIRE

# uvicorn tells of each socket with its query string, which may hold a ticket. The application
# logs a line of its own.
logger = logging.getLogger("uvicorn.websockets")
logger.setLevel(logging.WARNING)

OUTBOX_BYTES = 1024 * 1024
FRAGMENTS_MAX = 1024
# What is still to be read by a peer that is told to go, is read within this time or never.
PARTING_SECONDS = 5.0
NOT_UTF8, TOO_LARGE = 1007, 1009


class BoundedWebSocketProtocol(WebSocketsSansIOProtocol):
    """A `Wire` (alice.common.realtime.wire), which it leaves in the scope."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = logger

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:
            # The application's task was made just now and has not run yet.
            cast("dict[str, Any]", self.scope)[WIRE] = self

    def write(self, frame: bytes) -> None:
        if self.close_sent or self.transport.is_closing():
            return
        self.transport.write(frame)
        if self.transport.get_write_buffer_size() > OUTBOX_BYTES:
            self.close(SLOW_READER, "You read too slowly. Connect again and resume.")

    def close(self, code: int, reason: str) -> None:
        if self.close_sent or not self.handshake_complete or self.transport.is_closing():
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        # Its close frame is to be read, whatever else it had sent before.
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.part()

    def part(self) -> None:
        """Cut the connection off if it does not end by itself."""
        if self.close_timer is not None:
            self.close_timer.cancel()
        self.close_timer = self.loop.call_later(PARTING_SECONDS, self.transport.abort)

    def shutdown(self) -> None:
        super().shutdown()
        self.part()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.part()

    def handle_parser_exception(self) -> None:
        super().handle_parser_exception()
        self.part()

    def handle_close(self, event: Frame) -> None:
        super().handle_close(event)
        self.part()

    def handle_ping(self) -> None:
        super().handle_ping()
        if self.transport.get_write_buffer_size() > OUTBOX_BYTES:
            self.transport.abort()

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) >= FRAGMENTS_MAX:
            self.give_up(TOO_LARGE, "Too many fragments.")
            return
        super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        if self.curr_msg_data_type == "text":
            self.frames = [b"".join(self.frames)]
            if not is_utf8(self.frames[0]):
                self.give_up(NOT_UTF8, "Text is UTF-8.")
                return
        super().send_receive_event_to_app()

    def give_up(self, code: int, reason: str) -> None:
        """End the connection as after a frame that breaks the protocol."""
        self.frames = []
        if not self.close_sent:
            self.conn.fail(code, reason)
            self.handle_parser_exception()


def is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
