"""What users spend of what their tier allows by the month: counted before it is used."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS
from django.db.models import F, QuerySet
from django.db.models.functions import Greatest
from django.utils import timezone

from alice.common.compiled import Statement
from system.models import Meter, UsageMonth

# It looks and counts in one statement: two at once cannot both spend what is left.
SPEND = Statement(
    """
    INSERT INTO system_usagemonth AS usage (owner_id, month, meter, amount)
    VALUES (%s, %s, %s, %s)
    ON CONFLICT (owner_id, month, meter) DO UPDATE SET amount = usage.amount + excluded.amount
    WHERE usage.amount + excluded.amount <= %s
    RETURNING amount
    """,
    (),
    DEFAULT_DB_ALIAS,
)


@dataclass(frozen=True, slots=True)
class Spending:
    """What was counted, by which the same can be given back in whatever month that happens."""

    owner_id: int
    meter: Meter
    month: date
    amount: int


def month_of(moment: datetime) -> date:
    """The month in which usage at `moment` is counted, as its first day in UTC."""
    return moment.astimezone(UTC).date().replace(day=1)


def spend_or_refuse(*, owner_id: int, meter: Meter, amount: int, limit: int) -> Spending | None:
    """Count `amount` as spent this month; None, with nothing counted, where `limit` forbids it.

    `amount` is not negative. In a transaction the user's row of this meter stays locked up to
    its end: spend late in it. What fails afterwards is to be given back.
    """
    month = month_of(timezone.now())
    values = (owner_id, month, meter.value, amount, limit)
    is_counted = amount <= limit and SPEND.fetch_one(values)
    return Spending(owner_id, meter, month, amount) if is_counted else None


def give_back(spending: Spending) -> None:
    """Uncount what was spent. Calling it once for each spending is the caller's duty."""
    _rows(spending.owner_id, spending.meter, spending.month).update(
        amount=Greatest(F("amount") - spending.amount, 0)
    )


def correct(spending: Spending, *, amount: int) -> Spending:
    """Make of a spending what it really came to, be that more than the limit; returns that.

    For what is known only when it is done, such as the tokens of an answer.
    """
    _rows(spending.owner_id, spending.meter, spending.month).update(
        amount=Greatest(F("amount") + (amount - spending.amount), 0)
    )
    return Spending(spending.owner_id, spending.meter, spending.month, amount)


def spent(*, owner_id: int, meter: Meter) -> int:
    """How much a user has spent this month. One query."""
    rows = _rows(owner_id, meter, month_of(timezone.now()))
    return rows.values_list("amount", flat=True).first() or 0


def delete_usage_of(*, owner_id: int) -> None:
    """Forget what a user spent who leaves."""
    UsageMonth.objects.filter(owner_id=owner_id).delete()


def clear_old_usage() -> int:
    """Delete the months past their time; return how many rows went."""
    oldest = month_of(timezone.now() - settings.USAGE_KEPT)
    deleted, _ = UsageMonth.objects.filter(month__lt=oldest).delete()
    return deleted


def _rows(owner_id: int, meter: Meter, month: date) -> QuerySet[UsageMonth]:
    return UsageMonth.objects.filter(owner_id=owner_id, meter=meter, month=month)
