"""How much of its entitlements a user has used, asked of the apps that count it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from alice.common.tiers import entitlements_of

UsedBy = Callable[[int], int]
_counters: dict[str, UsedBy] = {}


@dataclass(frozen=True, slots=True)
class Usage:
    """What is used of an entitlement; more than the limit where the tier has become smaller."""

    used: int
    limit: int


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` up to, but not including, `end`."""

    start: datetime
    end: datetime


def register_usage(entitlement: str, used_by: UsedBy) -> None:
    """Have `used_by(user_id)` say how much of an entitlement a user has used by now.

    It is named as in `tiers.Entitlements`, counted in its unit, and may cost one query. To be
    called from an app's `ready()`.
    """
    _counters[entitlement] = used_by


def usage_of(user_id: int, entitlement: str) -> Usage:
    """What a user has used of an entitlement; nothing where no app counts it yet."""
    used_by = _counters.get(entitlement)
    limit: int = getattr(entitlements_of(user_id), entitlement)
    return Usage(used_by(user_id) if used_by else 0, limit)


def current_period() -> Period:
    """The calendar month, in UTC, by which minutes and tokens are counted."""
    now = timezone.now().astimezone(UTC)
    start = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return Period(start, (start + timedelta(days=32)).replace(day=1))
