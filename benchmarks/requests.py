"""What is seeded, and HTTP requests as the bytes that go over the wire."""

from dataclasses import dataclass
from random import Random
from typing import Any

import orjson

USERS = 20
ITEMS = 10_000
PASSWORD = "correct-horse-battery"  # noqa: S105  (of users in a throw-away database)
# The load generator puts a number in place of this: no two bodies are the same.
NUMBER = b"@number@"
# fmt: off
WORDS = [
    "amber", "anchor", "basin", "birch", "candle", "canvas", "cedar", "cinder", "copper", "cotton",
    "delta", "drift", "ember", "engine", "fable", "falcon", "fern", "garden", "glacier", "hollow",
    "island", "ivory", "jasmine", "juniper", "kettle", "lantern", "linen", "marble", "meadow",
    "mirror", "nectar", "orchard", "paper", "pebble", "quarry", "ribbon", "river", "saffron",
    "silver", "thistle", "timber", "tunnel", "velvet", "violet", "walnut", "willow", "winter",
]
# fmt: on


@dataclass(frozen=True, kw_only=True)
class SeededUser:
    """Somebody with items, signed in."""

    name: str
    token: str
    item_ids: list[int]


def sentence(rng: Random, words: int) -> str:
    """So many random words."""
    return " ".join(rng.choices(WORDS, k=words))


def item_fields(rng: Random) -> dict[str, Any]:
    """A random item, about 1 KB as JSON, most of it in two JSON columns."""
    return {
        "title": f"{sentence(rng, 4)} {NUMBER.decode()}",
        "description": sentence(rng, 25),
        "content": {"blocks": [{"type": "text", "text": sentence(rng, 9)} for _ in range(4)]},
        "item_type": "post",
        "status": "draft",
        "metadata": {
            "reading_minutes": rng.randint(1, 30),
            "source": sentence(rng, 3),
            "flags": {word: rng.random() < 0.5 for word in rng.sample(WORDS, 6)},
        },
        "tags": rng.sample(WORDS, 3),
    }


def http_request(
    method: str, path: str, *, token: str = "", body: dict[str, Any] | None = None
) -> bytes:
    """A whole HTTP/1.1 request."""
    content = b"" if body is None else orjson.dumps(body)
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Accept: application/json"]
    lines += ["User-Agent: alice-benchmarks"]
    lines += [f"Authorization: Bearer {token}"] if token else []
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + content
