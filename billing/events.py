from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class TierChanged:
    """From now on the user has what `tier` allows; `status` is Stripe's word, "" for none."""

    user_id: int
    tier: str
    status: str


@dataclass(frozen=True, kw_only=True)
class SubscriptionChanged:
    """Something that the user is shown has changed: status, period, plan or cancellation."""

    user_id: int
    tier: str
    status: str


@dataclass(frozen=True, kw_only=True)
class SubscriptionStarted:
    """A user without a plan has one, trials included."""

    user_id: int
    subscription_id: int


@dataclass(frozen=True, kw_only=True)
class CancelScheduled:
    """The subscription will end at `ends_at`, unless it is reactivated until then."""

    user_id: int
    subscription_id: int
    ends_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class CancelWithdrawn:
    """A cancellation that was scheduled is not to happen."""

    user_id: int
    subscription_id: int


@dataclass(frozen=True, kw_only=True)
class SubscriptionEnded:
    """The subscription is over for good."""

    user_id: int
    subscription_id: int


@dataclass(frozen=True, kw_only=True)
class PaymentFailed:
    """A renewal was not paid: the tier stays until `grace_ends_at`. Once for each such time."""

    user_id: int
    subscription_id: int
    grace_ends_at: datetime


@dataclass(frozen=True, kw_only=True)
class PaymentRecovered:
    """What had not been paid is paid."""

    user_id: int
    subscription_id: int


@dataclass(frozen=True, kw_only=True)
class GraceEnded:
    """The days of grace are over without a payment: the user is back to the free tier."""

    user_id: int
    subscription_id: int
