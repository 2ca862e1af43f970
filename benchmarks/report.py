"""The report: tables for people, JSON for programs."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.figures import (
    Figure,
    Ratio,
    case_figures,
    case_ratios,
    start_figures,
)
from benchmarks.measure import Findings, Plan
from benchmarks.readings import Reading

CASE_HEADS = (
    "CPU ms per request",
    "at once",
    "web",
    "min",
    "target",
    "",
    "PostgreSQL",
    "Valkey",
    "req/s",
    "p50 ms",
    "p99 ms",
)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as they must be, the first to the left and the others to the right."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = []
    for row in [heads, *rows]:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join(lines)


def verdict(*, is_met: bool) -> str:
    """What is printed beside a target."""
    return "met" if is_met else "MISSED"


def case_table(figures: Sequence[Figure]) -> str:
    """A line for each case and concurrency, and below them what part is paid on purpose."""
    rows = [
        (
            figure.title,
            str(figure.concurrency),
            f"{figure.web_ms:.2f}",
            f"{figure.web_min_ms:.2f}",
            f"{'+' if figure.aside_ms else ''}{figure.target_ms:.2f}",
            verdict(is_met=figure.is_met),
            f"{figure.postgresql_ms:.2f}",
            f"{figure.valkey_ms:.2f}",
            f"{figure.answers_per_second:.0f}",
            f"{figure.p50_ms:.2f}",
            f"{figure.p99_ms:.2f}",
        )
        for figure in figures
    ]
    asides = [
        f"{figure.title}, {figure.concurrency} at once: {figure.web_ms:.1f} ms, of which one "
        f"Argon2id hash took {figure.aside_ms:.1f} ms in this process; the target is for the "
        f"other {figure.web_ms - figure.aside_ms:.1f} ms."
        for figure in figures
        if figure.aside_ms
    ]
    return "\n".join([table(CASE_HEADS, rows), *asides])


def reading_table(title: str, readings: Sequence[Reading]) -> str:
    """A line for each reading; where there is no target, nothing is said of it."""
    rows = []
    for reading in readings:
        target = "" if reading.target is None else f"{reading.target:.2f}"
        judged = "" if reading.target is None else verdict(is_met=reading.is_met)
        rows.append((reading.title, f"{reading.value:.2f}", target, judged))
    return table((title, "value", "target", ""), rows)


def reading_values(readings: Sequence[Reading]) -> list[dict[str, Any]]:
    """Readings as plain values."""
    return [asdict(reading) | {"is_met": reading.is_met} for reading in readings]


def ratio_table(ratios: Sequence[Ratio], first: str, second: str) -> str:
    """A line for each case and concurrency, the second variant over the first."""
    heads = (
        f"{second} / {first}",
        "at once",
        f"web, {first}",
        f"web, {second}",
        "ratio",
        "of rounds",
        "req/s",
        "p50",
    )
    rows = [
        (
            ratio.title,
            str(ratio.concurrency),
            f"{ratio.first_web_ms:.2f}",
            f"{ratio.second_web_ms:.2f}",
            f"{ratio.web:.2f}",
            f"{ratio.web_lowest:.2f}-{ratio.web_highest:.2f}",
            f"{ratio.answers_per_second:.2f}",
            f"{ratio.p50:.2f}",
        )
        for ratio in ratios
    ]
    return table(heads, rows)


def text_report(plan: Plan, findings: Findings, facts: dict[str, Any]) -> str:
    """Everything as text: a heading, the tables of each variant, then the comparison."""
    names = [variant.name for variant in plan.variants]
    parts = [", ".join(f"{name} {value}" for name, value in facts.items())]
    for name in names:
        head = f"{name}:\n" if len(names) > 1 else ""
        if starts := start_figures(findings.starts.get(name, ())):
            parts.append(head + reading_table("Start and rest", starts))
        if figures := case_figures(findings, name):
            parts.append(head + case_table(figures))
        if readings := findings.heavy.get(name):
            parts.append(head + reading_table("Much data", readings))
    if len(names) == 2 and (ratios := case_ratios(findings, *names)):
        parts.append(ratio_table(ratios, *names))
    parts += [f"{case} FAILED: {reason}" for case, reason in findings.failures.items()]
    parts += [f"{case}, {name}: {reason}" for (case, name), reason in findings.absent.items()]
    return "\n\n".join(parts)


def json_report(plan: Plan, findings: Findings, facts: dict[str, Any]) -> dict[str, Any]:
    """Everything as plain values, every sample included."""
    names = [variant.name for variant in plan.variants]
    return {
        "facts": facts,
        "plan": {
            "variants": [{"name": v.name, "environ": v.environ} for v in plan.variants],
            "cases": [case.name for case in plan.cases],
            "heavy": list(plan.heavy),
            "concurrencies": list(plan.concurrencies),
            "rounds": plan.rounds,
            "seconds": plan.seconds,
            "starts": plan.starts,
        },
        "starts": {
            name: reading_values(start_figures(findings.starts.get(name, ()))) for name in names
        },
        "heavy": {name: reading_values(readings) for name, readings in findings.heavy.items()},
        "figures": {
            name: [asdict(figure) for figure in case_figures(findings, name)] for name in names
        },
        "ratios": [
            asdict(ratio) for ratio in (case_ratios(findings, *names) if len(names) == 2 else ())
        ],
        "samples": [
            {"case": case, "concurrency": concurrency, "variant": name} | asdict(sample)
            for (case, concurrency), by_variant in findings.samples.items()
            for name, samples in by_variant.items()
            for sample in samples
        ],
        "failures": findings.failures,
        "absent": [
            {"case": case, "variant": name, "reason": reason}
            for (case, name), reason in findings.absent.items()
        ],
    }


def misses(plan: Plan, findings: Findings) -> int:
    """How many targets the present tree misses."""
    name = plan.variants[-1].name
    verdicts = [figure.is_met for figure in start_figures(findings.starts.get(name, ()))]
    verdicts += [figure.is_met for figure in case_figures(findings, name)]
    verdicts += [reading.is_met for reading in findings.heavy.get(name, ())]
    return verdicts.count(False)
