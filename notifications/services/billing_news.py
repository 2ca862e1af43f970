"""What becomes of a subscription, put into words for whoever pays for it."""

from datetime import datetime

from alice.common.tiers import PLANS_PATH
from collaboration.services.shareables import moment_in_words
from notifications.models import NotificationType
from notifications.services.sending import Note, notify_many
from notifications.services.topics import PAYMENT, SUBSCRIPTION

KEEPS_DATA = "Nothing of yours is deleted, but you cannot add more than the free plan allows."


def tell_of_failed_payment(*, user_id: int, subscription_id: int, grace_ends_at: datetime) -> int:
    """Tell a user that a renewal was not paid, and until when their plan stays; return how many.

    Once for each time, however often it is announced.
    """
    moment = moment_in_words(grace_ends_at)
    return _tell(
        user_id,
        Note(
            topic=PAYMENT,
            title="A payment for your plan has failed",
            message=f"Your plan stays until {moment}. Give another means of payment before then, "
            "or you are back to the free plan.",
            notification_type=NotificationType.WARNING,
            metadata={
                "subscription_id": subscription_id,
                "grace_ends_at": grace_ends_at.isoformat(),
            },
            source=f"billing.failed:{subscription_id}:{int(grace_ends_at.timestamp())}",
        ),
    )


def tell_of_recovered_payment(*, user_id: int, subscription_id: int) -> int:
    """Tell a user whose payment had failed that it has come."""
    note = Note(
        topic=PAYMENT,
        title="Your payment has arrived",
        message="Your plan goes on as before.",
        notification_type=NotificationType.SUCCESS,
        metadata={"subscription_id": subscription_id},
    )
    return _tell(user_id, note)


def tell_of_ended_grace(*, user_id: int, subscription_id: int) -> int:
    """Tell a user that they are back to the free plan, since the payment did not come."""
    note = Note(
        topic=PAYMENT,
        title="You are back to the free plan",
        message=f"The payment for your plan has not arrived in time. {KEEPS_DATA} "
        "Pay the open invoice to have your plan back.",
        notification_type=NotificationType.ERROR,
        metadata={"subscription_id": subscription_id},
    )
    return _tell(user_id, note)


def tell_of_start(*, user_id: int, subscription_id: int) -> int:
    """Tell a user that their subscription has begun."""
    note = Note(
        topic=SUBSCRIPTION,
        title="Your subscription has begun",
        message="All that your plan allows is yours from now on.",
        notification_type=NotificationType.SUCCESS,
        metadata={"subscription_id": subscription_id},
        source=f"billing.started:{subscription_id}",
    )
    return _tell(user_id, note)


def tell_of_scheduled_end(*, user_id: int, subscription_id: int, ends_at: datetime | None) -> int:
    """Tell a user that their subscription will end, and when if that is known."""
    when = f"on {moment_in_words(ends_at)}" if ends_at else "with the period that is paid"
    note = Note(
        topic=SUBSCRIPTION,
        title="Your subscription is cancelled",
        message=f"It ends {when}. Until then you can take the cancellation back.",
        metadata={
            "subscription_id": subscription_id,
            "ends_at": ends_at and ends_at.isoformat(),
        },
    )
    return _tell(user_id, note)


def tell_of_end(*, user_id: int, subscription_id: int) -> int:
    """Tell a user that their subscription is over."""
    note = Note(
        topic=SUBSCRIPTION,
        title="Your subscription has ended",
        message=f"You are on the free plan. {KEEPS_DATA} Plans: {PLANS_PATH}.",
        metadata={"subscription_id": subscription_id},
        source=f"billing.ended:{subscription_id}",
    )
    return _tell(user_id, note)


def _tell(user_id: int, note: Note) -> int:
    return len(notify_many(owner_ids=[user_id], note=note))
