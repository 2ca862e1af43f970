"""The stand-in for Stripe that `ALICE_FAKE_STRIPE` puts beside a development run."""

import secrets
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from alice.runtime.child import ChildSpec
from alice.runtime.config import RunConfig
from alice.runtime.sockets import bind_listeners

HOST = "127.0.0.1"
WEBHOOK_PATH = "/api/billing/webhook"


@dataclass(frozen=True, kw_only=True)
class FakeStripe:
    """Its listening socket, and the settings that lead the product to it."""

    listener: socket.socket
    url: str
    environ: Mapping[str, str]


def bind_fake_stripe(config: RunConfig) -> FakeStripe | None:
    """A free loopback port and keys of this run alone; None where no stand-in is wanted.

    Calls queue at the port from now on, so nobody need wait for the process to be ready.
    """
    if not config.has_fake_stripe:
        return None
    (listener,) = bind_listeners(HOST, 0)
    url = f"http://{HOST}:{listener.getsockname()[1]}"
    environ = {
        "STRIPE_API_BASE": url,
        "STRIPE_PRICE_ID": "",
        "STRIPE_SECRET_KEY": f"sk_test_{secrets.token_hex(16)}",
        "STRIPE_WEBHOOK_SECRET": f"whsec_{secrets.token_hex(16)}",
    }
    return FakeStripe(listener=listener, url=url, environ=environ)


def fake_stripe_spec(fake: FakeStripe, environ: Mapping[str, str], base_url: str) -> ChildSpec:
    """The process; `base_url` is where the product takes its webhooks."""
    descriptor = fake.listener.fileno()
    return ChildSpec(
        name="fake-stripe",
        command=(sys.executable, "-m", "billing.tests.fake_stripe"),
        environ={
            **environ,
            "ALICE_PROCESS": "fake-stripe",
            "ALICE_FAKE_STRIPE_FD": str(descriptor),
            "ALICE_FAKE_STRIPE_WEBHOOK": base_url + WEBHOOK_PATH,
        },
        kept_fds=(descriptor,),
    )
