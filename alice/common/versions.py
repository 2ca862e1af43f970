"""Changing rows that count their versions."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from django.utils import timezone


class Versioned(Protocol):
    version: int
    updated_at: datetime

    def save(self, *, update_fields: list[str]) -> None: ...


def change_row(row: Versioned, changes: Mapping[str, Any]) -> tuple[str, ...]:
    """Save what in `changes` differs from a locked row as its next version; return those names.

    What is equal to before makes no new version.
    """
    changed = {name: new for name, new in changes.items() if getattr(row, name) != new}
    if not changed:
        return ()
    for name, value in changed.items():
        setattr(row, name, value)
    row.version += 1
    row.updated_at = timezone.now()
    row.save(update_fields=[*changed, "version", "updated_at"])
    return tuple(changed)
