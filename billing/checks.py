from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register  # noqa: A004


@register(deploy=True)
def stripe_is_set_up_whole(**_: Any) -> Sequence[CheckMessage]:
    if settings.STRIPE_SECRET_KEY and not settings.STRIPE_WEBHOOK_SECRETS:
        text = "STRIPE_WEBHOOK_SECRET is not set: payments would be taken and never noticed."
        hint = "Make an endpoint for /api/billing/webhook at Stripe and set its signing secret."
        return [Warning(text, hint=hint, id="billing.W001")]
    return []
