"""GET /api/items and GET /api/items/{id}."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from content.tests.factories import change, make_item, make_items, trash

pytestmark = pytest.mark.django_db
UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
BAD_IDS = ["0", "-1", "01", str(2**63), str(10**30), "9" * 5000, "1e3", "abc", "%00", "1%00"]
BAD_IDS += ["..%2f1", "1.0", " 1", "%D9%A1", "null"]
NEXT = re.compile(r'<([^>]+)>; rel="next"')


def ids(response):
    return [item["id"] for item in response.json()]


def walk(client, path):
    """Every page from `path` on, by its Link headers."""
    pages = []
    while path:
        response = client.get(path)
        assert response.status_code == 200
        pages.append(ids(response))
        found = NEXT.search(response.headers.get("Link", ""))
        path = found and found[1]
    return pages


def test_an_item_has_its_version_as_etag(alice):
    item = change(make_item(alice.user), title="Other")

    response = alice.get(f"/api/items/{item.pk}")

    assert response.status_code == 200
    assert response["ETag"] == '"2"'
    assert response["Content-Type"] == "application/json"


@pytest.mark.parametrize("header", ['"1"', 'W/"1"', '"0", "1"', "*"])
def test_a_version_that_the_client_has_is_not_sent_again(alice, header):
    item = make_item(alice.user)

    response = alice.get(f"/api/items/{item.pk}", headers={"If-None-Match": header})

    assert (response.status_code, response.content) == (304, b"")
    assert response["ETag"] == '"1"'


def test_a_version_that_the_client_has_not_is_sent(alice):
    item = change(make_item(alice.user), title="Other")

    response = alice.get(f"/api/items/{item.pk}", headers={"If-None-Match": '"1"'})

    assert response.json()["title"] == "Other"


def test_times_are_in_utc_to_the_microsecond(alice):
    item = make_item(alice.user, status="published")

    shown = alice.get(f"/api/items/{item.pk}").json()

    for name in ["created_at", "updated_at", "published_at"]:
        assert UTC.fullmatch(shown[name])
        assert shown[name] == getattr(item, name).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_one_item_costs_one_query(regular, django_assert_num_queries):
    item = make_item(regular.user)

    with django_assert_num_queries(1):
        regular.get(f"/api/items/{item.pk}")


@pytest.mark.parametrize("rows", [1, 20])
def test_the_list_costs_one_query_however_many_rows(regular, rows, django_assert_num_queries):
    make_items(regular.user, rows)

    with django_assert_num_queries(1):
        response = regular.get("/api/items")

    assert len(response.json()) == rows


@pytest.mark.parametrize("path", ["/api/items", "/api/items/{id}"])
def test_head_is_get_without_a_body(alice, path):
    path = path.format(id=make_item(alice.user).pk)

    head, get = alice.head(path), alice.get(path)

    assert (head.status_code, head.content) == (200, b"")
    assert head["Content-Length"] == get["Content-Length"]
    assert head.headers.get("ETag") == get.headers.get("ETag")


@pytest.mark.parametrize("bad_id", BAD_IDS)
@pytest.mark.parametrize(
    "path", ["/api/items/{}", "/api/items/{}/revisions", "/api/items/trash/{}"]
)
def test_what_is_no_id_is_not_found(alice, path, bad_id):
    response = alice.generic("GET", path.format(bad_id))

    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


def test_the_list_holds_own_items_outside_the_trash_newest_first(alice, bob):
    first, second, trashed = make_items(alice.user, 3)
    make_item(bob.user)
    trash(trashed)

    assert ids(alice.get("/api/items")) == [second.pk, first.pk]


def test_an_empty_list_is_an_empty_array(alice):
    response = alice.get("/api/items?count=true")

    assert response.content == b"[]"
    assert "Link" not in response
    assert response["X-Total-Count"] == "0"


def test_skip_and_limit_cut_a_slice(alice):
    make_items(alice.user, 5)
    whole = ids(alice.get("/api/items"))

    assert ids(alice.get("/api/items?skip=1&limit=2")) == whole[1:3]
    assert ids(alice.get("/api/items?skip=4&limit=2")) == whole[4:]
    assert ids(alice.get("/api/items?skip=9")) == []
    assert ids(alice.get("/api/items?limit=0")) == []


def test_before_and_after_cut_by_id(alice):
    rows = make_items(alice.user, 5)
    middle = rows[2].pk

    assert ids(alice.get(f"/api/items?before={middle}")) == [rows[1].pk, rows[0].pk]
    assert ids(alice.get(f"/api/items?after={middle}")) == [rows[4].pk, rows[3].pk]
    assert ids(alice.get(f"/api/items?after={rows[0].pk}&limit=1")) == [rows[1].pk]


def test_links_lead_to_the_pages_beside(alice):
    make_items(alice.user, 5)

    first = alice.get("/api/items?limit=2&status=draft")["Link"]
    middle = alice.get("/api/items?skip=2&limit=2&status=draft")["Link"]
    last = alice.get("/api/items?skip=4&limit=2&status=draft")["Link"]

    base = "<http://testserver/api/items?status=draft&skip="
    assert first == f'{base}2&limit=2>; rel="next"'
    assert middle == f'{base}4&limit=2>; rel="next", {base}0&limit=2>; rel="prev"'
    assert last == f'{base}2&limit=2>; rel="prev"'


def test_the_count_is_told_on_request_and_obeys_the_filter(alice):
    make_items(alice.user, 3)
    make_item(alice.user, item_type="note")

    response = alice.get("/api/items?count=true&item_type=note&limit=1")

    assert response["X-Total-Count"] == "1"
    assert "X-Total-Count" not in alice.get("/api/items")


@pytest.mark.parametrize("name", ["skip", "limit", "before", "after"])
@pytest.mark.parametrize("value", ["-1", "abc", "", "1e9", str(2**63), "1.5", "+1", "%20 1", "٣"])
def test_what_is_no_page_is_refused(alice, name, value):
    response = alice.get(f"/api/items?{name}={value}")

    assert response.status_code == 400
    assert list(response.json()["errors"]) == [name]


@pytest.mark.parametrize("query", ["skip=1&skip=2", "limit=1&limit=1", "skip=%00", "limit=1%00"])
def test_repeated_and_nul_page_parameters_are_refused(alice, query):
    assert alice.get(f"/api/items?{query}").status_code == 400


def test_a_limit_above_the_cap_is_the_cap(alice, settings):
    settings.PAGE_LIMIT_MAX = 3
    make_items(alice.user, 4)

    assert len(alice.get("/api/items?limit=501").json()) == 3


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    limit=st.integers(1, 9),
    ordering=st.sampled_from(["", "title", "-title", "created_at", "-published_at", "updated_at"]),
    by_id=st.booleans(),
)
def test_any_chain_of_pages_covers_the_list_once(alice, limit, ordering, by_id):
    if not alice.get("/api/items?limit=1").json():
        make_items(alice.user, 7)
        make_item(alice.user, "note 3", status="published")
    order = f"ordering={ordering}&" if ordering and not by_id else ""
    whole = ids(alice.get(f"/api/items?{order}"))
    start = "before=9223372036854775807&" if by_id else ""

    pages = walk(alice, f"/api/items?{order}{start}limit={limit}")

    assert [item_id for page in pages for item_id in page] == whole
    assert all(len(page) <= limit for page in pages)
