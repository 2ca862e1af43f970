"""Delivering what is due, until nothing is left or others should have a turn."""

import logging
import time

from notifications.models import Channel, Delivery
from notifications.services import calls, deliveries, mails

logger = logging.getLogger("alice.notifications")

DRAIN_SECONDS = 30
FAULT = "Something went wrong on our side. It has been logged."


def deliver_due(channel: str) -> int:
    """Deliver what is due on a channel, for half a minute at most; return how many were tried.

    Safe to run at the same time in many places. A fault with one does not stop the others.
    """
    is_over = time.monotonic() + DRAIN_SECONDS
    tried = 0
    while time.monotonic() < is_over and (claimed := _claim(channel)):
        _deliver(channel, claimed)
        tried += len(claimed)
    return tried


def _claim(channel: str) -> list[Delivery]:
    if channel == Channel.EMAIL:
        return deliveries.claim_mail()
    claimed = deliveries.claim_call()
    return [claimed] if claimed else []


def _deliver(channel: str, claimed: list[Delivery]) -> None:
    if deliveries.is_lost(claimed[0]):
        deliveries.settle_failed(claimed, deliveries.WORKER_LOST)
        return
    try:
        if channel == Channel.EMAIL:
            mails.send(claimed)
        else:
            calls.call(claimed[0])
    except Exception:
        logger.exception("Delivery failed", extra={"delivery_id": claimed[0].pk})
        deliveries.settle_for_now(claimed, FAULT)
