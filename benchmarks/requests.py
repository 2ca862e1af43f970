"""What is seeded, and HTTP requests as the bytes that go over the wire."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import orjson

USERS = 20
ITEMS = 10_000
MIB = 1024 * 1024
BOUNDARY = "alice-benchmarks-boundary"
FORM_TYPE = f"multipart/form-data; boundary={BOUNDARY}"
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
    """Somebody with items, signed in.

    Some have files: of `file_ids` each is 1 MiB, of `large_file_ids` 100 MiB.
    """

    name: str
    token: str
    item_ids: Sequence[int]
    file_ids: Sequence[int] = ()
    large_file_ids: Sequence[int] = ()


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
    method: str, path: str, *, token: str = "", body: dict[str, Any] | None = None, extra: str = ""
) -> bytes:
    """A whole HTTP/1.1 request; `extra` is one more header, such as `Range: bytes=0-1`."""
    content = b"" if body is None else orjson.dumps(body)
    kind = "" if body is None else "application/json"
    return head(method, path, token, kind=kind, length=len(content), extra=extra) + content


def upload_request(path: str, *, token: str, content: bytes) -> bytes:
    """A whole HTTP/1.1 request that uploads a file by form."""
    body = form(content)
    return head("POST", path, token, kind=FORM_TYPE, length=len(body)) + body


def head(
    method: str, path: str, token: str, *, kind: str = "", length: int = 0, extra: str = ""
) -> bytes:
    """What stands before the body; without a `kind` there is none."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Accept: application/json"]
    lines += ["User-Agent: alice-benchmarks"]
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += [f"Content-Type: {kind}", f"Content-Length: {length}"] if kind else []
    lines += [extra] if extra else []
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def form(content: bytes, filename: str = "bench.bin") -> bytes:
    """The body of an upload (RFC 7578), of the type `FORM_TYPE`."""
    disposition = f'Content-Disposition: form-data; name="file"; filename="{filename}"'
    opening = f"--{BOUNDARY}\r\n{disposition}\r\nContent-Type: application/octet-stream\r\n\r\n"
    return opening.encode("ascii") + content + f"\r\n--{BOUNDARY}--\r\n".encode("ascii")
