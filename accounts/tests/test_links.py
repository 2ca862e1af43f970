"""Sign-in by link: what a good one opens, what a bad one costs."""

import pytest
from django.conf import settings

from accounts.services import exports
from alice.common.signed_urls import signed_url
from alice.common.tests.kit import allow
from system.tasks import run_job

WINDOW = ("X-RateLimit-Limit", "X-RateLimit-Remaining")

pytestmark = pytest.mark.django_db


@pytest.fixture
def limits(settings):
    """Two requests a minute without a session, four by links."""
    allow(settings, free=100, anonymous=2, link=4)
    settings.WEB_WORKERS = 1


@pytest.fixture
def path(alice):
    """The address of an export of alice."""
    job = exports.request_export(owner_id=alice.user.pk)
    run_job(job.pk)
    return f"/api/auth/export/{job.pk}"


def link_to(path, verb="download"):
    return signed_url(path, verb=verb).removeprefix(settings.PUBLIC_URL)


def read(client, url, **headers):
    response = client.get(url, **headers)
    if response.streaming:
        b"".join(response.streaming_content)
    return response


def window_of(response):
    return [int(response[name]) for name in WINDOW]


def test_good_links_are_counted_apart(path, anonymous, limits):
    answers = [read(anonymous, link_to(path)) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 429]
    assert window_of(answers[0]) == [4, 3]
    assert window_of(anonymous.get(path)) == [2, 1]


def test_bad_links_spend_the_window_of_the_peer(path, anonymous, limits):
    answers = [anonymous.get(f"{path}?expires=1&signature=x") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [403, 403, 429]
    assert answers[0].json()["code"] == "link_refused"
    assert read(anonymous, link_to(path)).status_code == 200


def test_a_link_is_judged_before_any_token(path, alice, bob):
    assert read(bob, link_to(path)).status_code == 200
    assert alice.get(link_to(path, verb="stream")).status_code == 403
    assert read(alice, link_to(path), HTTP_AUTHORIZATION="Bearer x").status_code == 200


@pytest.mark.parametrize("query", ["", "?expires=9999999999", "?x=1"])
def test_without_a_signature_a_token_is_needed(path, alice, anonymous, query):
    refused = anonymous.get(path + query)

    assert (refused.status_code, refused.json()["code"]) == (401, "not_authenticated")
    assert refused["WWW-Authenticate"].startswith("Bearer")
    assert read(alice, path + query).status_code == 200


def test_a_link_asks_the_database_for_nothing_but_the_object(
    path, anonymous, django_assert_num_queries
):
    with django_assert_num_queries(1):
        read(anonymous, link_to(path))


def test_a_link_opens_nothing_else(path, anonymous):
    query = link_to(path).partition("?")[2]

    assert anonymous.get(f"/api/files?{query}").status_code == 401
    assert anonymous.get(f"/api/auth/me?{query}").status_code == 401
    assert anonymous.get(f"{path}0?{query}").status_code == 403
