"""What the first frame of /ws/events tells, so that a client needs no request to begin with."""

from collections.abc import Callable, Mapping
from typing import Any

Greeting = Callable[[int], Mapping[str, Any]]
_greetings: list[Greeting] = []


def register_greeting(greeting: Greeting) -> None:
    """Have `greeting(user_id)` answer fields of the hello; to be called from an app's `ready()`.

    It runs in a thread with a database connection, when pushed frames are heard already: what
    changes from then on is to be pushed. If it fails for an outage the socket is closed (1013).
    """
    if greeting not in _greetings:
        _greetings.append(greeting)


def greeting_for(user_id: int) -> dict[str, Any]:
    """All that is registered, for one user."""
    fields: dict[str, Any] = {}
    for greeting in _greetings:
        fields |= greeting(user_id)
    return fields
