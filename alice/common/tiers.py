"""What a user's plan allows, asked of whoever knows the plan."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from django.conf import settings

from alice.common import request_context

DEFAULT_TIER = "free"
ANONYMOUS_TIER = "anonymous"
PLANS_PATH = "/api/billing/plans"

TierSource = Callable[[Collection[int]], Mapping[int, str]]
_sources: list[TierSource] = []


@dataclass(frozen=True, slots=True)
class Entitlements:
    """One row of `settings.TIERS`; minutes and tokens are those of a calendar month in UTC.

    Transcode minutes are minutes of what is transcoded, however long that takes.
    """

    requests_per_minute: int
    storage_bytes: int = 0
    upload_size_bytes: int = 0
    transcode_minutes: int = 0
    ai_tokens: int = 0


def register_tier_source(source: TierSource) -> None:
    """Have `source(user_ids)` name the tiers of those it knows; the first that knows one wins."""
    if source not in _sources:
        _sources.append(source)


def tier_of(user_id: int) -> str:
    """The tier of a user by the registered sources, else `free`. May query the database.

    Of the user whose request is in hand it is the tier the gate has let in, without a query.
    """
    context = request_context.current_or_none()
    if context and context.admitted and context.admitted[0] == user_id:
        return context.admitted[1]
    return tiers_of([user_id])[user_id]


def tiers_of(user_ids: Collection[int]) -> dict[int, str]:
    """The tiers of many users in as many queries as there are sources."""
    found: dict[int, str] = {}
    for source in _sources:
        if unknown := [user_id for user_id in user_ids if user_id not in found]:
            found |= source(unknown)
    return {user_id: found.get(user_id, DEFAULT_TIER) for user_id in user_ids}


def remember_admitted(user_id: int, tier: str) -> None:
    """Note the tier by which the request in hand was let in, for its own questions."""
    if context := request_context.current_or_none():
        context.admitted = (user_id, tier)


def forget_admitted() -> None:
    """Have the request in hand ask anew, since its own work may have changed the tier."""
    if context := request_context.current_or_none():
        context.admitted = None


def entitlements(tier: str) -> Entitlements:
    """What the tier allows; a tier without an entry has free's."""
    table: Mapping[str, Entitlements] = settings.TIERS
    return table.get(tier) or table[DEFAULT_TIER]


def entitlements_of(user_id: int | None) -> Entitlements:
    """What a user's tier allows; None is somebody who is not signed in."""
    return entitlements(ANONYMOUS_TIER if user_id is None else tier_of(user_id))


def largest_upload_bytes() -> int:
    """How long a file may be at most, for whoever may send the longest."""
    return max(tier.upload_size_bytes for tier in settings.TIERS.values())
