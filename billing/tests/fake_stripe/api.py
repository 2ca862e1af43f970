"""A call from its arrival to its answer: key, version, trouble, idempotency, work."""

import json
import secrets
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import stripe

from billing.tests.fake_stripe import expanding, forms, routing
from billing.tests.fake_stripe.errors import Refused
from billing.tests.fake_stripe.faults import Dropped, Fault, Faults
from billing.tests.fake_stripe.forms import Json
from billing.tests.fake_stripe.handlers import (  # noqa: F401, they register their routes
    checkout,
    customers,
    invoices,
    others,
    payment_methods,
    products,
    subscriptions,
)
from billing.tests.fake_stripe.world import World

# Kept by key with whatever came of the work; a refusal before any work is not.
NOT_KEPT = {400, 401, 404, 409, 429}
KINDS = {400: "invalid_request_error", 401: "invalid_request_error", 402: "card_error"}


@dataclass(frozen=True)
class Call:
    """One request as it came."""

    method: str
    path: str
    params: Json
    headers: dict[str, str] = field(repr=False)

    def header(self, name: str) -> str:
        return self.headers.get(name.lower(), "")


@dataclass(frozen=True)
class Answer:
    status: int
    body: Json
    headers: dict[str, str] = field(default_factory=dict)


class Api:
    """Answers calls about one world. `calls` and `unserved` are for tests to look at."""

    def __init__(self, world: World, faults: Faults, secret_key: str) -> None:
        self.world, self.faults, self.secret_keys = world, faults, {secret_key}
        self.on_change: Callable[[], None] = lambda: None
        self.clear()

    def clear(self) -> None:
        self.calls: list[Call] = []
        self.unserved: list[Call] = []
        self.crashes: list[str] = []
        self.kept: dict[str, tuple[Any, Answer]] = {}
        self.in_flight: set[str] = set()

    def answer(self, call: Call) -> Answer:
        """What to send back; raises `Dropped` when nothing is to be sent."""
        self.calls.append(call)
        fault = self.faults.take(call.method, call.path)
        try:
            self.check(call)
            answer = self.once(call, fault)
        except Refused as refused:
            answer = Answer(refused.status, refused.body)
        if call.method != "GET":
            self.on_change()
        if fault and fault.is_late:
            self.suffer(fault)
        return Answer(answer.status, answer.body, {**self.usual_headers(), **answer.headers})

    def suffer(self, fault: Fault) -> None:
        """Wait, or hang up; an injected error is an answer and comes with `work`."""
        if fault.gate:
            fault.gate.pass_through(fault.seconds)
        if fault.status < 0:
            raise Dropped

    def usual_headers(self) -> dict[str, str]:
        return {"Request-Id": f"req_{secrets.token_hex(7)}", "Stripe-Version": stripe.api_version}

    def check(self, call: Call) -> None:
        kind, _, key = call.header("Authorization").partition(" ")
        if kind != "Bearer" or key not in self.secret_keys:
            raise Refused(f"Invalid API Key provided: {key[:7]}***{key[-4:]}", status=401)
        if call.header("Stripe-Version") not in {"", stripe.api_version}:
            raise Refused(f"Invalid Stripe API version: {call.header('Stripe-Version')}")

    def once(self, call: Call, fault: Fault | None) -> Answer:
        """The work, or for a POST whose key is known, what came of it the first time."""
        key = call.header("Idempotency-Key")
        if call.method != "POST" or not key:
            return self.work(call, fault)
        with self.world.lock:
            if key in self.kept:
                return self.replay(call, *self.kept[key])
            if key in self.in_flight:
                raise Refused(
                    "There is currently another in-progress request using this Idempotency Key.",
                    status=409,
                    kind="idempotency_error",
                    code="idempotency_key_in_use",
                )
            self.in_flight.add(key)
        try:
            answer = self.work(call, fault)
        finally:
            self.in_flight.discard(key)
        if answer.status not in NOT_KEPT:
            self.kept[key] = ((call.method, call.path, call.params), answer)
        return answer

    def replay(self, call: Call, first: Any, answer: Answer) -> Answer:
        if first != (call.method, call.path, call.params):
            raise Refused(
                "Keys for idempotent requests can only be used with the same parameters they"
                " were first used with.",
                kind="idempotency_error",
            )
        return Answer(answer.status, answer.body, {"Idempotent-Replayed": "true"})

    def work(self, call: Call, fault: Fault | None) -> Answer:
        if fault and not fault.is_late:
            self.suffer(fault)
        if fault and fault.status > 0:
            kind = KINDS.get(fault.status, "api_error")
            refused = Refused(
                "An injected fault.", status=fault.status, kind=kind, code=fault.code
            )
            return Answer(fault.status, refused.body)
        try:
            return Answer(200, self.result(call))
        except Refused as refused:
            return Answer(refused.status, refused.body)

    def result(self, call: Call) -> Json:
        try:
            route, ids = routing.find(call.method, call.path)
        except Refused:
            self.unserved.append(call)
            raise
        params = forms.read(call.params, route.params_type, route.honoured)
        paths = params.pop("expand", [])
        key = call.header("Idempotency-Key") or None
        with self.world.lock:
            self.world.request = {"id": f"req_{secrets.token_hex(7)}", "idempotency_key": key}
            try:
                done = route.handler(self.world, params, **ids)
                return expanding.expanded(self.world, done, paths)
            except Refused:
                raise
            except Exception as error:
                self.crashes.append(traceback.format_exc())
                raise Refused(f"The stand-in broke: {error!r}", status=500) from error
            finally:
                self.world.request = {"id": None, "idempotency_key": None}


def encode(answer: Answer) -> bytes:
    return json.dumps(answer.body).encode()
