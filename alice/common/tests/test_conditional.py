"""ETag, If-None-Match and If-Match."""

import pytest

from alice.common.conditional import (
    PreconditionFailed,
    conditional_json,
    etag_of,
    if_match_of,
    is_not_modified,
)
from alice.common.errors import Invalid
from alice.common.tests.kit import a_request


@pytest.mark.parametrize(
    ("header", "matches"),
    [
        ('"3"', True),
        ('"1", "3"', True),
        ('"1","2" , "3"', True),
        ("*", True),
        ("", True),
        ('W/"3"', False),
        ('"4"', False),
        ('"33"', False),
        ('""', False),
        ('"1", W/"3"', False),
        ('"a,b", "3"', True),
        (", ,", False),
        ('"3-0123456789abcdef"', True),
        ('"4-3"', False),
        ('"33-3"', False),
        ('W/"3-0123456789abcdef"', False),
        ('"3-"', False),
        ('"3-a"', False),
        ('"x3-1"', False),
        ('"3-1-1"', False),
    ],
)
def test_a_change_needs_a_strong_tag_of_the_present_version(header, matches):
    condition = if_match_of(a_request(HTTP_IF_MATCH=header))

    if matches:
        condition.require(etag_of(3))
    else:
        with pytest.raises(PreconditionFailed):
            condition.require(etag_of(3))


def test_a_tag_with_a_digest_is_another_one_for_each_body():
    request = a_request(HTTP_IF_NONE_MATCH=etag_of(3, body=b"one"))

    assert is_not_modified(request, etag_of(3, body=b"one"))
    assert not is_not_modified(request, etag_of(3, body=b"two"))
    assert not is_not_modified(request, etag_of(3))


def test_without_if_match_any_version_may_be_changed():
    if_match_of(a_request()).require(etag_of(3))


@pytest.mark.parametrize("header", ["3", '"3', '3"', '"3" x', '*, "3"', 'w/"3"', '"3";"4"', "W/3"])
def test_a_malformed_if_match_is_400_and_never_ignored(header):
    with pytest.raises(Invalid, match="If-Match must be"):
        if_match_of(a_request(HTTP_IF_MATCH=header))


@pytest.mark.parametrize(
    ("header", "is_same"),
    [
        ('"3"', True),
        ('W/"3"', True),
        ('"1", W/"3"', True),
        ("*", True),
        ("", False),
        ('"4"', False),
        ("3", False),
        ('"', False),
        ('"' * 60_000, False),
    ],
)
def test_a_reader_is_spared_the_version_it_has(header, is_same):
    request = a_request(HTTP_IF_NONE_MATCH=header)

    assert is_not_modified(request, etag_of(3)) is is_same
    response = conditional_json(request, b"{}", etag_of(3))
    assert (response.status_code, response.content) == ((304, b"") if is_same else (200, b"{}"))
    assert (response["ETag"], response["Cache-Control"]) == ('"3"', "private, no-cache")
