"""What a JSON body may hold."""

import gc
import json
import time

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError

from alice.common.json_bodies import JsonRenderer, parse_json
from alice.common.json_columns import JsonDecoder, JsonEncoder
from alice.common.tests.kit import at_most


@pytest.mark.parametrize(
    "body",
    [
        rb'"\u0000"',
        rb'{"a": "x\u0000y"}',
        rb'{"\u0000": 1}',
        rb'{"a": [{"b": [{"c\u0000": 1}]}]}',
        rb'[[[["\u0000"]]]]',
        rb'{"a": "\\\u0000"}',
        b'{"a": "\x00"}',
        rb'"\ud800"',
        rb'{"\udfff": 1}',
        rb'"\ud800\ud800"',
        b'"\xed\xa0\x80"',
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b"1e400",
        b"[-1e400]",
        b'"\xff"',
        b'\xff\xfe"\x00a\x00"\x00',
        b"",
        b" ",
        b"{",
        b'{"a": 1,}',
        b"{'a': 1}",
        b'{"a": 1} x',
        b"01",
        b"[1 2]",
        b'"\n"',
        b"// comment\n1",
    ],
)
def test_what_cannot_be_stored_or_is_no_json_is_refused(body):
    with pytest.raises(ParseError) as refused:
        parse_json(body)

    assert refused.value.status_code == 400


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (rb'"\\u0000"', r"\u0000"),
        (rb'{"\\u0000": "\\\\u0000"}', {r"\u0000": r"\\u0000"}),
        (rb'"\ud83d\ude00"', "\U0001f600"),
        (b'"\\u0001"', "\x01"),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b"9223372036854775807", 2**63 - 1),
        (b"18446744073709551615", 2**64 - 1),
        (b"123456789012345678901234567890", 1.2345678901234568e29),
        (b"1" + b"0" * 300, 1e300),
        (b"1e308", 1e308),
        (b"-0.0", -0.0),
        (b' {"a": null}\n', {"a": None}),
    ],
)
def test_what_json_allows_is_read(body, value):
    assert parse_json(body) == value


def nested(depth, opening=b"[", closing=b"]"):
    return opening * depth + b"1" + closing * depth


@pytest.mark.parametrize("brackets", [(b"[", b"]"), (b'{"a":', b"}")])
@pytest.mark.parametrize(
    ("depth", "is_good"), [(1, True), (63, True), (64, True), (65, False), (500, False)]
)
def test_sixty_four_levels_are_allowed_and_no_more(depth, is_good, brackets):
    body = nested(depth, *brackets)

    if is_good:
        assert parse_json(body) == json.loads(body)
    else:
        with pytest.raises(ParseError):
            parse_json(body)


@pytest.mark.parametrize("depth", [1000, 1024, 1025, 100_000])
def test_a_tower_of_brackets_is_refused_quickly(depth):
    for body in (nested(depth), nested(depth, b'{"a":', b"}"), b"[" * depth):
        gc.collect()  # or one of the suite's whole heap may fall into the measured moment
        with at_most(0.1, clock=time.thread_time), pytest.raises(ParseError):
            parse_json(body)


def test_a_wide_and_flat_body_of_two_mebibytes_is_read_quickly():
    body = b"[" + b",".join([b"[]"] * 699_000) + b"]"

    with at_most(3, clock=time.thread_time):
        assert len(parse_json(body)) == 699_000


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_a_value_is_read_exactly_when_it_holds_no_nul(value):
    body = json.dumps(value).encode()
    holds_nul = any("\x00" in text for text in texts_of(value))

    if holds_nul:
        with pytest.raises(ParseError):
            parse_json(body)
    else:
        assert parse_json(body) == value


def texts_of(value):
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in texts_of(part)]
    return [text for part in value for text in texts_of(part)] if isinstance(value, list) else []


def test_a_number_that_postgresql_writes_out_can_be_answered_again():
    stored = JsonEncoder().encode({"a": 1e22})
    read = JsonDecoder().decode(stored.replace("1e22", "10000000000000000000000"))

    assert read == {"a": 1e22}
    assert JsonRenderer().render(read) == b'{"a":1e+22}'


def test_nothing_is_rendered_as_nothing_and_numbers_may_be_keys():
    assert JsonRenderer().render(None) == b""
    assert orjson.loads(JsonRenderer().render({1: "a"})) == {"1": "a"}
    assert JsonRenderer().render({"n": 10**22}) == b'{"n": 10000000000000000000000}'
