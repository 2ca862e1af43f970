"""The sockets as an AsyncAPI 3.0 document (https://www.asyncapi.com/docs/reference)."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry
from drf_spectacular.settings import patched_settings
from rest_framework.views import APIView

from alice.common.realtime.described import (
    CLOSE_CODES,
    FrameKind,
    SocketKind,
    described_sockets,
)

RECEIVED, SENT = "received", "sent"
# drf-spectacular's word for the direction of a serializer.
DIRECTIONS = {RECEIVED: "request", SENT: "response"}
# JSON Schema proper, as AsyncAPI wants it.
JSON_SCHEMA = {"OAS_VERSION": "3.1.0", "ENUM_GENERATE_CHOICE_DESCRIPTION": False}
OF_OPENAPI_ONLY = frozenset({"readOnly", "writeOnly", "x-spec-enum-id"})
FRAME_REF = {
    "oneOf": [{"type": "string"}, {"type": "integer"}],
    "description": "Your own word for this frame: what it is answered with names it.",
}
DESCRIPTION = "Chat and live events over websockets. docs/websockets.md tells it as a whole."
SECURITY = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "`Authorization: Bearer <access_token>` with the handshake.",
    },
    "ticket": {
        "type": "httpApiKey",
        "in": "query",
        "name": "ticket",
        "description": "From `POST /api/auth/ticket`: good once, for 30 s.",
    },
}
BINDINGS = {
    "ws": {
        "method": "GET",
        "query": {
            "type": "object",
            "properties": {
                "ticket": {"type": "string", "description": SECURITY["ticket"]["description"]}
            },
        },
        "bindingVersion": "0.1.0",
    }
}


class FrameSchemas:
    """The schemas of serializers, as the OpenAPI description has them."""

    def __init__(self) -> None:
        view: Any = APIView()
        view.request = None
        self.registry = ComponentRegistry()
        self.mapper = AutoSchema()
        self.mapper.view, self.mapper.registry = view, self.registry
        self.mapper.path, self.mapper.method = "/", "GET"

    def payload(self, kind: FrameKind, direction: str) -> dict[str, Any]:
        """A frame: its `type`, and the fields of the kind, as a reference."""
        properties: dict[str, Any] = {"type": {"const": kind.name}}
        if direction == RECEIVED:
            properties["ref"] = {"$ref": "#/components/schemas/FrameRef"}
        own = {"type": "object", "required": ["type"], "properties": properties}
        if not kind.fields().fields:
            return own
        name: Any = DIRECTIONS[direction]
        fields = self.mapper.resolve_serializer(kind.fields, name)
        return {"allOf": [own, fields.ref]}

    def all(self) -> dict[str, Any]:
        """Those that were referred to, by name."""
        return {"FrameRef": FRAME_REF, **self.registry.build({})["schemas"]}


def document() -> dict[str, Any]:
    """The description of all sockets, ready to be written as JSON or YAML."""
    sockets = described_sockets()
    # The settings are the process's own: for a command, not for a request.
    with patched_settings(JSON_SCHEMA):
        schemas = FrameSchemas()
        messages = {
            f"{name}.{direction}.{kind.name}": _message(kind, schemas.payload(kind, direction))
            for name, socket in sockets.items()
            for direction in DIRECTIONS
            for kind in _kinds(socket, direction)
        }
        components = {
            "messages": messages,
            "schemas": schemas.all(),
            "securitySchemes": SECURITY,
            "channelBindings": {"socket": BINDINGS},
        }
    written: dict[str, Any] = _without(
        OF_OPENAPI_ONLY,
        {
            "asyncapi": "3.0.0",
            "info": {"title": "Alice", "version": settings.VERSION, "description": DESCRIPTION},
            "defaultContentType": "application/json",
            "servers": {"local": _server()},
            "channels": {name: _channel(name, socket) for name, socket in sockets.items()},
            "operations": dict(_operations(sockets)),
            "components": components,
            "x-close-codes": {
                str(close.code): {"meaning": close.meaning, "then": close.then}
                for close in CLOSE_CODES
            },
        },
    )
    return written


def _server() -> dict[str, Any]:
    return {
        "host": "localhost:8000",
        "protocol": "ws",
        "description": "As `make run` starts it; `wss` behind a proxy.",
        "security": [{"$ref": f"#/components/securitySchemes/{name}"} for name in SECURITY],
    }


def _channel(name: str, socket: SocketKind) -> dict[str, Any]:
    parameters = {key: {"description": text} for key, text in socket.parameters.items()}
    return {
        "address": socket.address,
        "summary": socket.summary,
        **({"parameters": parameters} if parameters else {}),
        "messages": {
            f"{direction}.{kind.name}": {
                "$ref": f"#/components/messages/{name}.{direction}.{kind.name}"
            }
            for direction in DIRECTIONS
            for kind in _kinds(socket, direction)
        },
        "bindings": {"$ref": "#/components/channelBindings/socket"},
    }


def _operations(sockets: Mapping[str, SocketKind]) -> Iterable[tuple[str, dict[str, Any]]]:
    actions = {RECEIVED: "receive", SENT: "send"}
    for name, socket in sockets.items():
        for direction, action in actions.items():
            yield (
                f"{name}.{direction}",
                {
                    "action": action,
                    "channel": {"$ref": f"#/channels/{name}"},
                    "messages": [
                        {"$ref": f"#/channels/{name}/messages/{direction}.{kind.name}"}
                        for kind in _kinds(socket, direction)
                    ],
                },
            )


def _kinds(socket: SocketKind, direction: str) -> list[FrameKind]:
    return socket.received if direction == RECEIVED else socket.sent


def _message(kind: FrameKind, payload: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": kind.name,
        "summary": kind.summary,
        "payload": payload,
        "examples": [{"payload": {"type": kind.name, **kind.example}}],
    }


def _without(keys: frozenset[str], node: Any) -> Any:
    if isinstance(node, Mapping):
        return {key: _without(keys, child) for key, child in node.items() if key not in keys}
    if isinstance(node, list):
        return [_without(keys, child) for child in node]
    return node
