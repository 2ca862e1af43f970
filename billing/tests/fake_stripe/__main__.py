"""The stand-in as a process of a development run: `python -m billing.tests.fake_stripe`.

It serves the socket given as `ALICE_FAKE_STRIPE_FD`, hands events to `ALICE_FAKE_STRIPE_WEBHOOK`
and remembers everything in `ALICE_DATA_DIR`.
"""

import os
import signal
import socket
import sys
import threading
from pathlib import Path

from billing.tests.fake_stripe.delivery import Delivery
from billing.tests.fake_stripe.fake import FakeStripe


def main() -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code."""
    if os.environ.get("ALICE_ENV") == "production":
        sys.stderr.write("The stand-in for Stripe never runs in production.\n")
        return 2
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    fake = FakeStripe(
        secret_key=os.environ["STRIPE_SECRET_KEY"],
        webhook_secret=os.environ["STRIPE_WEBHOOK_SECRET"],
    )
    fake.start(
        socket.socket(fileno=int(os.environ["ALICE_FAKE_STRIPE_FD"])),
        Path(os.environ["ALICE_DATA_DIR"]) / "fake-stripe.json",
    )
    delivery = Delivery(fake.world, os.environ["ALICE_FAKE_STRIPE_WEBHOOK"], fake.webhook_secret)
    delivery.on_change = fake.save
    stop.wait()
    delivery.stop()
    fake.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
