"""Posting notifications to the endpoints of their owners."""

from datetime import timedelta
from typing import Any

import orjson
from django.db import transaction
from django.utils import timezone

from alice.common.outbound import (
    OutboundError,
    OutboundRefused,
    OutboundResponse,
    fetch,
)
from alice.common.secrets import SecretUnreadable
from notifications.models import Delivery, DeliveryStatus, Endpoint, Notification
from notifications.services import deliveries
from notifications.services.endpoints import TEST, secrets_of
from notifications.services.payloads import payload_of, written
from notifications.services.signing import signed_headers

SENT, TESTED = "notification.sent", "webhook.test"
CALL_SECONDS = 10.0
ANSWER_BYTES_MAX = 256 * 1024
BODY_BYTES_MAX = 20_000
CUT_MESSAGE = 1000
GONE = 410
WAIT_MAX_SECONDS = 3600
DISABLED = "The endpoint is disabled."
GONE_SENTENCE = "The endpoint answered 410 and is disabled now."
UNREADABLE = "The endpoint's secret cannot be read. Rotate it."


def call(delivery: Delivery) -> None:
    """Make one claimed call and settle it by what is answered: 2xx is success, 410 the end."""
    endpoint = delivery.endpoint
    if endpoint is None or not endpoint.is_enabled:
        deliveries.settle_failed([delivery], DISABLED)
        return
    try:
        answer = _post(delivery, endpoint)
    except SecretUnreadable:
        deliveries.settle_failed([delivery], UNREADABLE)
    except OutboundRefused as refusal:
        deliveries.settle_failed([delivery], refusal.detail)
    except OutboundError as fault:
        _try_later(delivery, endpoint, fault.detail)
    else:
        _judge(delivery, endpoint, answer)


def body_of(row: Notification) -> bytes:
    """What is posted, below 20 kB: if need be without metadata and with the message cut."""
    event = {
        "type": TESTED if row.topic == TEST else SENT,
        "timestamp": written(row.created_at),
        "data": payload_of(row),
    }
    body = orjson.dumps(event)
    if len(body) < BODY_BYTES_MAX:
        return body
    cut: dict[str, Any] = {"metadata": {}, "message": row.message[:CUT_MESSAGE], "is_cut": True}
    return orjson.dumps(event | {"data": payload_of(row) | cut})


def _post(delivery: Delivery, endpoint: Endpoint) -> OutboundResponse:
    body = body_of(delivery.notification)
    now = timezone.now()
    headers = signed_headers(
        message_id=f"msg_{delivery.message_id.hex if delivery.message_id else delivery.pk}",
        timestamp=int(now.timestamp()),
        body=body,
        signed_by=secrets_of(endpoint, now),
    )
    return fetch(
        "POST",
        endpoint.url,
        headers=headers | {"Content-Type": "application/json"},
        body=body,
        deadline_seconds=CALL_SECONDS,
        max_bytes=ANSWER_BYTES_MAX,
    )


def _judge(delivery: Delivery, endpoint: Endpoint, answer: OutboundResponse) -> None:
    if 200 <= answer.status < 300:
        deliveries.settle_delivered([delivery], response_status=answer.status)
        if endpoint.paused_until:
            Endpoint.objects.filter(pk=endpoint.pk).update(paused_until=None)
    elif answer.status == GONE:
        _disable(delivery, endpoint)
    else:
        _try_later(delivery, endpoint, f"The endpoint answered {answer.status}.", answer)


def _try_later(
    delivery: Delivery, endpoint: Endpoint, error: str, answer: OutboundResponse | None = None
) -> None:
    delay = deliveries.settle_for_now(
        [delivery],
        error,
        response_status=answer.status if answer else None,
        not_before=_wished_wait(answer),
    )
    deliveries.pause(endpoint.pk, delay or deliveries.PAUSE_MAX)


def _wished_wait(answer: OutboundResponse | None) -> timedelta:
    wish = answer.headers.get("retry-after", "") if answer else ""
    is_number = wish.isascii() and wish.isdigit() and len(wish) < 10
    return timedelta(seconds=min(int(wish), WAIT_MAX_SECONDS) if is_number else 0)


@transaction.atomic
def _disable(delivery: Delivery, endpoint: Endpoint) -> None:
    Endpoint.objects.filter(pk=endpoint.pk).update(is_enabled=False)
    deliveries.settle_failed([delivery], GONE_SENTENCE, response_status=GONE)
    waiting = Delivery.objects.filter(endpoint=endpoint, status=DeliveryStatus.PENDING)
    waiting.update(status=DeliveryStatus.FAILED, error=DISABLED)
