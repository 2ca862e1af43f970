"""Log lines as JSON objects, without secrets."""

import json
import logging
import os
import re
import time
from datetime import UTC, datetime
from functools import lru_cache
from logging.handlers import WatchedFileHandler
from typing import Any

import orjson

from alice.common import request_context

STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
SECRET_NAME = re.compile(
    r"(?i)pass(word|wd|phrase)|^pass$|secret|token|authorization|cookie|signature"
    r"|(api|access|private)[_-]?key|credential|session_?id$|^ticket$|card|^cv[cv]$"
)
# Anyone can have a long line logged, so no part of this may go over the same text twice: what
# repeats without a bound cannot begin again inside of itself.
SECRET_TEXT = re.compile(
    r"""(?ix)
    (?P<header> (?:authorization|cookie|signature) ["']? \s{0,4} : \s{0,4} ["']? ) [^\r\n"']+
    | (?P<scheme> \b(?:bearer|basic) \s{1,4} ) [^\s"'&,;}\]]+
    | (?P<name>
        (?:pass(?:word|wd|phrase)|secret|token|authorization|cookie|signature
          |(?:api|access|private)[_-]?key|credential|sessionid|ticket)
        [\w-]{0,32} ["']? \s{0,4} [:=] \s{0,4} )
      (?: "[^"]*"? | '[^']*'? | [^\s"'&,;}\]]+ )
    | (?<![\w.-]) eyJ [\w-]++ \. [\w-]++ \. [\w-]++     # a JSON web token on its own
    | \b (?: (?:sk|rk|whsec|r8|gh[oprsu]|xox[abeprs]) [_-] | AIza ) [\w-]{8,}   # providers' keys
    | \b (?:\d[ -]?){13,19} \b                          # looks like a card number
    | (?<=://) [^\s/@:]{0,256} : [^\s/@]{1,256} (?=@)    # user:password in a URL
    """
)
# Whatever holds a secret by SECRET_TEXT matches this too, and most lines do not.
SUSPECT_TEXT = re.compile(r"(?i)[:=]|b(?:earer|asic)\s|eyJ|AIza|[_-][\w-]{8}|(?:\d[ -]?){13}")
HIDDEN = "[hidden]"
SECONDS_BETWEEN_LOOKS = 1.0


def redact_text(text: str) -> str:
    """`text` with passwords, tokens, keys and card-like numbers replaced by `[hidden]`."""
    if SUSPECT_TEXT.search(text) is None:
        return text
    return SECRET_TEXT.sub(
        lambda match: (match["header"] or match["scheme"] or match["name"] or "") + HIDDEN, text
    )


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    return SECRET_NAME.search(name) is not None


def redact(value: Any, name: str = "") -> Any:
    """`value` with every secret in it hidden, by the name it goes by and by how it looks."""
    if name and _is_secret(name) and value not in (None, ""):
        return HIDDEN
    if isinstance(value, dict):
        return {str(key): redact(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [redact(inner) for inner in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact_text(str(value))


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, request_id and the `extra` fields.

    `extra={"plain": {...}}` is for fields that cannot hold a secret and are not searched for one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.process = os.environ.get("ALICE_PROCESS", "command")

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self.process,
            "logger": record.name,
            "message": redact_text(record.getMessage()),
        }
        context = request_context.current_or_none()
        if context is not None:
            line["request_id"] = context.request_id
        plain = getattr(record, "plain", None)
        line |= self._extras(record, line) if plain is None else plain
        if record.exc_info:
            line["exception"] = redact_text(self.formatException(record.exc_info))
        try:
            return orjson.dumps(line).decode()
        except TypeError:  # a lone surrogate, or a number of more than 64 bits
            return json.dumps(line)

    def _extras(self, record: logging.LogRecord, line: dict[str, Any]) -> dict[str, Any]:
        taken = STANDARD_FIELDS | line.keys()
        return {k: redact(v, k) for k, v in vars(record).items() if k not in taken}


class RenamedFileHandler(WatchedFileHandler):
    """Goes on in a new file within a second after the old one was renamed."""

    looked_at = 0.0

    def reopenIfNeeded(self) -> None:  # noqa: N802 - the library's name
        now = time.monotonic()
        if now - self.looked_at >= SECONDS_BETWEEN_LOOKS:
            self.looked_at = now
            super().reopenIfNeeded()


class TerseFormatter(logging.Formatter):
    """Lines for the terminal of whoever develops: warnings and worse, secrets hidden."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        return redact_text(super().format(record))
