"""What a user takes away in an export, and what an item's share shows."""

from collections.abc import Collection, Iterator
from typing import Any, Literal

import orjson
from django.conf import settings

from alice.common.compiled import CompiledGet
from alice.common.serializing import written_time
from collaboration.models import ResourceType
from collaboration.services.shareables import (
    Block,
    Brief,
    Description,
    Shareable,
    moment_in_words,
)
from content.models import VERSIONED_FIELDS, Item, Revision

ITEM_COLUMNS = (
    "id",
    *VERSIONED_FIELDS,
    "version",
    "created_at",
    "updated_at",
    "published_at",
    "trashed_at",
)
REVISION_COLUMNS = ("item_id", "version", "editor_id", "created_at", *VERSIONED_FIELDS)
ROWS_AT_ONCE = 100
BLOCKS_SHOWN = 500
JSON_SHOWN_MAX = 20_000
# Indented, 20 kB of nested lists can become megabytes.
INDENTED_LONGER_MAX = 4
PLAIN_KEYS = ("text", "body")
BLOCK_KINDS: dict[str, Literal["heading", "quote", "code"]] = {
    "heading": "heading",
    "header": "heading",
    "title": "heading",
    "quote": "quote",
    "code": "code",
}

live_item = CompiledGet(lambda _user_id: Item.objects.live())


def item_rows(user_id: int) -> Iterator[dict[str, Any]]:
    """The items a user owns, those in the trash too, in flat memory."""
    rows = Item.objects.filter(owner_id=user_id).order_by("pk").values(*ITEM_COLUMNS)
    yield from rows.iterator(chunk_size=ROWS_AT_ONCE)


def revision_rows(user_id: int) -> Iterator[dict[str, Any]]:
    """The earlier versions of a user's items, in flat memory."""
    rows = Revision.objects.filter(item__owner_id=user_id).order_by("pk")
    yield from rows.values(*REVISION_COLUMNS).iterator(chunk_size=ROWS_AT_ONCE)


def item_briefs(item_ids: Collection[int]) -> dict[int, Brief]:
    """A line about each item that is in no trash, by its id."""
    rows = Item.objects.live().filter(pk__in=item_ids).values_list("pk", "title")
    return {pk: Brief(title, path_of(pk)) for pk, title in rows}


def describe_item(item_id: int) -> Description | None:
    """An item as its share shows it, None in the trash: without metadata and earlier versions."""
    item: Item | None = live_item(user_id=0, key=item_id)
    if item is None:
        return None
    return Description(
        kind="item",
        title=item.title,
        text=item.description,
        path=path_of(item.pk),
        tags=tuple(item.tags),
        blocks=blocks_of(item.content),
        facts=(("Changed", moment_in_words(item.updated_at)),),
        details={
            "content": item.content,
            "item_type": item.item_type,
            "status": item.status,
            "created_at": written_time(item.created_at),
            "updated_at": written_time(item.updated_at),
        },
    )


def path_of(item_id: int) -> str:
    """Where the signed in find an item."""
    return f"{settings.API_PREFIX}items/{item_id}"


def blocks_of(content: dict[str, Any]) -> tuple[Block, ...]:
    """The content of an item to be read: texts as texts, and what has no known form as JSON.

    Known are `blocks`, a list of `{"type", "text"}` or of Editor.js's `{"type", "data": {...}}`,
    and `text` or `body` beside it.
    """
    rest = dict(content)
    plain = [rest.pop(key) for key in PLAIN_KEYS if isinstance(rest.get(key), str)]
    listed = rest.pop("blocks") if isinstance(rest.get("blocks"), list) else []
    found = [Block("text", text) for text in plain]
    found += [_block(value) for value in listed[:BLOCKS_SHOWN]]
    if len(listed) > BLOCKS_SHOWN:
        found.append(Block("text", f"And {len(listed) - BLOCKS_SHOWN} more."))
    if rest:
        found.append(_as_json(rest))
    return tuple(found)


def _block(value: Any) -> Block:
    if isinstance(value, str):
        return Block("text", value)
    if not isinstance(value, dict):
        return _as_json(value)
    kind = value.get("type")
    inner = value["data"] if isinstance(value.get("data"), dict) else value
    texts = [inner[key] for key in ("text", "code") if isinstance(inner.get(key), str)]
    if texts:
        known = BLOCK_KINDS.get(kind, "text") if isinstance(kind, str) else "text"
        return Block(known, texts[0])  # type: ignore[arg-type]  # the values above are its kinds
    entries = inner.get("items")
    if isinstance(entries, list) and all(isinstance(entry, str) for entry in entries):
        return Block("list", entries=tuple(entries))
    return _as_json(value)


def _as_json(value: Any) -> Block:
    short = orjson.dumps(value)
    if len(short) > JSON_SHOWN_MAX:
        return Block("code", short[:JSON_SHOWN_MAX].decode(errors="ignore") + "…")
    indented = orjson.dumps(value, option=orjson.OPT_INDENT_2)
    is_readable = len(indented) <= INDENTED_LONGER_MAX * len(short)
    return Block("code", (indented if is_readable else short).decode())


SHAREABLE = Shareable(
    resource_type=ResourceType.ITEM,
    rows=Item.objects.live,
    briefs=item_briefs,
    describe=describe_item,
)
