"""What a socket needs of its server beyond ASGI: to be written to at once, and to end for sure."""

from typing import Protocol

# Where the server leaves itself in the scope of a websocket.
WIRE = "alice.wire"
TEXT_FRAME = 0x81  # the whole message in one frame


class Wire(Protocol):
    """The server's side of one connection; to be used in its event loop only."""

    def write(self, frame: bytes) -> None:
        """Send a frame as `text_frame` makes it; close with 4409 if too many wait already."""

    def close(self, code: int, reason: str) -> None:
        """Send a close frame after what waits; a peer that does not answer is cut off."""


def text_frame(payload: bytes) -> bytes:
    """An unmasked text frame, as a server sends it, of UTF-8 `payload` (RFC 6455, section 5.2).

    The same bytes go to every socket, which is why fan-out costs so little.
    """
    length = len(payload)
    if length < 126:
        return bytes((TEXT_FRAME, length)) + payload
    if length < 65536:
        return bytes((TEXT_FRAME, 126)) + length.to_bytes(2, "big") + payload
    return bytes((TEXT_FRAME, 127)) + length.to_bytes(8, "big") + payload
