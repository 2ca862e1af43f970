"""Range headers (RFC 9110, section 14)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alice.common.byte_ranges import ByteRange, RangeNotSatisfiable, requested_range

SIZE = 1000
MAYBE = st.none() | st.integers(0, 30) | st.integers(0, 10**17)


@pytest.mark.parametrize(
    ("header", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-499", 0, 499),
        ("bytes=500-", 500, 999),
        ("bytes=-1", 999, 999),
        ("bytes=-5000", 0, 999),
        ("bytes=990-5000", 990, 999),
        ("Bytes = 0-1", 0, 1),
        ("bytes=000-009", 0, 9),
        ("bytes= ,0-1, ,", 0, 1),
        ("bytes=0-99,100-199", 0, 199),
        ("bytes=50-60,0-99", 0, 99),
        ("bytes=5000-,0-1", 0, 1),
        ("bytes=-0,0-1", 0, 1),
        (f"bytes=1-{'9' * 5000}", 1, 999),
        (f"bytes=-{'9' * 5000}", 0, 999),
    ],
)
def test_a_range_is_the_bytes_it_asks_for(header, first, last):
    assert requested_range(header, SIZE) == ByteRange(first, last)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=,",
        "bytes=-",
        "bytes=a",
        "bytes=a-b",
        "bytes=9-5",
        "bytes=0-1,9-5",
        "bytes=+1-5",
        "bytes=1--5",
        "bytes=0 - 1",
        "bytes=\u0661-",
        "bytes=0x1-2",
        "items=0-1",
        "bytes=0-1,500-600",
        "bytes=0-0,-1",
    ],
)
def test_the_whole_is_served_without_one_well_formed_range(header):
    assert requested_range(header, SIZE) is None


@pytest.mark.parametrize(
    "header", ["bytes=1000-", "bytes=-0", "bytes=1000-2000,5000-", f"bytes={'9' * 5000}-"]
)
def test_a_range_without_a_byte_is_refused_and_told_the_size(header):
    with pytest.raises(RangeNotSatisfiable) as refusal:
        requested_range(header, SIZE)

    assert refusal.value.status == 416
    assert refusal.value.headers == {"Content-Range": "bytes */1000"}


def test_nothing_of_an_empty_file_can_be_asked_for():
    with pytest.raises(RangeNotSatisfiable):
        requested_range("bytes=0-", 0)


def test_a_part_says_where_it_lies():
    assert ByteRange(2, 5).content_range(10) == "bytes 2-5/10"
    assert ByteRange(2, 5).length == 4


def test_a_thousand_ranges_are_answered_with_the_whole():
    header = "bytes=" + ",".join("0-0" for _ in range(1000))

    assert requested_range(header, SIZE) is None


@given(st.lists(st.tuples(MAYBE, MAYBE), min_size=1, max_size=4), st.integers(1, 25))
def test_it_agrees_with_counting_the_bytes(pairs, size):
    header = "bytes=" + ",".join(
        f"{'' if a is None else a}-{'' if b is None else b}" for a, b in pairs
    )
    wanted = set().union(*(counted(a, b, size) for a, b in pairs))

    if any(a is b is None or (None not in (a, b) and b < a) for a, b in pairs):
        assert requested_range(header, size) is None
    elif not wanted:
        with pytest.raises(RangeNotSatisfiable):
            requested_range(header, size)
    elif len(wanted) == max(wanted) - min(wanted) + 1:
        assert requested_range(header, size) == ByteRange(min(wanted), max(wanted))
    else:
        assert requested_range(header, size) is None


def counted(first, last, size):
    """The numbers of the bytes that one range asks for, one by one."""
    if first is None:
        return {number for number in range(size) if number >= size - (last or 0)}
    return {n for n in range(size) if n >= first and (last is None or n <= last)}
