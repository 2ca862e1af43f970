"""Settings from the environment: typed, and every fault in one message."""

from pathlib import Path

import pytest

from alice.common.env import Env, EnvironmentFaults

DEFAULT = object()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[(word, True) for word in ("1", "true", "TRUE", "yes", "on", " On ")],
        *[(word, False) for word in ("0", "false", "no", "off", "")],
    ],
)
def test_a_boolean_is_written_in_several_ways(text, value):
    assert Env({"X": text}).boolean("X", default=not value) is value


@pytest.mark.parametrize("text", ["2", "maybe", "tru", "y"])
def test_a_word_that_is_no_boolean_is_a_fault(text):
    env = Env({"X": text})

    assert env.boolean("X", default=True) is True
    assert env.faults == [f"X must be true or false, not {text!r}."]


@pytest.mark.parametrize(
    ("text", "value", "faults"),
    [
        ("5", 5, []),
        (" 5 ", 5, []),
        ("", 3, []),
        ("1", 1, []),
        ("9", 9, []),
        ("0", 3, ["X must be at least 1 and at most 9, not 0."]),
        ("10", 3, ["X must be at least 1 and at most 9, not 10."]),
        ("5.0", 3, ["X must be a whole number, not '5.0'."]),
        ("five", 3, ["X must be a whole number, not 'five'."]),
    ],
)
def test_a_number_is_whole_and_within_its_bounds(text, value, faults):
    env = Env({"X": text})

    assert env.integer("X", 3, minimum=1, maximum=9) == value
    assert env.faults == faults


def test_a_number_of_ten_thousand_digits_is_a_fault_and_no_crash():
    env = Env({"X": "9" * 10_000})

    assert env.integer("X", 3) == 3
    assert len(env.faults) == 1


@pytest.mark.parametrize(
    ("url", "is_good"),
    [
        ("postgres://u:p@h:5432/db", True),
        ("postgres:///db?host=/run", True),
        ("mysql://h/db", False),
        ("h:5432", False),
        ("postgres://h:port/db", False),
        ("postgres://h:0/db", False),
        ("postgres://h:99999/db", False),
        ("postgres://[::1/db", False),
    ],
)
def test_a_url_has_an_expected_scheme_and_a_port_that_is_one(url, is_good):
    env = Env({"X": url})

    assert env.url("X", "fallback", schemes=["postgres"]) == (url if is_good else "fallback")
    sentence = "X must be a URL that begins with postgres://."
    assert env.faults == ([] if is_good else [sentence])


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("https://a.example, http://localhost:3000", 0),
        ("", 0),
        ("https://a.example/", 1),
        ("a.example", 1),
        ("https://a.example?x, ftp://b.example, https://[::1", 3),
    ],
)
def test_an_origin_is_a_scheme_and_a_host(text, faults):
    env = Env({"X": text})

    env.origins("X")

    assert len(env.faults) == faults


def test_an_empty_variable_counts_as_unset():
    env = Env({"X": " "})

    assert env.text("X", "default") == "default"
    assert env.url("X", "https://a", schemes=["https"]) == "https://a"
    assert env.choice("X", ["a", "b"], "a") == "a"
    assert env.words("X") == []
    assert env.path("X", Path("/p")) == Path("/p")
    assert env.faults == []


def test_a_secret_may_come_from_a_file(tmp_path):
    file = tmp_path / "key"
    file.write_text("hush\n")
    env = Env({"KEY_FILE": str(file), "KEY": "other", "GONE_FILE": str(tmp_path / "gone")})

    assert env.secret("KEY") == "hush"
    assert env.secret("GONE", "default") == "default"
    assert [fault.split(":")[0] for fault in env.faults] == ["GONE_FILE cannot be read"]


def test_all_faults_are_told_at_once():
    env = Env({"A": "x", "B": "y", "C": "z"})
    env.integer("A", 1)
    env.boolean("B")
    env.choice("C", ["a", "b"], "a")

    with pytest.raises(EnvironmentFaults) as faults:
        env.raise_faults()

    assert len(faults.value.faults) == 3
    assert "C must be one of a, b, not 'z'." in str(faults.value)
