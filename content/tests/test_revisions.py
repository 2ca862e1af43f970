"""Earlier versions of an item."""

import pytest

from content.models import Item, Revision
from content.tests.factories import change, make_item

pytestmark = pytest.mark.django_db
SUMMARY = ["id", "item_id", "version", "title", "item_type", "status", "editor_id", "created_at"]


@pytest.fixture
def item(alice):
    """An item of alice in its third version."""
    made = make_item(alice.user, "first", content={"n": 1e22}, tags=["a"], metadata={"k": True})
    return change(change(made, title="second", content={"n": 2}), status="published")


def test_earlier_versions_are_listed_newest_first(alice, item):
    shown = alice.get(f"/api/items/{item.pk}/revisions").json()

    assert [(row["version"], row["title"]) for row in shown] == [(2, "second"), (1, "first")]
    assert all(list(row) == SUMMARY for row in shown)
    assert {row["editor_id"] for row in shown} == {alice.user.pk}


def test_an_item_that_never_changed_has_none(alice):
    assert alice.get(f"/api/items/{make_item(alice.user).pk}/revisions").json() == []


def test_one_earlier_version_is_shown_whole_as_it_was(alice):
    made = make_item(alice.user, "first", content={"n": [1, True]}, tags=["a"], description="d")
    before = alice.get(f"/api/items/{made.pk}").json()
    change(made, title="second", content={}, tags=[], description="")

    shown = alice.get(f"/api/items/{made.pk}/revisions/1").json()

    same = ["title", "description", "content", "item_type", "status", "metadata", "tags"]
    assert {key: shown[key] for key in same} == {key: before[key] for key in same}
    assert shown["created_at"] == before["updated_at"]
    assert list(shown) == [*SUMMARY, "description", "content", "metadata", "tags"]


@pytest.mark.parametrize("version", ["3", "4", "0", "abc", str(2**31), str(2**62), str(2**63)])
@pytest.mark.parametrize(("verb", "end"), [("get", ""), ("post", "/restore")])
def test_a_version_that_is_not_kept_is_not_found(alice, item, version, verb, end):
    response = getattr(alice, verb)(f"/api/items/{item.pk}/revisions/{version}{end}")

    assert response.status_code == 404
    assert response.json()["code"] == "not_found"
    assert Item.objects.get().version == 3


def test_restoring_makes_a_new_version_equal_to_the_earlier_one(alice, item):
    response = alice.post(f"/api/items/{item.pk}/revisions/1/restore")

    assert response.status_code == 200
    assert response["ETag"] == '"4"'
    now = response.json()
    assert (now["title"], now["content"], now["status"]) == ("first", {"n": 1e22}, "draft")
    assert now == alice.get(f"/api/items/{item.pk}").json()
    assert Revision.objects.count() == 3


def test_restoring_leaves_the_date_of_publishing_alone(alice, item):
    before = alice.get(f"/api/items/{item.pk}").json()["published_at"]

    draft = alice.post(f"/api/items/{item.pk}/revisions/1/restore").json()
    published = alice.post(f"/api/items/{item.pk}/revisions/3/restore").json()

    assert draft["published_at"] == published["published_at"] == before


def test_restoring_the_same_version_again_makes_no_other(alice, item):
    first = alice.post(f"/api/items/{item.pk}/revisions/1/restore").json()
    again = alice.post(f"/api/items/{item.pk}/revisions/1/restore")

    assert (again.status_code, again.json()) == (200, first)


def test_restoring_honours_if_match(alice, item):
    path = f"/api/items/{item.pk}/revisions/1/restore"

    assert alice.post(path, headers={"If-Match": '"2"'}).status_code == 412
    assert Item.objects.get().version == 3
    assert alice.post(path, headers={"If-Match": '"3"'}).status_code == 200


def test_only_the_newest_are_kept(alice, item, monkeypatch):
    monkeypatch.setattr("content.services.REVISIONS_KEPT", 3)
    for number in range(4):
        item = change(item, title=f"title {number}")

    shown = alice.get(f"/api/items/{item.pk}/revisions").json()

    assert [row["version"] for row in shown] == [6, 5, 4]


@pytest.mark.parametrize("changes", [1, 20])
def test_the_list_costs_two_queries_however_many_rows(regular, changes, django_assert_num_queries):
    item = make_item(regular.user)
    for number in range(changes):
        item = change(item, title=f"title {number}")

    with django_assert_num_queries(2):
        response = regular.get(f"/api/items/{item.pk}/revisions")

    assert len(response.json()) == changes


def test_the_list_is_paged_like_every_list(alice, item):
    path = f"/api/items/{item.pk}/revisions"
    newest = alice.get(f"{path}?limit=1&count=true")

    assert [row["version"] for row in newest.json()] == [2]
    assert newest["X-Total-Count"] == "2"
    older = alice.get(f"{path}?before={newest.json()[0]['id']}").json()
    assert [row["version"] for row in older] == [1]
    assert alice.get(f"{path}?limit=abc").status_code == 400


def test_versions_of_another_item_are_not_shown(alice, item):
    other = change(make_item(alice.user), title="other")

    shown = alice.get(f"/api/items/{other.pk}/revisions").json()

    assert [row["item_id"] for row in shown] == [other.pk]
