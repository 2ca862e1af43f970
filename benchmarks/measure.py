"""Rounds over all cases, every variant in turn, so that a busy machine burdens all alike."""

import time
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass, field
from random import Random

from benchmarks import heavy
from benchmarks.cases import Case
from benchmarks.load import Job, Load, LoadGenerator, WrongAnswer, load_generator
from benchmarks.processes import cpu_seconds
from benchmarks.readings import Reading
from benchmarks.server import GROUPS, SEED, CannotMeasure, Server, Variant, new_server
from benchmarks.shelves import fill_shelves
from benchmarks.telling import tell

WARM_UP_SECONDS = 0.5


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
    """All that was measured: variant -> starts, and (case, concurrency) -> variant -> samples.

    `failures` are cases that were given up, `absent` is why one variant was left out of a case:
    (case, variant) -> reason.
    """

    starts: dict[str, list[Start]] = field(default_factory=dict)
    samples: dict[tuple[str, int], dict[str, list[Sample]]] = field(default_factory=dict)
    heavy: dict[str, list[Reading]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    absent: dict[tuple[str, str], str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to measure, how long and how often."""

    variants: Sequence[Variant]
    cases: Sequence[Case]
    heavy: Sequence[str]
    concurrencies: Sequence[int]
    rounds: int
    seconds: float
    starts: int


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

    def __init__(
        self,
        plan: Plan,
        servers: Sequence[Server],
        generator: LoadGenerator,
        findings: Findings,
    ) -> None:
        self.plan = plan
        self.servers = servers
        self.generator = generator
        self.findings = findings
        self.rng = Random(SEED)  # noqa: S311  (not a secret)

    def warm_up(self, case: Case) -> None:
        """Have every thread of every server open its connections and load what it needs."""
        for server in self.asked(case, 0):
            self.load(server, case, max(self.plan.concurrencies), WARM_UP_SECONDS)

    def load(self, server: Server, case: Case, concurrency: int, seconds: float) -> Load:
        """Put one server under the load of one case."""
        job = Job(
            port=server.port,
            requests=[case.make_request(server.users, self.rng) for _ in range(case.prepared)],
            expected_status=case.expected_status,
            concurrency=concurrency,
            seconds=seconds,
            most=case.most,
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

    def asked(self, case: Case, number: int) -> list[Server]:
        """The servers that know the case, in every other round the last one first."""
        absent = self.findings.absent
        in_turn = self.servers[:: -1 if number % 2 else 1]
        return [server for server in in_turn if (case.name, server.variant.name) not in absent]

    def measure(self, case: Case, number: int) -> None:
        """Round `number` of one case, at every concurrency on every server."""
        for concurrency in self.plan.concurrencies:
            by_variant = self.findings.samples.setdefault((case.name, concurrency), {})
            line = f"{case.name:<8} {concurrency:>3} at once"
            for server in self.asked(case, number):
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
            seed_files(server, plan, findings)
        rounds = Rounds(plan, servers, stack.enter_context(load_generator()), findings)
        for number in range(plan.rounds + 1):
            tell(f"Round {number} of {plan.rounds}" if number else "Warming up")
            for case in plan.cases:
                if case.name not in findings.failures and rounds.asked(case, number):
                    attempt(rounds, case, number)


def seed_files(server: Server, plan: Plan, findings: Findings) -> None:
    """Upload what the cases with files ask for; a variant that takes none is left out of them."""
    cases = [case for case in plan.cases if case.needs_files]
    try:
        if cases:
            fill_shelves(server)
    except CannotMeasure as error:
        findings.absent |= {(case.name, server.variant.name): str(error) for case in cases}


def attempt(rounds: Rounds, case: Case, number: int) -> None:
    """Measure a case, or in round 0 warm it up, and note if that fails."""
    try:
        if number:
            rounds.measure(case, number)
        else:
            rounds.warm_up(case)
    except (WrongAnswer, TimeoutError, CannotMeasure, BrokenProcessPool) as error:
        reason = str(error) or type(error).__name__
        rounds.findings.failures[case.name] = reason
        tell(f"{case.name:<8} FAILED: {reason}")


def measure_heavy(plan: Plan, findings: Findings) -> None:
    """What moves much data, on a fresh server of each variant; what one lacks is left out."""
    for variant in plan.variants:
        with new_server(variant) as server:
            server.start()
            server.settle()
            server.seed()
            for name in plan.heavy:
                try:
                    readings = heavy.MEASUREMENTS[name](server)
                except (WrongAnswer, TimeoutError, CannotMeasure, BrokenProcessPool) as error:
                    findings.absent[name, variant.name] = str(error) or type(error).__name__
                else:
                    findings.heavy.setdefault(variant.name, []).extend(readings)


def measure(plan: Plan) -> Findings:
    """Everything `plan` names; raises `CannotMeasure` when a server does not start."""
    findings = Findings()
    began = time.monotonic()
    measure_starts(plan, findings)
    if plan.cases:
        measure_cases(plan, findings)
    if plan.heavy:
        measure_heavy(plan, findings)
    tell(f"Measured for {time.monotonic() - began:.0f} s")
    return findings
