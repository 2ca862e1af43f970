"""What is earned, on the first page of the admin: by month, by plan and by currency."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import BigIntegerField, Count, DateTimeField, F, Func, Sum, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce, TruncMonth
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from alice.common.admin_cards import Card, Series, register_dashboard_card
from billing.models import Invoice, Subscription
from billing.selectors import major_units, of_this_mode

MONTHS_SHOWN = 12
PLANS_SHOWN = 8
CURRENCIES_SHOWN = 4
# An invoice is paid later than it is made, but hardly by more.
PAID_WITHIN = timedelta(days=90)
COLOURS = ["#22c55e", "#3b82f6", "#a855f7", "#f97316"]
NEW_COLOUR, ENDED_COLOUR = "#22c55e", "#ef4444"

# What one month brings: prices by year, week and day are taken to be that of a twelfth of a year.
# Discounts, taxes and metered prices are left out; so are trials, which bring nothing yet.
RECURRING = """
SELECT price->>'currency',
       coalesce(price->>'lookup_key', price->>'nickname', price->>'id'),
       count(DISTINCT id),
       sum(coalesce((price->>'unit_amount')::numeric, 0) * quantity * CASE unit
             WHEN 'year' THEN 1 / 12.0 WHEN 'week' THEN 365 / 84.0
             WHEN 'day' THEN 365 / 12.0 ELSE 1 END / every)
  FROM (SELECT subscription.id, item->'price' AS price,
               coalesce((item->>'quantity')::numeric, 1) AS quantity,
               item#>>'{price,recurring,interval}' AS unit,
               greatest(coalesce((item#>>'{price,recurring,interval_count}')::numeric, 1), 1)
                 AS every
          FROM djstripe_subscription AS subscription,
               jsonb_path_query(subscription.stripe_data, '$.items.data[*]') AS item
         WHERE subscription.stripe_data->>'status' IN ('active', 'past_due')
           AND (%(livemode)s::boolean IS NULL OR subscription.livemode = %(livemode)s)) AS items
 WHERE price->>'currency' IS NOT NULL
 GROUP BY 1, 2
 ORDER BY 4 DESC, 2
"""


@register_dashboard_card
def recurring_revenue(request: HttpRequest) -> Card | None:
    if not request.user.has_perm("billing.view_subscription"):
        return None
    plans = recurring_by_plan()
    totals: defaultdict[str, float] = defaultdict(float)
    for currency, _plan, _count, amount in plans:
        totals[currency] += amount
    currency = next(iter(ranked(totals)), "")
    others = [f"{round(totals[other])} {other.upper()}" for other in ranked(totals)[1:]]
    shown = [row for row in plans if row[0] == currency][:PLANS_SHOWN]
    return Card(
        title="Recurring revenue",
        figure=round(totals.get(currency, 0)),
        note=" and ".join([f"{currency.upper()} a month".strip(), *others]) + ", by plan",
        chart="bar",
        labels=[f"{plan} ({count})" for _currency, plan, count, _amount in shown],
        values=[round(amount) for *_, amount in shown],
        colours=COLOURS[0],
        href=reverse("admin:billing_subscription_changelist"),
    )


@register_dashboard_card
def paid_invoices(request: HttpRequest) -> Card | None:
    if not request.user.has_perm("billing.view_invoice"):
        return None
    months = last_months()
    paid = paid_by_month(months[0])
    totals = {currency: sum(by_month.values()) for currency, by_month in paid.items()}
    currencies = ranked(totals)[:CURRENCIES_SHOWN]
    first = currencies[0] if currencies else ""
    series = [
        Series(currency.upper(), [round(paid[currency].get(month, 0)) for month in months], colour)
        for currency, colour in zip(currencies, COLOURS, strict=False)
    ]
    return Card(
        title="Paid invoices",
        figure=round(paid[first].get(months[-1], 0)) if first else 0,
        note=f"{first.upper()} this month".strip(),
        chart="bar",
        labels=labels_of(months),
        values=[0] * len(months),
        series=series,
        href=reverse("admin:billing_invoice_changelist") + "?status=paid",
    )


@register_dashboard_card
def subscriptions_by_month(request: HttpRequest) -> Card | None:
    if not request.user.has_perm("billing.view_subscription"):
        return None
    months = last_months()
    new, ended, running = subscription_counts(months[0])
    return Card(
        title="Subscriptions",
        figure=running,
        note="are running; new and ended by month",
        chart="bar",
        labels=labels_of(months),
        series=[
            Series("new", [new.get(month, 0) for month in months], NEW_COLOUR),
            Series("ended", [ended.get(month, 0) for month in months], ENDED_COLOUR),
        ],
        href=reverse("admin:billing_subscription_changelist"),
    )


def recurring_by_plan() -> list[tuple[str, str, int, float]]:
    """Currency, plan, number of subscriptions and what they bring a month; the largest first."""
    livemode = settings.STRIPE_LIVE_MODE if settings.STRIPE_SECRET_KEY else None
    with connection.cursor() as cursor:
        cursor.execute(RECURRING, {"livemode": livemode})
        return [
            (currency, plan, count, major_units(round(amount), currency))
            for currency, plan, count, amount in cursor.fetchall()
        ]


def paid_by_month(since: datetime) -> dict[str, dict[datetime, float]]:
    """Per currency and month what was paid, in the currency's own unit."""
    paid_at = KT("stripe_data__status_transitions__paid_at")
    rows = (
        Invoice.objects.filter(stripe_data__status="paid", created__gte=since - PAID_WITHIN)
        .filter(**of_this_mode())
        .annotate(paid_at=Coalesce(moment_of(paid_at), F("created"), output_field=DateTimeField()))
        .filter(paid_at__gte=since)
        .annotate(month=TruncMonth("paid_at", tzinfo=UTC), currency=KT("stripe_data__currency"))
        .order_by()
        .values_list("currency", "month")
        .annotate(amount=Sum(Cast(KT("stripe_data__amount_paid"), BigIntegerField())))
    )
    paid: dict[str, dict[datetime, float]] = {}
    for currency, month, amount in rows:
        if currency and amount:
            paid.setdefault(currency, {})[month] = major_units(amount, currency)
    return paid


def subscription_counts(since: datetime) -> tuple[dict[Any, int], dict[Any, int], int]:
    """Per month those that began and those that ended, and how many run now."""
    ours = Subscription.objects.filter(**of_this_mode()).order_by()
    begun = ours.exclude(stripe_data__status__in=["incomplete", "incomplete_expired"])
    ended_at = moment_of(KT("stripe_data__ended_at"))
    new = counted("new", begun.annotate(at=F("created")).filter(at__gte=since))
    ended = counted("ended", begun.annotate(at=ended_at).filter(at__gte=since))
    running = ours.filter(stripe_data__status__in=["active", "trialing", "past_due"])
    counts: dict[str, dict[Any, int]] = {"new": {}, "ended": {}, "running": {}}
    now = Value(timezone.now(), DateTimeField())
    for kind, month, count in new.union(
        ended, counted("running", running.annotate(at=now)), all=True
    ):
        counts[kind][month] = count
    return counts["new"], counts["ended"], sum(counts["running"].values())


def counted(kind: str, rows: Any) -> Any:
    """How many there are of a kind in each month, by the time `at`."""
    named = rows.annotate(kind=Value(kind), month=TruncMonth("at", tzinfo=UTC))
    return named.values_list("kind", "month").annotate(count=Count("pk"))


def moment_of(stamp: Any) -> Func:
    """A point in time that JSON holds as Unix seconds."""
    seconds = Cast(stamp, BigIntegerField())
    return Func(seconds, function="to_timestamp", output_field=DateTimeField())


def ranked(totals: dict[str, float]) -> list[str]:
    """Currencies by how much there is of them, which says little of their worth."""
    return sorted(totals, key=lambda currency: (-totals[currency], currency))


def last_months() -> list[datetime]:
    """The first moments of this month and of those before it, oldest first."""
    month = (
        timezone.now().astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    )
    months = [month]
    while len(months) < MONTHS_SHOWN:
        month = (month - timedelta(days=1)).replace(day=1)
        months.append(month)
    return months[::-1]


def labels_of(months: list[datetime]) -> list[str]:
    return [f"{month:%b}" for month in months]
