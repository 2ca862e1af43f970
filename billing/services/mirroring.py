"""What Stripe answers, stored as dj-stripe stores what its webhooks bring."""

import stripe
from djstripe.enums import APIKeyType
from djstripe.models import APIKey, Customer, Subscription

SECRET_TYPES = [APIKeyType.secret, APIKeyType.restricted]


def mirror_customer(answer: stripe.Customer, key: str) -> Customer:
    """Store a customer of Stripe's, and for which user it stands."""
    forget_former_keys(key)
    return Customer.sync_from_stripe_data(answer, api_key=key)


def mirror_subscription(answer: stripe.Subscription, key: str) -> Subscription:
    """Store a subscription of Stripe's; the standing of its user follows at once."""
    forget_former_keys(key)
    return Subscription.sync_from_stripe_data(answer, api_key=key)


def forget_former_keys(key: str) -> None:
    """Delete the keys of before a rotation: dj-stripe stores them, and goes on using the first."""
    APIKey.objects.filter(type__in=SECRET_TYPES).exclude(secret=key).delete()
