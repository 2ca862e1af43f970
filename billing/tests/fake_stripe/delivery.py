"""Events on their way to a webhook: signed, one after the other, again until they are taken."""

import heapq
import http.client
import itertools
import json
import logging
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from stripe import WebhookSignature

from billing.tests.fake_stripe.forms import Json
from billing.tests.fake_stripe.world import World

log = logging.getLogger(__name__)

FIRST_DELAY_SECONDS = 0.25
LONGEST_DELAY_SECONDS = 60.0
TIMEOUT_SECONDS = 30


class Delivery:
    """A thread that hands the events of a world to one URL, new ones and those still owed."""

    def __init__(self, world: World, url: str, secret: str) -> None:
        self.world, self.url, self.secret = world, urlsplit(url), secret
        self.on_change: Callable[[], None] = lambda: None
        self.queue: list[tuple[float, int, Json]] = []
        self.attempts: dict[str, int] = {}
        self.order = itertools.count()
        self.changed = threading.Condition()
        self.is_over = False
        for event in world.events:
            if event["pending_webhooks"]:
                self.put(event)
        world.on_event = self.put
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def put(self, event: Json, delay_seconds: float = 0.0) -> None:
        with self.changed:
            due = time.monotonic() + delay_seconds
            heapq.heappush(self.queue, (due, next(self.order), event))
            self.changed.notify()

    def stop(self) -> None:
        with self.changed:
            self.is_over = True
            self.changed.notify()
        self.thread.join(TIMEOUT_SECONDS)

    def run(self) -> None:
        while (event := self.next_due()) is not None:
            if self.is_taken(event):
                self.attempts.pop(event["id"], None)
                event["pending_webhooks"] = 0
                self.on_change()
            else:
                self.put_back(event)

    def next_due(self) -> Json | None:
        """Wait for the next event to send; None once it is over."""
        with self.changed:
            while not self.is_over:
                wait = self.queue[0][0] - time.monotonic() if self.queue else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self.queue)[2]
                self.changed.wait(wait)
        return None

    def put_back(self, event: Json) -> None:
        tried = self.attempts.get(event["id"], 0)
        self.attempts[event["id"]] = tried + 1
        self.put(event, min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2.0**tried))

    def is_taken(self, event: Json) -> bool:
        """Whether the webhook answered 2xx."""
        body = json.dumps(event)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": WebhookSignature.generate_signature_header(body, self.secret),
            "User-Agent": "Stripe/1.0 (stand-in)",
        }
        link = http.client.HTTPConnection(self.url.netloc, timeout=TIMEOUT_SECONDS)
        try:
            link.request("POST", self.url.path, body.encode(), headers)
            status = link.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            log.warning("%s was not delivered: %s", event["type"], error)
            return False
        finally:
            link.close()
        if not 200 <= status < 300:
            log.warning("%s was answered %s", event["type"], status)
        return 200 <= status < 300
