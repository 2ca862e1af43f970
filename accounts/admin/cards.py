"""What the admin's overview shows of accounts."""

from datetime import timedelta

from django.db.models import Count, Q
from django.db.models.functions import TruncDate
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Session, User
from alice.common.admin_cards import Card, register_dashboard_card

DAYS_SHOWN = 30


@register_dashboard_card
def sign_ups(request: HttpRequest) -> Card | None:
    if not request.user.has_perm("accounts.view_user"):
        return None
    today = timezone.now().date()
    days = [today - timedelta(days=back) for back in reversed(range(DAYS_SHOWN))]
    since = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    recent = User.objects.filter(created_at__gte=since - timedelta(days=DAYS_SHOWN - 1))
    per_day = dict(
        recent.annotate(day=TruncDate("created_at"))
        .order_by()
        .values_list("day")
        .annotate(count=Count("pk"))
    )
    values = [per_day.get(day, 0) for day in days]
    return Card(
        title="Sign-ups",
        figure=sum(values),
        note=f"in the last {DAYS_SHOWN} days",
        chart="bar",
        labels=[f"{day.day} {day:%b}" for day in days],
        values=values,
        href=reverse("admin:accounts_user_changelist"),
        is_wide=True,
    )


@register_dashboard_card
def live_sessions(request: HttpRequest) -> Card | None:
    if not request.user.has_perm("accounts.view_session"):
        return None
    now = timezone.now()
    spans = {"Hour": timedelta(hours=1), "Day": timedelta(days=1), "Week": timedelta(days=7)}
    seen = {
        name: Count("pk", filter=Q(last_seen_at__gt=now - span)) for name, span in spans.items()
    }
    counts = Session.objects.live(now).aggregate(**seen, All=Count("pk"))
    return Card(
        title="Live sessions",
        figure=counts["All"],
        note="by when they were last seen",
        chart="bar",
        labels=["Last hour", "Last day", "Last 7 days", "All"],
        values=[counts["Hour"], counts["Day"], counts["Week"], counts["All"]],
        colours="var(--color-primary-500)",
        href=reverse("admin:accounts_session_changelist") + "?state=live",
    )
