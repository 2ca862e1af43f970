from celery import shared_task
from django.conf import settings

from billing.services import catching_up, pruning, tiers
from billing.stripe_api import StripeUnavailable


@shared_task(autoretry_for=(StripeUnavailable,), max_retries=3, retry_backoff=60)
def catch_up() -> int:
    """Process what Stripe told while nobody listened; without a key there is nothing to ask."""
    return catching_up.catch_up().processed if settings.STRIPE_SECRET_KEY else 0


@shared_task
def end_grace() -> int:
    """Tell those whose payment is missing for too long that they are back to the free tier."""
    return tiers.end_grace()


@shared_task
def prune_events() -> int:
    """Delete events of Stripe's past their time."""
    return pruning.prune_events()
