"""Stripe's events are a log: they are kept for a time."""

from django.conf import settings
from django.utils import timezone
from djstripe.models import Event

BATCH = 1000


def prune_events() -> int:
    """Delete events older than `BILLING_EVENTS_KEPT`, some at a time; return how many went.

    An event that comes again after that would be processed again, which changes nothing.
    """
    oldest = timezone.now() - settings.BILLING_EVENTS_KEPT
    pruned = 0
    while batch := list(
        Event.objects.filter(djstripe_created__lt=oldest).values_list("pk", flat=True)[:BATCH]
    ):
        Event.objects.filter(pk__in=batch).delete()
        pruned += len(batch)
    return pruned
