"""Rounds over all cases, every variant in turn, so that a busy machine burdens all alike."""

import sys
import time
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass, field
from random import Random

from benchmarks.cases import Case
from benchmarks.load import Job, Load, LoadGenerator, WrongAnswer, load_generator
from benchmarks.processes import cpu_seconds
from benchmarks.server import GROUPS, SEED, CannotMeasure, Server, Variant, new_server

WARM_UP_SECONDS = 0.5
# Repeated in a cycle: enough for users and items at random, and made in no time.
REQUESTS_MADE = 1000


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One case on one server in one round; CPU in ms per request for each part of Alice."""

    load: Load
    cpu_ms: dict[str, float]
    aside_ms: float


@dataclass(frozen=True, kw_only=True)
class Start:
    """Seconds until the first answer, and MiB when all has come to rest."""

    fresh_seconds: float
    existing_seconds: float
    idle_mib: float


@dataclass
class Findings:
    """All that was measured: variant -> starts, and (case, concurrency) -> variant -> samples."""

    starts: dict[str, list[Start]] = field(default_factory=dict)
    samples: dict[tuple[str, int], dict[str, list[Sample]]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to measure, how long and how often."""

    variants: Sequence[Variant]
    cases: Sequence[Case]
    concurrencies: Sequence[int]
    rounds: int
    seconds: float
    starts: int


def tell(line: str) -> None:
    """Say how far it is, on stderr."""
    print(line, file=sys.stderr, flush=True)


def measure_start(variant: Variant) -> Start:
    """Start on a fresh data directory and, once that has come to rest, again on the same."""
    with new_server(variant) as server:
        fresh = server.start()
        server.settle()
        memory = server.memory_mib()
        server.stop()
        existing = server.start()
    return Start(fresh_seconds=fresh, existing_seconds=existing, idle_mib=memory)


def measure_starts(plan: Plan, findings: Findings) -> None:
    """Start every variant in turn, as often as planned."""
    for _ in range(plan.starts):
        for variant in plan.variants:
            start = measure_start(variant)
            findings.starts.setdefault(variant.name, []).append(start)
            tell(
                f"start    {variant.name:<10} fresh {start.fresh_seconds:.1f} s, "
                f"existing {start.existing_seconds:.1f} s, idle {start.idle_mib:.0f} MiB"
            )


class Rounds:
    """Servers that are up and seeded, and the load generator that asks them."""

    def __init__(self, plan: Plan, servers: Sequence[Server], generator: LoadGenerator) -> None:
        self.plan = plan
        self.servers = servers
        self.generator = generator
        self.rng = Random(SEED)  # noqa: S311  (not a secret)

    def warm_up(self, case: Case) -> None:
        """Have every thread of every server open its connections and load what it needs."""
        for server in self.servers:
            self.load(server, case, max(self.plan.concurrencies), WARM_UP_SECONDS)

    def load(self, server: Server, case: Case, concurrency: int, seconds: float) -> Load:
        """Put one server under the load of one case."""
        job = Job(
            port=server.port,
            requests=[case.make_request(server.users, self.rng) for _ in range(REQUESTS_MADE)],
            expected_status=case.expected_status,
            concurrency=concurrency,
            seconds=seconds,
        )
        return self.generator.run(job)

    def sample(self, server: Server, case: Case, concurrency: int) -> Sample:
        """One measurement; raises `WrongAnswer`, `TimeoutError` or `CannotMeasure`."""
        aside = case.aside() if case.aside else 0.0
        groups = server.groups()
        before = {name: cpu_seconds(groups[name]) for name in GROUPS}
        load = self.load(server, case, concurrency, self.plan.seconds)
        after = {name: cpu_seconds(groups[name]) for name in GROUPS}
        if server.groups() != groups:
            raise CannotMeasure("A process of the server was replaced during a measurement.")
        cpu = {name: (after[name] - before[name]) * 1000 / load.answers for name in GROUPS}
        return Sample(load=load, cpu_ms=cpu, aside_ms=aside)

    def in_turn(self, number: int) -> Sequence[Server]:
        """The servers, in every other round the last one first."""
        return self.servers[:: -1 if number % 2 else 1]

    def measure(self, case: Case, number: int, findings: Findings) -> None:
        """Round `number` of one case, at every concurrency on every server."""
        for concurrency in self.plan.concurrencies:
            by_variant = findings.samples.setdefault((case.name, concurrency), {})
            line = f"{case.name:<8} {concurrency:>3} at once"
            for server in self.in_turn(number):
                sample = self.sample(server, case, concurrency)
                by_variant.setdefault(server.variant.name, []).append(sample)
                line += f"   {server.variant.name} {sample.cpu_ms['web']:.2f} ms CPU"
                line += f" {sample.load.answers_per_second:.0f}/s"
            tell(line)


def measure_cases(plan: Plan, findings: Findings) -> None:
    """All rounds. A case that gets a wrong answer is left out from then on, and noted."""
    with ExitStack() as stack:
        servers = [stack.enter_context(new_server(variant)) for variant in plan.variants]
        for server in servers:
            server.start()
        for server in servers:
            server.settle()
            server.seed()
        rounds = Rounds(plan, servers, stack.enter_context(load_generator()))
        for number in range(plan.rounds + 1):
            tell(f"Round {number} of {plan.rounds}" if number else "Warming up")
            for case in plan.cases:
                if case.name not in findings.failures:
                    attempt(rounds, case, number, findings)


def attempt(rounds: Rounds, case: Case, number: int, findings: Findings) -> None:
    """Measure a case, or in round 0 warm it up, and note if that fails."""
    try:
        if number:
            rounds.measure(case, number, findings)
        else:
            rounds.warm_up(case)
    except (WrongAnswer, TimeoutError, CannotMeasure, BrokenProcessPool) as error:
        findings.failures[case.name] = str(error) or type(error).__name__
        tell(f"{case.name:<8} FAILED: {findings.failures[case.name]}")


def measure(plan: Plan) -> Findings:
    """Everything `plan` names; raises `CannotMeasure` when a server does not start."""
    findings = Findings()
    began = time.monotonic()
    measure_starts(plan, findings)
    if plan.cases:
        measure_cases(plan, findings)
    tell(f"Measured for {time.monotonic() - began:.0f} s")
    return findings
