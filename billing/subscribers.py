from typing import Any

from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from djstripe.models import Customer, Subscription

from alice.common import gate, tiers
from alice.common.events import subscribe
from alice.common.realtime.groups import user_group
from alice.common.realtime.push import push
from billing.events import SubscriptionChanged, TierChanged
from billing.services.tiers import refresh_of_customer


# dj-stripe announces its rows by Django's signals, whoever it was that synced them.
@receiver([post_save, post_delete], sender=Subscription)
def refresh_for_subscription(instance: Subscription, **_: Any) -> None:
    refresh_of_customer(customer_id=instance.customer_id)


@receiver([post_save, post_delete], sender=Customer)
def refresh_for_customer(instance: Customer, **_: Any) -> None:
    refresh_of_customer(customer_id=instance.id)


@subscribe(TierChanged)
def count_by_the_new_tier(event: TierChanged) -> None:
    # Asked anew: of two changes at once, the handler of the older may come last.
    # Not by tier_of, which remembers what the request in hand was let in by.
    gate.change_tier(event.user_id, tiers.tiers_of([event.user_id])[event.user_id])


@subscribe(SubscriptionChanged)
def tell_the_sockets(event: SubscriptionChanged) -> None:
    frame = {"type": "billing", "tier": event.tier, "status": event.status}
    push(user_group(event.user_id), frame)
