"""What a client may send: JSON objects with a `type`, not too many of them."""

import time
from collections.abc import Mapping
from typing import Any

import orjson
from rest_framework.exceptions import ParseError, ValidationError

from alice.common.errors import STATUS_CODES, DomainError, Invalid, known_error, validation_body
from alice.common.json_bodies import parse_json
from alice.common.realtime.wire import text_frame

BURST_SECONDS = 2


class BadFrame(Invalid):
    code = "bad_frame"


class UnknownType(Invalid):
    code = "unknown_type"


class TooFast(DomainError):
    code = "too_fast"
    status = 429
    detail = "Too many frames. Send them more slowly."


def read_frame(message: Mapping[str, Any]) -> dict[str, Any]:
    """The frame that a client sent. Raises `BadFrame`."""
    text = message.get("text")
    if text is None:
        raise BadFrame("Frames are text, not binary.")
    try:
        frame = parse_json(text.encode())
    except ParseError as error:
        raise BadFrame(str(error.detail).replace("The body", "The frame")) from error
    except UnicodeEncodeError as error:
        raise BadFrame("The frame holds a lone surrogate.") from error
    if not isinstance(frame, dict):
        raise BadFrame("A frame is a JSON object.")
    if not isinstance(frame.get("type"), str):
        raise BadFrame("type: A string is required.")
    return frame


def wire_frame(frame: Mapping[str, Any]) -> bytes:
    """`frame` as it goes over the wire."""
    return text_frame(orjson.dumps(frame, default=str))


def error_frame(error: Exception, frame: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What a client is told of `error`; `ref` is the frame's own word for itself."""
    code, detail = _code_and_detail(error)
    answer: dict[str, Any] = {"type": "error", "code": code, "detail": detail}
    ref = (frame or {}).get("ref", (frame or {}).get("client_id"))
    if isinstance(ref, str | int):
        answer["ref"] = ref
    return answer


def _code_and_detail(error: Exception) -> tuple[str, str]:
    known = known_error(error)
    if known is None:
        return STATUS_CODES[500]
    if isinstance(known, DomainError):
        return known.code, known.detail
    if isinstance(known, ValidationError):
        return "invalid", validation_body(known.detail)["detail"]
    return STATUS_CODES.get(known.status_code, ("refused", str(known.detail)))


class Bucket:
    """A token bucket: `per_second` frames, and two seconds' worth at once."""

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._tokens: float = per_second * BURST_SECONDS
        self._filled_at = time.monotonic()
        self.refused_in_row = 0

    def take(self) -> bool:
        """Whether another frame may pass; `refused_in_row` counts those that may not."""
        now = time.monotonic()
        most = self._per_second * BURST_SECONDS
        self._tokens = min(most, self._tokens + (now - self._filled_at) * self._per_second)
        self._filled_at = now
        if self._tokens < 1:
            self.refused_in_row += 1
            return False
        self._tokens -= 1
        return True
