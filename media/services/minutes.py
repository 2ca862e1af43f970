"""Minutes of media that a user may have transcoded in a month: of the source, not of the work."""

import math
from datetime import date
from typing import Any

from alice.common.errors import Forbidden
from alice.common.tiers import PLANS_PATH, entitlements_of
from media.models import Media
from system.models import Job, Meter
from system.services import metering
from system.services.metering import Spending

SPENT = "metered"


class TranscodeMinutesSpent(Forbidden):
    """`details`: `used_minutes`, `limit_minutes` and `needed_minutes`."""

    code = "transcode_minutes_spent"
    detail = (
        "This month's transcode minutes do not suffice. They begin anew with the next month, and"
        f" a larger plan has more: see {PLANS_PATH}."
    )


def used_minutes(owner_id: int) -> int:
    """How many minutes a user has had transcoded this month, the last one begun counted whole."""
    return _minutes(metering.spent(owner_id=owner_id, meter=Meter.TRANSCODE_SECONDS))


def spend_minutes(source: Media) -> dict[str, Any]:
    """Count a transcode of `source` against its owner's month; returns arguments for its job.

    Pictures cost nothing. Raises `TranscodeMinutesSpent`, with nothing counted.
    """
    seconds = math.ceil(source.duration or 0)
    if not seconds:
        return {}
    limit = entitlements_of(source.owner_id).transcode_minutes
    spending = metering.spend_or_refuse(
        owner_id=source.owner_id,
        meter=Meter.TRANSCODE_SECONDS,
        amount=seconds,
        limit=60 * limit,
    )
    if spending is None:
        raise TranscodeMinutesSpent(
            used_minutes=used_minutes(source.owner_id),
            limit_minutes=limit,
            needed_minutes=_minutes(seconds),
        )
    return {SPENT: {"month": spending.month.isoformat(), "seconds": seconds}}


def give_minutes_back(job: Job) -> None:
    """Uncount what a transcode cost that made nothing. One that staff retries costs nothing."""
    spent = job.arguments.pop(SPENT, None)
    if spent is None or job.owner_id is None:
        return
    # A job may end twice, when staff retries it: what is given back is no longer in it.
    Job.objects.filter(pk=job.pk).update(arguments=job.arguments)
    month = date.fromisoformat(spent["month"])
    metering.give_back(Spending(job.owner_id, Meter.TRANSCODE_SECONDS, month, spent["seconds"]))


def _minutes(seconds: int) -> int:
    return math.ceil(seconds / 60)
