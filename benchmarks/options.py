"""What can be said on the command line."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.cases import CASES
from benchmarks.heavy import MEASUREMENTS
from benchmarks.server import FOREIGN_SETTINGS
from benchmarks.variants import ROOT

START = "start"
NAMES = (START, *CASES, *MEASUREMENTS)
EPILOG = f"""\
cases: {", ".join(NAMES)}.
"{START}" measures starting up and memory at rest. {", ".join(MEASUREMENTS)} take four
minutes, and some GiB below TMPDIR for as long.

Starts servers of its own in throw-away data directories and stops them at the end. Ctrl-C ends it
early, with nothing left behind. Exit codes: 0 measured; 1 a case failed, or with --strict a
target was missed; 2 wrong usage. Trust ratios of one run; see benchmarks/README.md.
"""


def case_names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in NAMES]:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}")
    return names


def whole_numbers(text: str) -> list[int]:
    return [positive(word) for word in text.split(",")]


def positive(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"a number from 1 to 1000, not {text!r}")
    return int(text)


def duration(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0.1 <= seconds <= 60:
        raise argparse.ArgumentTypeError(f"seconds from 0.1 to 60, not {text!r}")
    return seconds


def setting(text: str) -> str:
    name, equals, _ = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"NAME=VALUE, not {text!r}")
    if name in FOREIGN_SETTINGS:
        raise argparse.ArgumentTypeError(f"{name} is always that of the throw-away server")
    return text


def parser() -> argparse.ArgumentParser:
    """The parser, whose --help is the manual."""
    made = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure CPU, latency, start and memory of a whole Alice on this machine.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    compared = made.add_mutually_exclusive_group()
    compared.add_argument("--against", metavar="REV", help="compare with this commit")
    compared.add_argument(
        "--with",
        dest="settings",
        metavar="NAME=VALUE",
        action="append",
        type=setting,
        default=[],
        help="compare with this in the environment and without; may be repeated",
    )
    add = made.add_argument
    add("--only", metavar="CASES", type=case_names, default=NAMES, help="such as list,get")
    add("--concurrency", metavar="N", type=whole_numbers, default=[1, 16], help="default: 1,16")
    add("--rounds", metavar="N", type=positive, default=3, help="of all cases (default: 3)")
    add("--seconds", metavar="S", type=duration, default=2.0, help="per sample (default: 2)")
    add("--starts", metavar="N", type=positive, default=1, help="measured starts (default: 1)")
    add(
        "--json",
        metavar="PATH",
        type=Path,
        default=ROOT / ".data" / "bench.json",
        help="where every sample is written (default: .data/bench.json)",
    )
    add("--strict", action="store_true", help="exit with 1 when a target is missed")
    return made


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options; ends the program with 2 on wrong usage."""
    return parser().parse_args(arguments)
