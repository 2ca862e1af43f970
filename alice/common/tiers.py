"""What a user's plan allows, asked of whoever knows the plan."""

from collections.abc import Callable

from django.conf import settings

DEFAULT_TIER = "free"
ANONYMOUS_TIER = "anonymous"

_sources: list[Callable[[int], str | None]] = []


def register_tier_source(source: Callable[[int], str | None]) -> None:
    """Have `source(user_id)` name a user's tier; the first source that knows one wins."""
    if source not in _sources:
        _sources.append(source)


def tier_of(user_id: int) -> str:
    """The tier of a user by the registered sources, else `free`. May query the database."""
    return next((tier for source in _sources if (tier := source(user_id))), DEFAULT_TIER)


def requests_per_minute(tier: str) -> int:
    """How many requests the tier may make in a minute; a tier without an entry has free's."""
    limits: dict[str, int] = settings.REQUESTS_PER_MINUTE
    return limits.get(tier, limits[DEFAULT_TIER])


def storage_bytes(tier: str) -> int:
    """How many bytes a user of the tier may keep; a tier without an entry has free's."""
    limits: dict[str, int] = settings.STORAGE_BYTES
    return limits.get(tier, limits[DEFAULT_TIER])
