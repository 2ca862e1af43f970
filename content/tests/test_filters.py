"""The query parameters of GET /api/items."""

import pytest
from django.utils import timezone

from content.filters import ItemFilter
from content.models import Item
from content.tests.factories import make_item, make_items

pytestmark = pytest.mark.django_db


def titles(client, query):
    response = client.get("/api/items", query)
    assert response.status_code == 200, response.content
    return [item["title"] for item in response.json()]


@pytest.fixture
def shelf(alice):
    """Three items of alice that differ in everything one can filter by."""
    make_item(alice.user, "old", status="archived", tags=["a"], item_type="note")
    make_item(alice.user, "middle", status="published", tags=["a", "b"])
    make_item(alice.user, "new", tags=["b,c", "é"])
    for year, title in [(2001, "old"), (2002, "middle"), (2003, "new")]:
        moment = timezone.datetime(year, 1, 1, tzinfo=timezone.get_default_timezone())
        Item.objects.filter(title=title).update(created_at=moment, updated_at=moment)
    return alice


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"item_type": "note"}, ["old"]),
        ({"item_type": "nothing-like-it"}, []),
        ({"status": "published"}, ["middle"]),
        ({"status": "draft", "item_type": "post"}, ["new"]),
        ({"tag": "a"}, ["middle", "old"]),
        ({"tag": ["a", "b"]}, ["middle"]),
        ({"tag": ["a", "é"]}, []),
        ({"tag": "b,c"}, ["new"]),
        ({"tag": " a "}, ["middle", "old"]),
        ({"tag": "A"}, []),
        ({"created_after": "2002-01-01T00:00:00Z"}, ["new", "middle"]),
        ({"created_before": "2002-01-01T00:00:00Z"}, ["old"]),
        ({"created_after": "2002-01-01"}, ["new", "middle"]),
        ({"created_after": "2002-01-01T02:00:00+02:00"}, ["new", "middle"]),
        ({"updated_after": "2002-01-01T00:00:00.000001Z"}, ["new"]),
        ({"updated_before": "2002-01-01T00:00:00.000001Z"}, ["middle", "old"]),
        ({"created_before": "0001-01-01T00:00:00+14:00"}, []),
        ({"created_after": "9999-12-31T23:59:59-12:00"}, []),
    ],
)
def test_a_filter_keeps_what_it_names(shelf, query, expected):
    assert titles(shelf, query) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "nope"),
        ("status", "Draft"),
        ("created_after", "yesterday"),
        ("created_before", "2002-13-01"),
        ("updated_after", "1"),
        ("updated_before", "2002-01-01T00:00:00 02:00"),
        ("ordering", "owner"),
        ("ordering", "title,nope"),
        ("ordering", "--title"),
        ("tag", ""),
        ("tag", "x" * 51),
    ],
)
def test_a_bad_filter_is_refused_by_its_name(shelf, name, value):
    response = shelf.get("/api/items", {name: value})

    assert response.status_code == 400
    assert list(response.json()["errors"]) == [name]


@pytest.mark.parametrize(
    ("ordering", "expected"),
    [
        ("title", ["middle", "new", "old"]),
        ("-title", ["old", "new", "middle"]),
        ("created_at", ["old", "middle", "new"]),
        ("-created_at", ["new", "middle", "old"]),
        ("updated_at", ["old", "middle", "new"]),
        ("-updated_at", ["new", "middle", "old"]),
        ("published_at", ["middle", "new", "old"]),
        ("-published_at", ["middle", "new", "old"]),
    ],
)
def test_the_order_can_be_asked_for_and_what_has_no_value_comes_last(shelf, ordering, expected):
    assert titles(shelf, {"ordering": ordering}) == expected


def test_equal_rows_are_ordered_by_id(alice):
    rows = make_items(alice.user, 4)
    Item.objects.update(title="same")

    found = alice.get("/api/items?ordering=title").json()

    assert [item["id"] for item in found] == [item.pk for item in reversed(rows)]


@pytest.mark.parametrize("ordering", ["title", "-created_at", "title,-updated_at"])
def test_every_order_ends_with_the_id(ordering):
    found = ItemFilter({"ordering": ordering}, Item.objects.all()).qs

    assert found.query.order_by[-1] == "-pk"


def test_ordering_and_paging_by_id_exclude_each_other(alice):
    assert alice.get("/api/items?ordering=title&before=5").status_code == 400


def test_a_filter_adds_no_query(shelf, regular, django_assert_num_queries):
    with django_assert_num_queries(1):
        regular.get("/api/items?tag=a&status=published&ordering=title")


def test_the_trash_can_be_filtered_too(shelf):
    for item in shelf.get("/api/items").json():
        shelf.delete(f"/api/items/{item['id']}")

    found = shelf.get("/api/items/trash?tag=a&ordering=title").json()

    assert [item["title"] for item in found] == ["middle", "old"]
