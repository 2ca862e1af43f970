"""JSON in and out through orjson, with the rules for what a body may hold."""

import json
from collections.abc import Mapping
from typing import IO, Any

import orjson
from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from alice.common.errors import PayloadTooLarge

MAX_DEPTH = 64
CONTAINERS = (dict, list)


def parse_json(body: bytes) -> Any:
    """The value of a JSON text (RFC 8259), or `ParseError` with a sentence.

    Refused: what is not UTF-8 JSON, NaN and Infinity, lone surrogates, NUL in a string or key
    (PostgreSQL stores none of these), and more than 64 levels of nesting.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ParseError(f"The body is not valid JSON: {error}.") from error
    may_be_deep = body.count(b"[") + body.count(b"{") > MAX_DEPTH
    if may_be_deep or b"\\u0000" in body:
        _check(value)
    return value


def _check(value: Any) -> None:
    level = [value]
    depth = 0
    while level:
        _refuse_nul(level)
        containers = [part for part in level if isinstance(part, CONTAINERS)]
        depth += bool(containers)
        if depth > MAX_DEPTH:
            raise ParseError(f"The body is nested more than {MAX_DEPTH} levels deep.")
        level = [inner for part in containers for inner in _children(part)]


def _children(container: Any) -> list[Any]:
    if isinstance(container, dict):
        return [*container.keys(), *container.values()]
    return list(container)


def _refuse_nul(values: list[Any]) -> None:
    if any(isinstance(value, str) and "\x00" in value for value in values):
        raise ParseError("The body holds a NUL character.")


class JsonParser(BaseParser):
    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        limit = settings.JSON_BODY_MAX_BYTES
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise PayloadTooLarge
        return parse_json(body)


class JsonRenderer(BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        if data is None:
            return b""
        try:
            return orjson.dumps(data, default=str)
        except TypeError:
            # An integer of more than 64 bits, or a number as a key, as in the errors of a list.
            return json.dumps(data, default=str).encode()


class JsonNegotiation(DefaultContentNegotiation):
    """JSON whatever the client would rather have: there is nothing else to choose from."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = renderers[0]
        return renderer, renderer.media_type
