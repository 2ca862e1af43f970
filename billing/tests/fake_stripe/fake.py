"""The stand-in as tests hold it: a server, levers for trouble, a shopper, a clock."""

import copy
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stripe import WebhookSignature

from billing.tests.fake_stripe import catalogue, clocks, life, shopper, storage
from billing.tests.fake_stripe.api import Api, Call
from billing.tests.fake_stripe.faults import Fault, Faults, Held
from billing.tests.fake_stripe.forms import Json
from billing.tests.fake_stripe.handlers import customers
from billing.tests.fake_stripe.pages import Pages
from billing.tests.fake_stripe.server import Handler, Server
from billing.tests.fake_stripe.world import World, public

SECRET_KEY = "sk_test_StandInForStripe0000000000"
WEBHOOK_SECRET = "whsec_StandInForStripe0000000000"
DAY = 24 * 3600


class FakeStripe:
    """Stripe on a loopback port. Everything a test does to it goes through here."""

    monthly_price = catalogue.MONTHLY
    yearly_price = catalogue.YEARLY

    def __init__(
        self, *, secret_key: str = SECRET_KEY, webhook_secret: str = WEBHOOK_SECRET
    ) -> None:
        self.secret_key, self.webhook_secret = secret_key, webhook_secret
        self.world, self.faults = World(), Faults()
        self.api = Api(self.world, self.faults, secret_key)
        self.url = ""
        self.path: Path | None = None
        self.reset()

    def start(self, listener: socket.socket | None = None, path: Path | None = None) -> None:
        """Serve on `listener`, or on a free loopback port; `url` then names it.

        With a `path`, what is kept there is taken over, and every change written there.
        """
        if listener is None:
            listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.server = Server(listener.getsockname(), Handler, bind_and_activate=False)
        self.server.socket.close()
        self.server.socket = listener
        self.server.api, self.server.pages = self.api, Pages(self.world, self.save)
        self.url = self.world.base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        if path is not None:
            self.keep(path)
        threading.Thread(target=self.server.serve_forever, args=[0.05], daemon=True).start()

    def keep(self, path: Path) -> None:
        if not storage.load(self.world, path):
            self.reset()
        self.path = path
        self.api.on_change = self.save

    def save(self) -> None:
        if self.path is not None:
            storage.save(self.world, self.path)

    def stop(self) -> None:
        self.faults.clear()
        self.server.shutdown()
        self.server.server_close()

    def reset(self) -> None:
        """Forget everything but what is for sale; who is held or delayed goes on."""
        self.faults.clear()
        with self.world.lock:
            self.world.clear()
            self.api.clear()
            self.api.secret_keys = {self.secret_key}
            catalogue.stock(self.world)

    # What came, and what happened

    @property
    def requests(self) -> list[Call]:
        """Every call so far, in order, whatever its answer was."""
        return self.api.calls

    def calls(self, method: str = "", path_prefix: str = "/") -> list[Call]:
        """Those of `requests` with a method (any, when empty), below a path."""
        found = [call for call in self.requests if call.path.startswith(path_prefix)]
        return [call for call in found if method in {"", call.method}]

    @property
    def events(self) -> list[Json]:
        """Every event so far, in order."""
        return self.world.events

    def events_of(self, *types: str) -> list[Json]:
        """The events of these types, in order."""
        return [event for event in self.events if event["type"] in types]

    def signed(
        self, event: Json | str, *, timestamp: int | None = None, secret: str | None = None
    ) -> tuple[bytes, dict[str, str]]:
        """The body and the header with which Stripe delivers an event (or any text)."""
        body = event if isinstance(event, str) else json.dumps(event)
        header = WebhookSignature.generate_signature_header(
            body, secret or self.webhook_secret, timestamp
        )
        return body.encode(), {"Stripe-Signature": header}

    def get(self, object_id: str) -> Json:
        """A copy of an object as it is now at Stripe."""
        with self.world.lock:
            found: Json = public(copy.deepcopy(self.world.objects[object_id]))
            return found

    def subscriptions(self, customer: str) -> list[Json]:
        """The subscriptions of a customer, newest first, whatever their status."""
        with self.world.lock:
            found = [s for s in self.world.all("subscription") if s["customer"] == customer]
            return copy.deepcopy(found)

    # Trouble

    def fail(
        self,
        path_prefix: str = "/",
        *,
        status: int = 500,
        times: float = 1,
        code: str | None = None,
        method: str = "",
    ) -> None:
        """Answer the next `times` calls below a path with an error, without doing the work.

        A POST with an Idempotency-Key uses up one: the retry is replayed the same error, as
        Stripe does (but not for 400, 401, 404, 409 and 429).
        """
        self.faults.add(Fault(method, path_prefix, times, status=status, code=code))

    def drop(
        self, path_prefix: str = "/", *, times: float = 1, late: bool = False, method: str = ""
    ) -> None:
        """Hang up on the next `times` calls; `late` does the work first and loses the answer."""
        self.faults.add(Fault(method, path_prefix, times, status=-1, is_late=late))

    def delay(
        self, path_prefix: str = "/", seconds: float = 1.0, *, times: float = 1, method: str = ""
    ) -> None:
        """Begin the next `times` calls so much later, or once the fake is reset."""
        gate = Held()
        self.faults.add(Fault(method, path_prefix, times, seconds=seconds, gate=gate))

    def hold(
        self, path_prefix: str = "/", *, times: float = 1, late: bool = False, method: str = ""
    ) -> Held:
        """Keep the next `times` calls waiting until `release()`, 30 s at most.

        They wait before the work is done; `late`, after it: the answer is then an old one.
        """
        gate = Held()
        self.faults.add(Fault(method, path_prefix, times, gate=gate, is_late=late))
        return gate

    def rotate_key(self, secret_key: str) -> None:
        """From now on only this key is good."""
        self.api.secret_keys = {secret_key}

    # The shopper and the clock; each returns the events that came of it

    def pay(self, session_id: str, *, card: str = shopper.GOOD_CARD) -> list[Json]:
        """Complete a checkout session at the hosted page; raises `Refused` for a bad card."""
        with self.happening() as events:
            shopper.pay(self.world, session_id, card)
        return events

    def subscribe(self, customer: str, *, price: str = "", **given: Any) -> list[Json]:
        """Give a customer a paid subscription without a checkout session.

        `given`: quantity, metadata, trial_days.
        """
        with self.happening() as events:
            owner = customers.existing(self.world, customer)
            sold = self.world.find("price", price or self.monthly_price)
            life.begin(self.world, owner, sold, **given)
        return events

    def decline_next_payment(self, customer: str, times: int = 1) -> None:
        """Decline the next `times` attempts to charge this customer."""
        self.world.declines[customer] = times

    def advance(self, *, days: float = 0, seconds: float = 0) -> list[Json]:
        """Put the account's clock forward: renewals, retries, ends."""
        with self.happening() as events:
            clocks.advance(self.world, self.world.now() + int(days * DAY + seconds))
        return events

    def end_period(self, subscription_id: str) -> list[Json]:
        """Put the account's clock to the end of a subscription's period."""
        with self.happening() as events:
            item = life.item_of(self.world.find("subscription", subscription_id))
            clocks.advance(self.world, item["current_period_end"])
        return events

    def delete_customer(self, customer: str) -> list[Json]:
        """Delete a customer as in the dashboard; the subscriptions end at once."""
        with self.happening() as events:
            customers.delete(self.world, {}, customer)
        return events

    def set_subscription(self, subscription_id: str, **fields: Any) -> list[Json]:
        """Set `fields` of a subscription (status, current_period_end, ...) by force."""
        with self.happening() as events:
            shopper.set_subscription(self.world, subscription_id, **fields)
        return events

    def cancel_subscription(self, subscription_id: str) -> list[Json]:
        """Cancel at once, as in the dashboard."""
        with self.happening() as events:
            subscription = self.world.find("subscription", subscription_id)
            life.end(self.world, subscription, "cancellation_requested")
        return events

    @contextmanager
    def happening(self) -> Iterator[list[Json]]:
        """The list given to the block holds, after it, the events of the block."""
        events: list[Json] = []
        with self.world.lock:
            before = len(self.world.events)
            yield events
            events += copy.deepcopy(self.world.events[before:])
