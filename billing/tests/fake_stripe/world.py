"""One account at the stand-in: its objects, its events, its clocks."""

import copy
import secrets
import string
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import stripe

from billing.tests.fake_stripe.errors import no_such
from billing.tests.fake_stripe.forms import Json

ALPHABET = string.ascii_letters + string.digits
NOUNS = {
    "checkout.session": "checkout.session",
    "payment_method": "PaymentMethod",
    "test_helpers.test_clock": "test clock",
}


class World:
    """Everything the stand-in remembers. Hold `lock` while reading or changing it."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.base_url = ""
        self.on_event: Callable[[Json], None] = lambda event: None
        self.clear()

    def clear(self) -> None:
        self.objects: dict[str, Json] = {}
        self.events: list[Json] = []
        self.declines: dict[str, int] = {}
        self.offset_seconds = 0
        self.after_retries = "canceled"
        self.request: Json = {"id": None, "idempotency_key": None}

    # Time

    def now(self, clock: str | None = None) -> int:
        """Unix seconds: of a test clock, or of the account, which may have been put forward."""
        if clock is not None:
            return int(self.objects[clock]["frozen_time"])
        return int(time.time()) + self.offset_seconds

    def now_for(self, owner: Json) -> int:
        """The time a customer, subscription or invoice lives in."""
        return self.now(owner.get("test_clock"))

    # Objects

    def new_id(self, prefix: str, length: int = 24) -> str:
        return prefix + "".join(secrets.choice(ALPHABET) for _ in range(length))

    def add(self, made: Json) -> Json:
        self.objects[made["id"]] = made
        return made

    def find(self, kind: str, object_id: str, *, param: str | None = None) -> Json:
        """The object itself, not a copy; refuses an id that is unknown or of another kind."""
        found = self.objects.get(object_id)
        if found is None or found["object"] != kind:
            raise no_such(NOUNS.get(kind, kind), object_id, param=param)
        return found

    def all(self, kind: str) -> Iterator[Json]:
        """Newest first; what was deleted is not listed."""
        for each in reversed(list(self.objects.values())):
            if each["object"] == kind and not each.get("deleted"):
                yield each

    # Events

    def emit(self, kind: str, subject: Json, previous: Json | None = None) -> Json:
        """Write down that `kind` happened to `subject`, as it is now."""
        data: Json = {"object": public(copy.deepcopy(subject))}
        if previous is not None:
            data["previous_attributes"] = previous
        event = {
            "id": self.new_id("evt_"),
            "object": "event",
            "api_version": stripe.api_version,
            "created": self.now_for(subject) if self.knows_clock(subject) else self.now(),
            "data": data,
            "livemode": False,
            "pending_webhooks": 1,
            "request": dict(self.request),
            "type": kind,
        }
        self.events.append(event)
        self.on_event(event)
        return event

    def knows_clock(self, subject: Json) -> bool:
        return subject.get("test_clock") in self.objects

    def change(self, subject: Json, kind: str, **fields: Any) -> None:
        """Set `fields`, and emit `kind` with what they were, unless nothing differs."""
        previous = {name: subject[name] for name in fields if subject[name] != fields[name]}
        if previous:
            subject.update(fields)
            self.emit(kind, subject, copy.deepcopy(previous))


def public(value: Any) -> Any:
    """Without the keys that begin with `_`: what only the stand-in needs to know."""
    if isinstance(value, list):
        return [public(member) for member in value]
    if not isinstance(value, dict):
        return value
    return {key: public(member) for key, member in value.items() if not key.startswith("_")}
