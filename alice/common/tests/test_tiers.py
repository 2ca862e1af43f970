"""What tiers allow, and who knows whose tier it is."""

import pytest

from alice.common import gate, request_context, tiers
from alice.common.request_context import RequestContext
from alice.common.tests.kit import entitle


@pytest.fixture
def sources(monkeypatch):
    """The registered sources: none, until a test adds one."""
    registered = []
    monkeypatch.setattr(tiers, "_sources", registered)
    return registered


@pytest.fixture
def request_in_hand():
    context = RequestContext("a-request")
    request_context.enter(context)
    yield context
    request_context.leave()


def test_whom_nobody_knows_is_free(sources):
    assert tiers.tier_of(7) == "free"
    assert tiers.tiers_of([]) == {}


def test_the_first_source_that_knows_a_user_wins_and_others_are_not_asked_for_it(sources):
    asked = []
    sources += [
        lambda user_ids: {1: "pro"},
        lambda user_ids: asked.append(list(user_ids)) or {2: "gold"},
    ]

    assert tiers.tiers_of([1, 2, 3]) == {1: "pro", 2: "gold", 3: "free"}
    assert asked == [[2, 3]]


def test_a_source_is_registered_once(sources):
    def source(user_ids):
        return {}

    tiers.register_tier_source(source)
    tiers.register_tier_source(source)

    assert sources == [source]


def test_of_the_user_in_hand_the_gate_s_answer_is_enough(sources, request_in_hand):
    sources.append(lambda user_ids: dict.fromkeys(user_ids, "gold"))

    tiers.remember_admitted(7, "pro")

    assert (tiers.tier_of(7), tiers.tier_of(8)) == ("pro", "gold")
    assert tiers.tiers_of([7]) == {7: "gold"}


def test_a_request_that_changes_a_tier_sees_the_new_one(sources, request_in_hand):
    sources.append(lambda user_ids: dict.fromkeys(user_ids, "free"))
    tiers.remember_admitted(7, "pro")

    gate.change_tier(7, "free")

    assert tiers.tier_of(7) == "free"


def test_without_a_request_nothing_is_remembered(sources):
    tiers.remember_admitted(7, "pro")

    assert tiers.tier_of(7) == "free"


def test_a_tier_without_an_entry_has_what_free_has(settings):
    assert tiers.entitlements("gold") == settings.TIERS["free"]


def test_nobody_has_what_the_anonymous_have(settings):
    assert tiers.entitlements_of(None) == settings.TIERS["anonymous"]
    assert tiers.entitlements_of(None).storage_bytes == 0


def test_the_largest_upload_is_that_of_the_most_generous_tier(settings):
    entitle(settings, free={"upload_size_bytes": 9}, pro={"upload_size_bytes": 8})

    assert tiers.largest_upload_bytes() == 9
