"""Links that grant access without a header."""

import time
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils.http import urlencode

from alice.common.signed_urls import LinkRefused, has_signature, require_signature, signed_url
from alice.common.tests.kit import a_request

PATH = "/api/files/7/download"


def query_of(url):
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def opened(path, query, verb="download"):
    """Whether a request for `path` with `query` is let in for `verb`."""
    try:
        require_signature(a_request(f"{path}?{urlencode(query)}"), verb=verb)
    except LinkRefused:
        return False
    return True


def test_a_link_opens_its_own_path_for_its_own_verb(settings):
    url = signed_url(PATH, verb="download")

    assert url.startswith(f"{settings.PUBLIC_URL}{PATH}?expires=")
    assert opened(PATH, query_of(url))
    assert not opened(PATH, query_of(url), verb="stream")
    for other in ("/api/files/8/download", "/api/files/7/download/", "/api/files/7", "/"):
        assert not opened(other, query_of(url))


def test_a_link_ends_in_time(time_machine):
    time_machine.move_to(1_800_000_000, tick=False)
    query = query_of(signed_url(PATH, verb="download", seconds=60))

    time_machine.move_to(1_800_000_060, tick=False)
    assert opened(PATH, query)
    time_machine.move_to(1_800_000_061, tick=False)
    assert not opened(PATH, query)


def test_links_of_one_minute_are_one_link_and_none_lasts_longer_than_asked(time_machine):
    time_machine.move_to(1_800_000_000, tick=False)
    first = signed_url(PATH, verb="download", seconds=900)

    time_machine.move_to(1_800_000_059, tick=False)
    assert signed_url(PATH, verb="download", seconds=900) == first
    assert int(query_of(first)["expires"]) == 1_800_000_900
    time_machine.move_to(1_800_000_060, tick=False)
    assert signed_url(PATH, verb="download", seconds=900) != first


@pytest.mark.parametrize(
    "change",
    [
        {"expires": "9999999999"},
        {"expires": ""},
        {"expires": "-1"},
        {"expires": "1e9"},
        {"expires": "٩٩٩٩٩٩٩٩٩٩"},
        {"expires": "9" * 5000},
        {"signature": ""},
        {"signature": "a" * 43},
        {"signature": "ä€😀"},
        {"signature": "\x01"},
    ],
)
def test_a_forged_link_is_refused(change):
    query = query_of(signed_url(PATH, verb="download"))

    assert not opened(PATH, query | change)


def test_a_refused_link_is_403():
    assert (LinkRefused.status, LinkRefused.code) == (403, "link_refused")


def test_a_link_without_its_parts_is_refused():
    query = query_of(signed_url(PATH, verb="download"))

    assert not opened(PATH, {})
    assert not opened(PATH, {"expires": query["expires"]})
    assert not opened(PATH, {"signature": query["signature"]})


def test_a_link_of_another_key_is_refused_and_one_of_a_former_key_is_not(settings):
    former = settings.SECRET_KEY
    query = query_of(signed_url(PATH, verb="download"))
    settings.SECRET_KEY = "n" * 40

    assert not opened(PATH, query)
    settings.SECRET_KEY_FALLBACKS = [former]
    assert opened(PATH, query)


def test_whether_a_request_came_by_a_link_is_told_by_its_signature():
    assert has_signature(a_request(f"{PATH}?signature="))
    assert not has_signature(a_request(f"{PATH}?expires={int(time.time())}"))
