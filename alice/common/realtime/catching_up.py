"""Where the frames of a group are read from that did not arrive."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

CatchUp = Callable[[int, int], Iterable[tuple[int, Mapping[str, Any]]]]
_sources: dict[str, CatchUp] = {}


def register_catch_up(kind: str, source: CatchUp) -> None:
    """Have `source(pk, after_seq)` answer the missed frames of the groups `<kind>.<pk>`.

    It runs in a thread with a database connection, once per process and group, and answers
    pairs of seq and frame in the order of seq: all after `after_seq`, or the first some hundred.
    """
    _sources[kind] = source


def catch_up_source(group: str) -> tuple[CatchUp, int] | None:
    """The source of a group and the pk to ask it for, if its kind has one."""
    kind, _, pk = group.partition(".")
    source = _sources.get(kind)
    return (source, int(pk)) if source else None
