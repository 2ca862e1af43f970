"""What a user takes away in an export."""

from collections.abc import Iterator
from typing import Any

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


def item_rows(user_id: int) -> Iterator[dict[str, Any]]:
    """The items a user owns, those in the trash too, in flat memory."""
    rows = Item.objects.filter(owner_id=user_id).order_by("pk").values(*ITEM_COLUMNS)
    yield from rows.iterator(chunk_size=ROWS_AT_ONCE)


def revision_rows(user_id: int) -> Iterator[dict[str, Any]]:
    """The earlier versions of a user's items, in flat memory."""
    rows = Revision.objects.filter(item__owner_id=user_id).order_by("pk")
    yield from rows.values(*REVISION_COLUMNS).iterator(chunk_size=ROWS_AT_ONCE)
