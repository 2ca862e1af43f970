"""The audit log: who did what to whom."""

from typing import Any

from alice.common import request_context
from alice.common.logs import redact
from system.models import AuditEntry


def record(
    *,
    action: str,
    target: str = "",
    actor_id: int | None = None,
    actor_name: str = "",
    **details: Any,
) -> AuditEntry:
    """Note an act in the caller's transaction, with the request's id and peer.

    `action` is `domain.past_tense`, `target` is `kind:id`. Secrets in `details` are hidden.
    """
    context = request_context.current_or_none()
    return AuditEntry.objects.create(
        action=action,
        target=target,
        actor_id=actor_id,
        actor_name=actor_name,
        details=redact(details),
        peer=context.peer if context else "",
        request_id=context.request_id if context else "",
    )
