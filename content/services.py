"""Writing items: no change is lost, and a version that another replaces is kept."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import orjson
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from alice.common.compiled import CompiledGet, insert
from alice.common.conditional import ANY_VERSION, IfMatch, etag_of
from alice.common.database import wrapper_for
from alice.common.errors import Invalid
from alice.common.events import publish
from collaboration.models import ResourceType
from collaboration.services.rights import OwnerOnly, ViewOnly, refusal
from collaboration.services.shares import forget
from content.events import ItemCreated, ItemDeleted, ItemRestored, ItemTrashed, ItemUpdated
from content.models import VERSIONED_FIELDS, Item, ItemQuerySet, Revision, Status

REVISIONS_KEPT = 100
DELETED_AT_ONCE = 200
NUMBERS_TOO_LONG = "The numbers in it are too long when written out."
TOO_LONG_WRITTEN_OUT = {
    "item_content_bounded": "content",
    "item_metadata_bounded": "metadata",
}
COLUMNS = {field.attname: field for field in Item._meta.concrete_fields}
COPIED = ("version", "editor_id", *VERSIONED_FIELDS)
# One statement: the update, and the row it replaced as this statement's snapshot still sees it.
# Copied by the database, the old version keeps its last digit and is not sent again.
REPLACE_VERSION = f"""
    WITH replaced AS (
        UPDATE content_item SET {{assignments}}
        WHERE id = %s AND version = %s AND trashed_at IS NULL
        RETURNING id
    ),
    forgotten AS (
        DELETE FROM content_revision AS old USING replaced
        WHERE old.item_id = replaced.id AND old.version <= %s
    )
    INSERT INTO content_revision (item_id, created_at, {", ".join(COPIED)})
    SELECT item.id, item.updated_at, {", ".join(f"item.{name}" for name in COPIED)}
    FROM content_item AS item JOIN replaced ON replaced.id = item.id
"""  # noqa: S608 - names of columns, all of them from this file

live_item = CompiledGet(lambda user_id: Item.objects.owned_by(User(pk=user_id)).live())
editable_item = CompiledGet(lambda user_id: Item.objects.editable_by(User(pk=user_id)).live())


def create_item(*, owner_id: int, **fields: Any) -> Item:
    """Make an item of `owner_id`, announced by `ItemCreated`; `fields` have passed the serializer.

    Raises `Invalid` when the JSON gets too long with its numbers written out.
    """
    now = timezone.now()
    item = Item(owner_id=owner_id, editor_id=owner_id, created_at=now, updated_at=now, **fields)
    if item.status == Status.PUBLISHED:
        item.published_at = now
    with _refusals_named():
        insert(item)
    publish(ItemCreated(item_id=item.pk, owner_id=owner_id))
    return item


def update_item(
    *,
    editor_id: int,
    item_id: int,
    changes: Mapping[str, Any],
    if_match: IfMatch = ANY_VERSION,
) -> Item:
    """Change the fields in `changes`, the others stay; announced by `ItemUpdated`.

    The editor is the owner or somebody with whom the owner shares it for editing; to those who
    may only look it is `ViewOnly`, to others `NotFound`. What is equal to before makes no new
    version. Raises `PreconditionFailed`, and `Invalid` as `create_item` does.
    """
    while True:
        item = _editable(editor_id, item_id)
        if_match.require(etag_of(item.version))
        changed = {
            name: value
            for name, value in changes.items()
            if not _is_same(getattr(item, name), value)
        }
        # When another change came between, this one is judged by what that one left.
        if not changed or _replace_version(item, editor_id, changed):
            return item


def restore_revision(
    *,
    items: ItemQuerySet,
    item_id: int,
    version: int,
    editor_id: int,
    if_match: IfMatch = ANY_VERSION,
    shared: ItemQuerySet | None = None,
) -> Item:
    """Make a new version that equals an earlier one; `NotFound` for one that is not kept.

    `items` are those whose versions the editor may see, to those who see them among `shared` it
    is `OwnerOnly`; the other refusals are those of `update_item`.
    """
    kept = Revision.objects.filter(item__in=items, item_id=item_id, version=version)
    fields = kept.values(*VERSIONED_FIELDS).first()
    if fields is None:
        raise refusal(shared, item_id, OwnerOnly)
    return update_item(editor_id=editor_id, item_id=item_id, changes=fields, if_match=if_match)


@transaction.atomic
def trash_item(
    *,
    items: ItemQuerySet,
    item_id: int,
    if_match: IfMatch = ANY_VERSION,
    shared: ItemQuerySet | None = None,
) -> Item:
    """Move an item of `items` to the trash, where it stays for `settings.TRASH_KEPT`.

    Raises `NotFound`, or `OwnerOnly` for one of `shared`, and `PreconditionFailed`. The version
    stays: nothing in it has changed.
    """
    item = _locked(items.live(), item_id, shared)
    if_match.require(etag_of(item.version))
    item.trashed_at = timezone.now()
    item.save(update_fields=["trashed_at"])
    publish(ItemTrashed(item_id=item.pk, owner_id=item.owner_id))
    return item


@transaction.atomic
def restore_item(*, items: ItemQuerySet, item_id: int, shared: ItemQuerySet | None = None) -> Item:
    """Take an item of `items` out of the trash; one that is not in it stays as it is.

    Raises `NotFound`, or `OwnerOnly` for one of `shared`.
    """
    item = _locked(items, item_id, shared)
    if item.trashed_at is not None:
        item.trashed_at = None
        item.save(update_fields=["trashed_at"])
        publish(ItemRestored(item_id=item.pk, owner_id=item.owner_id))
    return item


@transaction.atomic
def delete_item(*, items: ItemQuerySet, item_id: int) -> None:
    """Delete a trashed item of `items` for good, its earlier versions too."""
    item = _locked(items.trashed().only("pk", "owner_id"), item_id)
    _delete([(item.pk, item.owner_id)])


def empty_trash() -> int:
    """Delete what has been in the trash for `settings.TRASH_KEPT`; return how many went."""
    deleted = 0
    while batch := _delete_oldest():
        deleted += batch
    return deleted


@transaction.atomic
def _delete_oldest() -> int:
    over = Item.objects.in_trash_since(timezone.now() - settings.TRASH_KEPT)
    # Rows that somebody is restoring right now are skipped; the next run looks at them again.
    locked = over.select_for_update(skip_locked=True).order_by("trashed_at")
    batch = list(locked.values_list("pk", "owner_id")[:DELETED_AT_ONCE])
    _delete(batch)
    return len(batch)


def _delete(batch: list[tuple[int, int]]) -> None:
    item_ids = [item_id for item_id, _ in batch]
    # Only the ids are loaded: the JSON of a batch could be hundreds of megabytes.
    Item.objects.filter(pk__in=item_ids).only("pk").delete()
    if item_ids:
        forget(ResourceType.ITEM, item_ids)
    for item_id, owner_id in batch:
        publish(ItemDeleted(item_id=item_id, owner_id=owner_id))


def _editable(editor_id: int, item_id: int) -> Item:
    # Owners first: they are many, and theirs is the cheaper question.
    item: Item | None = live_item(user_id=editor_id, key=item_id)
    item = item or editable_item(user_id=editor_id, key=item_id)
    if item is None:
        shared = Item.objects.shared_with(User(pk=editor_id)).live()
        raise refusal(shared, item_id, ViewOnly)
    return item


def _locked(items: ItemQuerySet, item_id: int, shared: ItemQuerySet | None = None) -> Item:
    # Not a key update: rows that refer to the item can be written meanwhile.
    locked = items.select_for_update(no_key=True)
    try:
        return locked.order_by().get(pk=item_id)
    except Item.DoesNotExist:
        raise refusal(shared, item_id, OwnerOnly) from None


def _replace_version(item: Item, editor_id: int, changed: dict[str, Any]) -> bool:
    """Write the next version of `item`; False when it is not the present version any more."""
    columns = changed | {
        "version": item.version + 1,
        "updated_at": timezone.now(),
        "editor_id": editor_id,
    }
    became_published = changed.get("status") == Status.PUBLISHED
    if became_published and item.published_at is None:
        columns["published_at"] = columns["updated_at"]
    if not _write(item, columns):
        return False
    for name, value in columns.items():
        setattr(item, name, value)
    publish(
        ItemUpdated(
            item_id=item.pk,
            owner_id=item.owner_id,
            editor_id=editor_id,
            version=item.version,
            changed=tuple(changed),
            became_published=became_published,
        )
    )
    return True


def _write(item: Item, columns: dict[str, Any]) -> bool:
    connection = wrapper_for(item._state.db or DEFAULT_DB_ALIAS)
    values = [COLUMNS[name].get_db_prep_save(value, connection) for name, value in columns.items()]
    statement = _replace_version_sql(tuple(columns))
    forgotten = item.version - REVISIONS_KEPT
    with _refusals_named(), connection.prepared_cursor(statement) as cursor:
        cursor.execute(statement, [*values, item.pk, item.version, forgotten])
        return bool(cursor.rowcount)


@cache
def _replace_version_sql(names: tuple[str, ...]) -> str:
    assignments = ", ".join(f"{COLUMNS[name].column} = %s" for name in names)
    return REPLACE_VERSION.format(assignments=assignments)


def _is_same(old: Any, new: Any) -> bool:
    if old != new or not isinstance(old, dict):
        return bool(old == new)
    # Python takes true for 1; JSON does not.
    written = [orjson.dumps(value, option=orjson.OPT_SORT_KEYS) for value in (old, new)]
    return written[0] == written[1]


@contextmanager
def _refusals_named() -> Iterator[None]:
    """Name the field when the database finds its JSON too long."""
    try:
        yield
    except IntegrityError as error:
        diagnosis = getattr(error.__cause__, "diag", None)
        field = TOO_LONG_WRITTEN_OUT.get(getattr(diagnosis, "constraint_name", None) or "")
        if field is None:
            raise
        raise Invalid(
            f"{field}: {NUMBERS_TOO_LONG}", errors={field: [NUMBERS_TOO_LONG]}
        ) from error
