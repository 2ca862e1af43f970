"""What the processes say to each other: channels_redis' pub/sub layer, from any thread.

A message to a group of the layer is one PUBLISH of its serialized form. `group_send` would do
the same, but it is a coroutine: it needs an event loop, and a connection for each.
"""

from functools import cache
from typing import Any, cast

from channels.layers import get_channel_layer  # type: ignore[import-untyped]
from django.conf import settings

# The one group that the relay of every process hears: what concerns sockets, not their users.
EVERYWHERE = "everywhere"
FRAME, GAP, CLOSE = "socket.frame", "socket.gap", "socket.close"


@cache
def _layer() -> Any:
    return get_channel_layer()


def config() -> dict[str, Any]:
    """How the layer is set up."""
    layers: dict[str, Any] = settings.CHANNEL_LAYERS
    return cast("dict[str, Any]", layers["default"]["CONFIG"])


def channel_of(group: str) -> str:
    """The channel of Redis by which the layer's messages to `group` go."""
    return f"{config()['prefix']}__group__{group}"


def encode(message: dict[str, Any]) -> bytes:
    return cast("bytes", _layer().serialize(message))


def decode(message: bytes) -> dict[str, Any]:
    return cast("dict[str, Any]", _layer().deserialize(message))
