"""How a refusal sounds: 404 to whom a thing is nothing, 403 to whom it is shown."""

from typing import Any

from django.db.models import QuerySet

from alice.common.errors import DomainError, Forbidden, NotFound


class ViewOnly(Forbidden):
    code = "view_only"
    detail = "This is shared with you to look at, not to change."


class OwnerOnly(Forbidden):
    code = "owner_only"
    detail = "Only its owner may do this."


def refusal(shared: QuerySet[Any] | None, key: int, kind: type[Forbidden]) -> DomainError:
    """What to raise where a row may not be changed: a `kind` if it is among `shared`.

    `shared` are the rows that the caller is shown by others; to anybody else it is `NotFound`.
    """
    is_seen = shared is not None and shared.filter(pk=key).exists()
    return kind() if is_seen else NotFound()
