from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from djstripe import models as mirrored

from alice.common.tiers import DEFAULT_TIER

PRO_TIER = "pro"


class StandingQuerySet(models.QuerySet["Standing"]):
    def pro(self, now: datetime) -> Self:
        """Of users who have the paid tier at this moment."""
        return self.filter(pro_until__gt=now)

    def in_grace(self, now: datetime) -> Self:
        """A payment is missing, and the tier still there."""
        return self.filter(grace_ends_at__gt=now)

    def past_grace(self, now: datetime) -> Self:
        """A payment is missing for too long, and nobody was told yet that the tier is gone."""
        return self.filter(grace_ends_at__lte=now, grace_ended_at=None)

    def run_out(self, now: datetime) -> Self:
        """Pro by the row, but no news came from Stripe for longer than a renewal takes."""
        return self.filter(tier=PRO_TIER, pro_until__lte=now, grace_ends_at=None)


class Standing(models.Model):
    """What a user's subscription at Stripe means here: the tier, and until when without news.

    Derived from the mirrored subscriptions by `services.tiers.refresh`, in the transaction
    that changes them, and by nothing else. A user who never subscribed has no row.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="standing",
    )
    subscription_id = models.BigIntegerField(
        null=True, help_text="The row of the mirrored subscription that counts."
    )
    status = models.CharField(max_length=32, blank=True, help_text="As Stripe calls it.")
    tier = models.CharField(max_length=16, default=DEFAULT_TIER, help_text="As last announced.")
    pro_until = models.DateTimeField(
        null=True, help_text="The paid tier ends then, unless Stripe tells of a renewal before."
    )
    is_cancel_scheduled = models.BooleanField(default=False)
    ends_at = models.DateTimeField(null=True, help_text="The end that was asked for.")
    past_due_since = models.DateTimeField(null=True, help_text="When a payment failed.")
    grace_ends_at = models.DateTimeField(null=True)
    grace_ended_at = models.DateTimeField(null=True, help_text="When the end was announced.")
    changed_at = models.DateTimeField(help_text="When the status or the tier last changed.")

    objects = StandingQuerySet.as_manager()

    class Meta:
        ordering = ["-changed_at", "-pk"]
        verbose_name = "standing"
        verbose_name_plural = "standings"
        constraints = [
            models.CheckConstraint(
                condition=Q(past_due_since=None, grace_ends_at=None)
                | Q(past_due_since__isnull=False, grace_ends_at__isnull=False),
                name="standing_grace_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(grace_ended_at=None) | Q(grace_ends_at__isnull=False),
                name="standing_grace_ends_once_begun",
            ),
        ]
        indexes = [
            models.Index(
                fields=["grace_ends_at"],
                condition=Q(grace_ends_at__isnull=False, grace_ended_at=None),
                name="standing_in_grace",
            ),
        ]

    def __str__(self) -> str:
        return f"standing of user {self.pk}"

    def tier_at(self, now: datetime) -> str:
        """The tier at a moment: a row that nobody refreshed in time grants nothing."""
        is_pro = self.pro_until is not None and self.pro_until > now
        return PRO_TIER if is_pro else DEFAULT_TIER


# dj-stripe's rows under names that staff can read: its own take cents for dollars.


class Customer(mirrored.Customer):  # type: ignore[misc]  # dj-stripe has no types
    class Meta:
        proxy = True
        ordering = ["-djstripe_id"]

    def __str__(self) -> str:
        return str(self.subscriber or self.email or self.id)


class Subscription(mirrored.Subscription):  # type: ignore[misc]
    class Meta:
        proxy = True
        ordering = ["-created", "-djstripe_id"]

    def __str__(self) -> str:
        return f"Subscription {self.djstripe_id}"


class Invoice(mirrored.Invoice):  # type: ignore[misc]
    class Meta:
        proxy = True
        ordering = ["-created", "-djstripe_id"]

    def __str__(self) -> str:
        return f"Invoice {self.stripe_data.get('number') or self.id}"


class Event(mirrored.Event):  # type: ignore[misc]
    class Meta:
        proxy = True
        ordering = ["-created", "-djstripe_id"]
        verbose_name = "Stripe event"

    def __str__(self) -> str:
        return f"{self.type} {self.id}"
