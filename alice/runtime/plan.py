"""Which processes make up Alice, as data."""

import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from alice.runtime.child import KILL, ChildSpec, StopStep
from alice.runtime.config import RunConfig
from alice.runtime.fake_stripe import FakeStripe, fake_stripe_spec

QUEUES = "default,media,sync"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What runs besides the servers: `prepare` once, then `web`, then `background`.

    The first of `web` is started before `prepare` so as to load meanwhile; it is controlled, and
    serves no request until `prepare` has ended well.
    """

    prepare: ChildSpec
    web: tuple[ChildSpec, ...]
    background: tuple[ChildSpec, ...]


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """Where a run is reached, and the listening sockets its web processes share."""

    database_url: str
    redis_url: str
    base_url: str
    listeners: tuple[socket.socket, ...]
    fake_stripe: FakeStripe | None = None


PlanMaker = Callable[[RunConfig, Addresses], Plan]


def product_plan(config: RunConfig, addresses: Addresses) -> Plan:
    """The processes of the product."""
    environ = child_environ(config, addresses)
    web = tuple(
        web_spec(number, environ, addresses) for number in range(1, config.web_workers + 1)
    )
    return Plan(
        prepare=ChildSpec(
            name="prepare",
            command=(sys.executable, "manage.py", "prepare"),
            environ={**environ, "ALICE_PROCESS": "prepare"},
        ),
        web=web,
        background=(
            worker_spec(config, environ),
            beat_spec(config, environ),
            *stand_ins(environ, addresses),
        ),
    )


def stand_ins(environ: Mapping[str, str], addresses: Addresses) -> list[ChildSpec]:
    fake = addresses.fake_stripe
    return [fake_stripe_spec(fake, environ, addresses.base_url)] if fake else []


def child_environ(config: RunConfig, addresses: Addresses) -> dict[str, str]:
    """Our environment and what the run adds: every child finds the same servers and folders."""
    return {
        # Celery's advice against root, on every start; who runs as root here has chosen to.
        "PYTHONWARNINGS": "ignore:You're running the worker with superuser",
        **os.environ,
        "DATABASE_URL": addresses.database_url,
        "REDIS_URL": addresses.redis_url,
        "ALICE_DATA_DIR": str(config.data.root),
        "ALICE_LOG_DIR": str(config.data.logs),
        "HOST": config.host,
        "PORT": str(addresses.listeners[0].getsockname()[1]),
        **(addresses.fake_stripe.environ if addresses.fake_stripe else {}),
    }


def web_spec(number: int, environ: Mapping[str, str], addresses: Addresses) -> ChildSpec:
    descriptors = tuple(listener.fileno() for listener in addresses.listeners)
    options = [word for descriptor in descriptors for word in ("--fd", str(descriptor))]
    return ChildSpec(
        name=f"web-{number}",
        command=(sys.executable, "-m", "alice.runtime.web", *options),
        environ={**environ, "ALICE_PROCESS": "web"},
        kept_fds=descriptors,
        is_controlled=True,
        stop_steps=(StopStep(signal.SIGTERM, 15), KILL),
    )


def worker_spec(config: RunConfig, environ: Mapping[str, str]) -> ChildSpec:
    options = ["-P", "threads", "-c", str(config.worker_threads), "-Q", QUEUES]
    options += ["--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "INFO"]
    return ChildSpec(
        name="worker",
        command=(sys.executable, "-m", "celery", "--quiet", "-A", "alice", "worker", *options),
        environ={**environ, "ALICE_PROCESS": "worker"},
        stop_steps=(StopStep(signal.SIGTERM, 30), KILL),
        # On SIGTERM it finishes what it is doing first, however long, with the servers gone.
        # Unfinished tasks are acknowledged late and leased, so they run again.
        death_signal=signal.SIGKILL,
    )


def beat_spec(config: RunConfig, environ: Mapping[str, str]) -> ChildSpec:
    options = ["--schedule", str(config.data.run / "beat-schedule"), "--pidfile=", "-l", "INFO"]
    return ChildSpec(
        name="beat",
        command=(sys.executable, "-m", "celery", "--quiet", "-A", "alice", "beat", *options),
        environ={**environ, "ALICE_PROCESS": "beat"},
    )
