"""From samples to figures: medians of rounds, ratios of variants, targets met or missed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.cases import CASES
from benchmarks.measure import Findings, Sample, Start
from benchmarks.readings import Reading

START_TARGETS = (
    ("fresh_seconds", "Start on a fresh data directory, s", 8.0),
    ("existing_seconds", "Start on an existing one, s", 5.0),
    ("idle_mib", "Memory of all processes at rest, MiB (PSS)", 450.0),
)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One case of one variant; times are medians of the rounds, in ms."""

    case: str
    title: str
    concurrency: int
    web_ms: float
    web_min_ms: float
    aside_ms: float
    target_ms: float
    is_met: bool
    postgresql_ms: float
    valkey_ms: float
    background_ms: float
    answers: int
    answers_per_second: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """The second variant over the first, as medians of the ratios inside each round."""

    case: str
    title: str
    concurrency: int
    first_web_ms: float
    second_web_ms: float
    web: float
    web_lowest: float
    web_highest: float
    answers_per_second: float
    p50: float


def case_figure(name: str, concurrency: int, samples: Sequence[Sample]) -> Figure:
    """The figure that the samples of one case make."""
    case = CASES[name]

    def middle(value: Callable[[Sample], float]) -> float:
        return median(value(sample) for sample in samples)

    web = middle(lambda sample: sample.cpu_ms["web"])
    aside = middle(lambda sample: sample.aside_ms)
    return Figure(
        case=name,
        title=case.title,
        concurrency=concurrency,
        web_ms=web,
        web_min_ms=min(sample.cpu_ms["web"] for sample in samples),
        aside_ms=aside,
        target_ms=case.target_ms,
        is_met=web - aside <= case.target_ms,
        postgresql_ms=middle(lambda sample: sample.cpu_ms["postgresql"]),
        valkey_ms=middle(lambda sample: sample.cpu_ms["valkey"]),
        background_ms=middle(lambda sample: sample.cpu_ms["background"]),
        answers=sum(sample.load.answers for sample in samples),
        answers_per_second=middle(lambda sample: sample.load.answers_per_second),
        p50_ms=middle(lambda sample: sample.load.p50_ms),
        p99_ms=middle(lambda sample: sample.load.p99_ms),
    )


def case_figures(findings: Findings, variant: str) -> list[Figure]:
    """Every case of one variant that was measured to the end."""
    return [
        case_figure(name, concurrency, by_variant[variant])
        for (name, concurrency), by_variant in findings.samples.items()
        if name not in findings.failures and variant in by_variant
    ]


def start_figures(starts: Sequence[Start]) -> list[Reading]:
    """The medians of what starting took, beside their targets; nothing if none was measured."""
    return [
        Reading(title, median(getattr(start, attribute) for start in starts), target)
        for attribute, title, target in (START_TARGETS if starts else ())
    ]


def case_ratio(
    name: str, concurrency: int, first: Sequence[Sample], second: Sequence[Sample]
) -> Ratio:
    """The comparison that two variants' samples of the same rounds make."""
    pairs = list(zip(first, second, strict=True))
    web = [b.cpu_ms["web"] / a.cpu_ms["web"] for a, b in pairs]
    return Ratio(
        case=name,
        title=CASES[name].title,
        concurrency=concurrency,
        first_web_ms=median(a.cpu_ms["web"] for a in first),
        second_web_ms=median(b.cpu_ms["web"] for b in second),
        web=median(web),
        web_lowest=min(web),
        web_highest=max(web),
        answers_per_second=median(
            b.load.answers_per_second / a.load.answers_per_second for a, b in pairs
        ),
        p50=median(b.load.p50_ms / a.load.p50_ms for a, b in pairs),
    )


def case_ratios(findings: Findings, first: str, second: str) -> list[Ratio]:
    """Every case of two variants, the second over the first."""
    return [
        case_ratio(name, concurrency, by_variant[first], by_variant[second])
        for (name, concurrency), by_variant in findings.samples.items()
        if name not in findings.failures and {first, second} <= by_variant.keys()
    ]
