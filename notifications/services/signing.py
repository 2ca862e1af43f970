"""Signatures of calls (https://www.standardwebhooks.com, version 1.0.0)."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable

from alice.common.secrets import Secret

PREFIX = "whsec_"
SECRET_BYTES = 32


def new_secret() -> Secret:
    """A fresh secret, written `whsec_` and base64."""
    return Secret(PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode())


def signed_headers(
    *, message_id: str, timestamp: int, body: bytes, signed_by: Iterable[Secret]
) -> dict[str, str]:
    """The three headers of a call; one signature for each secret, in their order.

    `timestamp` is in seconds, that of this try. Raises `SecretUnreadable`.
    """
    content = f"{message_id}.{timestamp}.".encode() + body
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(_signature(secret, content) for secret in signed_by),
    }


def _signature(secret: Secret, content: bytes) -> str:
    key = base64.b64decode(secret.reveal().removeprefix(PREFIX))
    return "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
