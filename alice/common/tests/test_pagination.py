"""Paging through lists: by skip and limit, and by ids."""

import re
from itertools import chain

import pytest
from django.apps import apps
from django.http import QueryDict
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from alice.common.errors import Invalid
from alice.common.pagination import PageRequest, boolean_parameter

JOBS = "/api/jobs"
BAD_NUMBERS = [
    *(
        "-1",
        "+1",
        "abc",
        "",
        " ",
        "1.0",
        "1e3",
        "1e9",
        "0x10",
        "1_000",
        "\u0661",
        "²",
        "1 ",
        "None",
    ),
    *("2147483648", "9223372036854775808", "9" * 5000, "null", "1;2", "1,2", "\uff11", "\u0661"),
]
BAD_IDS = ["0", "-1", "", "abc", "1.0", "9223372036854775808", "9" * 30]

pytestmark = pytest.mark.django_db


def make_jobs(owner, count):
    job = apps.get_model("system.Job")
    made = job.objects.bulk_create(
        job(kind="page", owner_id=owner.pk, due_at=timezone.now()) for _ in range(count)
    )
    return [row.pk for row in reversed(made)]


def links(response):
    found = re.findall(r'<([^>]*)>; rel="(\w+)"', response.headers.get("Link", ""))
    return {relation: url.removeprefix("http://testserver") for url, relation in found}


def ids(response):
    assert response.status_code == 200
    return [row["id"] for row in response.json()]


def walk(client, url, relation):
    """The pages from `url` on, by their links."""
    pages = []
    while url:
        response = client.get(url)
        pages.append(ids(response))
        url = links(response).get(relation)
        assert len(pages) < 60, "the links go round in circles"
    return pages


@pytest.mark.parametrize("name", ["skip", "limit"])
@pytest.mark.parametrize("text", BAD_NUMBERS)
def test_what_is_no_whole_number_is_400(alice, name, text):
    response = alice.get(JOBS, {name: text})

    assert response.status_code == 400
    assert response.json()["errors"].keys() == {name}
    assert response.json()["detail"].startswith(f"{name}: ")


@pytest.mark.parametrize("name", ["before", "after"])
@pytest.mark.parametrize("text", BAD_IDS)
def test_what_is_no_id_is_400(alice, name, text):
    assert alice.get(JOBS, {name: text}).status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        *("skip=1&skip=2", "limit=5&limit=5", "before=1&before=2", "count=true&count=true"),
        *("count=maybe", "count=", "before=5&skip=0", "after=5&skip=1", "before=9&after=1"),
        *("skip=%00", "limit=1%00", "skip=%2500", "status=gone", "status="),
    ],
)
def test_a_query_that_contradicts_itself_is_400(alice, query):
    response = alice.get(f"{JOBS}?{query}")

    assert response.status_code == (200 if query == "status=" else 400)
    assert isinstance(response.json(), dict if response.status_code == 400 else list)


@pytest.mark.parametrize(
    ("limit", "count"), [("0", 0), ("1", 1), ("500", 500), ("501", 500), ("2147483647", 500)]
)
def test_a_page_never_holds_more_than_the_cap(alice, limit, count):
    make_jobs(alice.user, 502)

    assert len(ids(alice.get(JOBS, {"limit": limit}))) == count
    assert len(ids(alice.get(JOBS, {"limit": limit, "before": 2**63 - 1}))) == count


def test_the_first_page_is_the_newest_and_links_to_the_next(alice):
    made = make_jobs(alice.user, 5)

    response = alice.get(JOBS, {"limit": 2, "status": "queued", "count": "true"})

    assert ids(response) == made[:2]
    assert response["X-Total-Count"] == "5"
    assert links(response) == {"next": f"{JOBS}?status=queued&count=true&skip=2&limit=2"}


def test_there_is_no_link_to_a_page_that_would_be_empty(alice):
    make_jobs(alice.user, 4)

    assert links(alice.get(JOBS, {"limit": 4})) == {}
    assert links(alice.get(JOBS, {"limit": 0})) == {}
    assert links(alice.get(JOBS, {"limit": 0, "skip": 2})) == {}
    assert links(alice.get(JOBS, {"after": 2**62})) == {}
    assert links(alice.get(JOBS, {"skip": 9, "limit": 4})) == {"prev": f"{JOBS}?skip=5&limit=4"}
    assert "X-Total-Count" not in alice.get(JOBS).headers


def test_the_total_counts_what_the_filter_leaves(alice, bob):
    make_jobs(alice.user, 3)
    make_jobs(bob.user, 2)

    assert alice.get(JOBS, {"count": "1", "limit": 1})["X-Total-Count"] == "3"
    assert bob.get(JOBS, {"count": "1", "kind": "other"})["X-Total-Count"] == "0"


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(count=st.integers(0, 12), limit=st.integers(1, 5))
@example(count=6, limit=3)
@example(count=0, limit=1)
def test_walking_the_links_covers_every_row_once(alice, count, limit):
    apps.get_model("system.Job").objects.all().delete()
    made = make_jobs(alice.user, count)

    by_skip = walk(alice, f"{JOBS}?limit={limit}", "next")
    by_id = walk(alice, f"{JOBS}?limit={limit}&before={2**63 - 1}", "next")
    upwards = walk(alice, f"{JOBS}?limit={limit}&after=1", "prev")
    back = walk(alice, f"{JOBS}?limit={limit}&skip={len(made)}", "prev")

    assert list(chain(*by_skip)) == made
    assert list(chain(*by_id)) == made
    assert list(chain(*reversed(upwards))) == made
    assert set(chain(*back)) == set(made)


def test_rows_that_come_meanwhile_move_no_page_by_id(alice):
    made = make_jobs(alice.user, 6)
    first = alice.get(JOBS, {"limit": 3, "before": 2**63 - 1})
    newer = make_jobs(alice.user, 2)

    second = alice.get(links(first)["next"])
    back_again = alice.get(links(second)["prev"])
    onwards = alice.get(links(back_again)["prev"])

    assert ids(second) == made[3:]
    assert ids(back_again) == made[:3]
    assert ids(onwards) == newer


def test_a_page_is_one_query_and_its_total_another(alice, django_assert_num_queries):
    make_jobs(alice.user, 20)
    alice.get(JOBS)

    with django_assert_num_queries(1):
        alice.get(JOBS)
    with django_assert_num_queries(2):
        alice.get(JOBS, {"count": "true"})


@given(st.text(max_size=20))
def test_any_text_is_a_page_or_a_400(text):
    query = QueryDict(mutable=True)
    query["skip"] = text
    try:
        page = PageRequest.of(query)
    except Invalid:
        return
    assert page.skip == int(text)
    assert 0 <= page.skip < 2**31


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("TRUE", True), ("1", True), ("false", False), ("0", False)],
)
def test_a_yes_or_no_is_true_or_false(text, value):
    assert boolean_parameter(QueryDict(f"x={text}"), "x") is value
    assert boolean_parameter(QueryDict(""), "x", default=value) is value
