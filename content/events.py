from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ItemCreated:
    item_id: int
    owner_id: int


@dataclass(frozen=True, kw_only=True)
class ItemUpdated:
    """An item has a new version; `changed` names the fields, `became_published` the moment."""

    item_id: int
    owner_id: int
    editor_id: int
    version: int
    changed: tuple[str, ...]
    became_published: bool


@dataclass(frozen=True, kw_only=True)
class ItemTrashed:
    item_id: int
    owner_id: int


@dataclass(frozen=True, kw_only=True)
class ItemRestored:
    """An item came back from the trash."""

    item_id: int
    owner_id: int


@dataclass(frozen=True, kw_only=True)
class ItemDeleted:
    """An item is gone for good. A user who leaves takes the items along without this event."""

    item_id: int
    owner_id: int
