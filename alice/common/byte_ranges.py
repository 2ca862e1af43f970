"""Which bytes a Range header asks for (RFC 9110, sections 14.1.1 to 14.2)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from alice.common.errors import DomainError

# A number of more digits is past the end of anything, and costs time to read.
DIGITS_MAX = 18
RANGES_MAX = 100
RANGE_SPEC = re.compile(r"([0-9]*)-([0-9]*)")


@dataclass(frozen=True, slots=True, order=True)
class ByteRange:
    """From byte `first` to byte `last`, both counted from 0 and both included."""

    first: int
    last: int

    @property
    def length(self) -> int:
        return self.last - self.first + 1

    def content_range(self, size: int) -> str:
        """The Content-Range of this part of `size` bytes (section 14.4)."""
        return f"bytes {self.first}-{self.last}/{size}"


class RangeNotSatisfiable(DomainError):
    code = "range_not_satisfiable"
    status = 416

    def __init__(self, size: int) -> None:
        super().__init__(
            f"The range is outside of the {size} bytes there are.",
            headers={"Content-Range": f"bytes */{size}"},
        )


def requested_range(header: str, size: int) -> ByteRange | None:
    """The one range of `size` bytes that is asked for, or None: serve the whole.

    The whole is for no header, another unit, a malformed header, more than 100 ranges, and for
    several ranges with gaps between them, as section 14.2 allows. Raises `RangeNotSatisfiable`
    when the header is well-formed and none of its ranges has a byte.
    """
    specs = _specs(header)
    if not specs:
        return None
    satisfiable = [part for spec in specs if (part := _resolved(*spec, size)) is not None]
    if not satisfiable:
        raise RangeNotSatisfiable(size)
    return _coalesced(satisfiable)


def _specs(header: str) -> list[tuple[int | None, int | None]]:
    """First and last of each range as written, or nothing when the header is to be ignored."""
    unit, _, listed = header.partition("=")
    if unit.strip().lower() != "bytes" or listed.count(",") >= RANGES_MAX:
        return []
    # Empty elements of a list are to be ignored (section 5.6.1.2).
    texts = [text for part in listed.split(",") if (text := part.strip(" \t"))]
    specs = [_spec(text) for text in texts]
    return [] if None in specs else [spec for spec in specs if spec is not None]


def _spec(text: str) -> tuple[int | None, int | None] | None:
    match = RANGE_SPEC.fullmatch(text)
    if match is None or text == "-":
        return None
    first, last = _number(match[1]), _number(match[2])
    return None if first is not None and last is not None and last < first else (first, last)


def _number(digits: str) -> int | None:
    if not digits:
        return None
    significant = digits.lstrip("0")
    return int(significant or "0") if len(significant) <= DIGITS_MAX else 10**DIGITS_MAX


def _resolved(first: int | None, last: int | None, size: int) -> ByteRange | None:
    if first is None:
        suffix = min(last or 0, size)
        return ByteRange(size - suffix, size - 1) if suffix else None
    if first >= size:
        return None
    return ByteRange(first, size - 1 if last is None else min(last, size - 1))


def _coalesced(ranges: Iterable[ByteRange]) -> ByteRange | None:
    """The range that all of them make together, or None when there are gaps."""
    ordered = sorted(ranges)
    first, last = ordered[0].first, ordered[0].last
    for part in ordered[1:]:
        if part.first > last + 1:
            return None
        last = max(last, part.last)
    return ByteRange(first, last)
