"""One run of Alice, from the lock to the last process."""

import contextlib
import os
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from alice.runtime.config import DataDirectory, RunConfig
from alice.runtime.console import Console
from alice.runtime.engine import Engine, EngineMaker
from alice.runtime.fake_stripe import FakeStripe, bind_fake_stripe
from alice.runtime.plan import Addresses, Plan, PlanMaker, product_plan
from alice.runtime.postgres import postgres_engine
from alice.runtime.sockets import base_url, bind_listeners, close_all, socket_directory
from alice.runtime.state import RunState, hold_lock
from alice.runtime.supervisor import StopRequested, Supervisor
from alice.runtime.users import SystemUser, engine_user, open_way
from alice.runtime.valkey import valkey_engine

PAGES = (
    ("API", "/api/"),
    ("API docs", "/docs"),
    ("Chat", "/chat"),
    ("Billing", "/billing"),
    ("Admin", "/admin/"),
)


def run_alice(config: RunConfig, console: Console, make_plan: PlanMaker = product_plan) -> int:
    """Run everything in `config.data` until a signal ends it; returns the exit code 0.

    Raises `CannotRun` before anything is started if another supervisor holds the directory or
    the port is taken, and later if a server or `prepare` fails. Either way, every process
    started here is gone afterwards.
    """
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, hold_lock(config.data))
        listeners = bind_listeners(config.host, config.port)
        stack.callback(close_all, listeners)
        fake_stripe = bind_fake_stripe(config)
        if fake_stripe:
            stack.callback(fake_stripe.listener.close)
        engines = stack.enter_context(embedded_engines(config.data, makers_for(config), console))
        addresses = addresses_of(config, engines, listeners, fake_stripe)
        supervisor = Supervisor(config.data, state_of(addresses), console)
        stack.enter_context(supervisor.listening())
        plan = make_plan(config, addresses)
        with drained(supervisor, listeners, console):
            bring_up(supervisor, engines, plan)
            is_serving = supervisor.serve()
            ready = f"Alice is ready after {time.monotonic() - began:.1f} s."
            title = ready if is_serving else "The web process does not start yet. Once it does:"
            console.say(welcome(title, config, addresses))
            supervisor.start_others(plan)
            supervisor.run_until_stopped()
    return 0


def bring_up(supervisor: Supervisor, engines: list[Engine], plan: Plan) -> None:
    # Loading the web process takes as long as all the rest, and needs no server yet.
    supervisor.preload_web(plan)
    supervisor.start_engines(engines)
    supervisor.prepare(plan.prepare)


@contextlib.contextmanager
def embedded_engines(
    data: DataDirectory,
    makers: Sequence[EngineMaker],
    console: Console,
    *,
    is_durable: bool = True,
) -> Iterator[list[Engine]]:
    """The servers that `makers` make, with a socket directory for the time of the block."""
    if not makers:
        yield []
        return
    user = engine_user(data.postgres)
    sockets = socket_directory(data, user)
    try:
        engines = [maker(data, sockets, user, is_durable=is_durable) for maker in makers]
        yield [with_open_way(engine, user, sockets, console) for engine in engines]
    finally:
        # A server that had to be killed leaves its socket behind, to be taken over next time.
        with contextlib.suppress(OSError):
            sockets.rmdir()


def with_open_way(
    engine: Engine, user: SystemUser | None, sockets: Path, console: Console
) -> Engine:
    """The same server, whose user is given a way to its files before each start.

    Each, because a `chmod` of a directory above them in the meantime takes it away again.
    """

    def set_up() -> None:
        open_way(user, sockets, *engine.targets, console=console)
        engine.set_up()

    def clear_way() -> None:
        open_way(user, sockets, *engine.targets, console=console)
        if engine.spec.clear_way is not None:
            engine.spec.clear_way()

    return replace(engine, set_up=set_up, spec=replace(engine.spec, clear_way=clear_way))


def makers_for(config: RunConfig) -> list[EngineMaker]:
    """The servers that `config` does not name. Valkey first: it starts while initdb runs."""
    makers: list[EngineMaker] = [] if config.redis_url else [valkey_engine]
    return makers if config.database_url else [*makers, postgres_engine]


def addresses_of(
    config: RunConfig,
    engines: list[Engine],
    listeners: list[socket.socket],
    fake_stripe: FakeStripe | None,
) -> Addresses:
    urls = {engine.spec.name: engine.url for engine in engines}
    return Addresses(
        database_url=config.database_url or urls["PostgreSQL"],
        redis_url=config.redis_url or urls["Valkey"],
        base_url=base_url(listeners),
        listeners=tuple(listeners),
        fake_stripe=fake_stripe,
    )


def state_of(addresses: Addresses) -> RunState:
    return RunState(
        pid=os.getpid(),
        database_url=addresses.database_url,
        redis_url=addresses.redis_url,
        base_url=addresses.base_url,
    )


@contextlib.contextmanager
def drained(
    supervisor: Supervisor, listeners: list[socket.socket], console: Console
) -> Iterator[None]:
    """End with every process stopped, whatever happened in the block."""
    try:
        yield
    except StopRequested:
        console.say("Stopping.")
    finally:
        # Callers are refused from here on, instead of left waiting at a port nobody serves.
        close_all(listeners)
        supervisor.drain()
        supervisor.data.state.unlink(missing_ok=True)


def welcome(title: str, config: RunConfig, addresses: Addresses) -> str:
    lines = ["", title, ""]
    lines += [f"  {page:<10}{addresses.base_url}{path}" for page, path in PAGES]
    if addresses.fake_stripe:
        lines += [f"  {'Stripe':<10}{addresses.fake_stripe.url}  a stand-in: no money moves"]
    lines += ["", f"  Data and logs are in {shortest(config.data.root)}. Ctrl-C stops everything."]
    return "\n".join([*lines, ""])


def shortest(path: Path) -> str:
    """`path` as seen from the working directory, where that is below it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
