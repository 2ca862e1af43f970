"""`python -m benchmarks`."""

import argparse
import signal
import sys
from types import FrameType
from typing import NoReturn

import orjson

from benchmarks.cases import CASES
from benchmarks.facts import load_average, machine
from benchmarks.heavy import MEASUREMENTS
from benchmarks.measure import Plan, measure
from benchmarks.options import START, parse
from benchmarks.report import json_report, misses, text_report
from benchmarks.server import CannotMeasure, Variant
from benchmarks.variants import commit, variants


def plan_of(options: argparse.Namespace, compared: list[Variant]) -> Plan:
    """What the command line asks to be measured."""
    return Plan(
        variants=compared,
        cases=[case for name, case in CASES.items() if name in options.only],
        heavy=[name for name in MEASUREMENTS if name in options.only],
        concurrencies=options.concurrency,
        rounds=options.rounds,
        seconds=options.seconds,
        starts=options.starts if START in options.only else 0,
    )


def run(options: argparse.Namespace) -> int:
    """Measure, print, write, and return the exit code."""
    facts = {**machine(), "load_before": load_average(), "commit": commit()}
    with variants(options.against, options.settings) as compared:
        plan = plan_of(options, compared)
        findings = measure(plan)
    facts["load_after"] = load_average()
    print(text_report(plan, findings, facts))
    options.json.parent.mkdir(parents=True, exist_ok=True)
    report = json_report(plan, findings, facts)
    options.json.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2))
    is_lacking = any(name == compared[-1].name for _, name in findings.absent)
    is_failed = findings.failures or is_lacking or (options.strict and misses(plan, findings))
    return 1 if is_failed else 0


def leave(number: int, _frame: FrameType | None) -> NoReturn:
    # As an exception, so that everything started is stopped on the way out, and only one.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(128 + number)


def main() -> None:
    """Run with the words of the command line."""
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    options = parse(sys.argv[1:])
    try:
        code = run(options)
    except CannotMeasure as error:
        print(error, file=sys.stderr)
        code = 1
    sys.exit(code)


if __name__ == "__main__":
    main()
