"""How many bytes a user keeps, and that they never become more than the tier allows."""

from dataclasses import dataclass

from django.db import DEFAULT_DB_ALIAS
from django.db.models import F
from django.db.models.functions import Greatest

from alice.common.compiled import Statement
from alice.common.errors import Forbidden
from alice.common.tiers import entitlements_of
from files.models import StorageUsage

USED = Statement(
    "SELECT used_bytes FROM files_storageusage WHERE owner_id = %s", (), DEFAULT_DB_ALIAS
)
# It looks and counts in one statement: two uploads at once cannot both take the last free bytes.
CHARGE = Statement(
    """
    INSERT INTO files_storageusage AS usage (owner_id, used_bytes) VALUES (%s, %s)
    ON CONFLICT (owner_id) DO UPDATE SET used_bytes = usage.used_bytes + excluded.used_bytes
    WHERE usage.used_bytes + excluded.used_bytes <= %s
    RETURNING used_bytes
    """,
    (),
    DEFAULT_DB_ALIAS,
)


class StorageQuotaReached(Forbidden):
    """`details`: `used_bytes`, `limit_bytes` and `needed_bytes`."""

    code = "storage_quota_reached"
    detail = "Your storage is full. Delete something, or choose a larger plan."


@dataclass(frozen=True, slots=True)
class Usage:
    """What a user keeps and may keep, in bytes."""

    used_bytes: int
    limit_bytes: int

    @property
    def free_bytes(self) -> int:
        return max(0, self.limit_bytes - self.used_bytes)


def used_bytes(owner_id: int) -> int:
    """What a user keeps by now, unfinished resumable uploads included."""
    used = USED.fetch_one((owner_id,))
    return used[0] if used else 0


def usage_of(owner_id: int) -> Usage:
    """What a user keeps and may keep by now."""
    return Usage(used_bytes(owner_id), entitlements_of(owner_id).storage_bytes)


def require_room(*, owner_id: int, size_bytes: int) -> None:
    """Raise `StorageQuotaReached` when so many bytes would not fit by now; takes no lock."""
    usage = usage_of(owner_id)
    if size_bytes > usage.free_bytes:
        raise _refusal(usage, size_bytes)


def charge(*, owner_id: int, size_bytes: int) -> None:
    """Count bytes against a user's storage, or raise `StorageQuotaReached` and count none.

    In a transaction the user's row stays locked up to its end: charge late in it.
    """
    limit = entitlements_of(owner_id).storage_bytes
    is_counted = size_bytes <= limit and CHARGE.fetch_one((owner_id, size_bytes, limit))
    if not is_counted:
        raise _refusal(usage_of(owner_id), size_bytes)


def release(*, owner_id: int, size_bytes: int) -> None:
    """Give bytes back that were charged."""
    StorageUsage.objects.filter(owner_id=owner_id).update(
        used_bytes=Greatest(F("used_bytes") - size_bytes, 0)
    )


def _refusal(usage: Usage, size_bytes: int) -> StorageQuotaReached:
    return StorageQuotaReached(
        used_bytes=usage.used_bytes, limit_bytes=usage.limit_bytes, needed_bytes=size_bytes
    )
