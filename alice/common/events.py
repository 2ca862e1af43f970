"""Announcing what happened, once it is committed."""

from collections import defaultdict
from collections.abc import Callable
from functools import partial, update_wrapper
from typing import Any, TypeVar

from django.db import transaction

Event = TypeVar("Event")
Handler = TypeVar("Handler", bound=Callable[..., None])

_handlers: defaultdict[type, list[Callable[[Any], None]]] = defaultdict(list)


def subscribe(event_type: type) -> Callable[[Handler], Handler]:
    """Have the decorated function called with every `event_type` that is published.

    Handlers enqueue a task or push to a socket; they run in the publisher's thread, after the
    commit. Importing a module twice registers a handler once.
    """

    def register(handler: Handler) -> Handler:
        if handler not in _handlers[event_type]:
            _handlers[event_type].append(handler)
        return handler

    return register


def publish(event: object) -> None:
    """Hand `event` to its subscribers once the current transaction has committed.

    Delivery is at most once: a rolled back transaction announces nothing, and a handler that
    fails is logged without disturbing the caller or the other handlers. What must not be lost is
    a row first; its event only wakes the worker.
    """
    for handler in _handlers[type(event)]:
        # Django names a failed callback in its log, and a bare partial has no name.
        call = update_wrapper(partial(handler, event), handler)
        transaction.on_commit(call, robust=True)
