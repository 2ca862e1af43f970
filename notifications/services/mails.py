"""Notifications by mail: plain text, one by one or gathered."""

from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from notifications.models import Delivery
from notifications.services import deliveries
from notifications.services.action_urls import absolute

SHOWN_MAX = 100
NOT_VERIFIED = "The e-mail address is not verified."
NOT_ACTIVE = "The account is deactivated."
NOT_TAKEN = "The mail server does not take it."


def send(claimed: list[Delivery]) -> None:
    """Send one mail with all these, claimed together, and settle them.

    Only to a verified address: to others mails would reach people who never asked for them.
    """
    owner = claimed[0].owner
    if not owner.is_active or owner.email_verified_at is None:
        deliveries.settle_failed(claimed, NOT_VERIFIED if owner.is_active else NOT_ACTIVE)
        return
    try:
        mail_of(claimed).send()
    except (SMTPException, OSError):
        deliveries.settle_for_now(claimed, NOT_TAKEN)
    else:
        deliveries.settle_delivered(claimed)


def mail_of(claimed: list[Delivery]) -> EmailMessage:
    """The mail; with the same Message-ID at every try, by which a second copy is known."""
    owner = claimed[0].owner
    rows = [delivery.notification for delivery in claimed]
    context = {
        "owner": owner,
        "site": settings.PUBLIC_URL,
        "notes": [(row, absolute(row.action_url)) for row in rows[:SHOWN_MAX]],
        "left_out": max(0, len(rows) - SHOWN_MAX),
    }
    one_line = " ".join(rows[0].title.split())
    return EmailMessage(
        one_line if len(rows) == 1 else f"{len(rows)} notifications",
        render_to_string("notifications/mails/notifications.txt", context).strip() + "\n",
        to=[owner.email],
        headers={
            "Message-ID": f"<{claimed[0].message_id}@{settings.MAIL_DOMAIN}>",
            "Auto-Submitted": "auto-generated",  # RFC 3834: no out-of-office answers
        },
    )
