"""DELETE, the trash, and the way back."""

from datetime import timedelta

import pytest
from django.utils import timezone

from content.models import Item, Revision
from content.tasks import empty_trash
from content.tests.factories import change, make_item, make_items, trash

pytestmark = pytest.mark.django_db


def test_a_deleted_item_is_gone_and_in_the_trash(alice):
    item = make_item(alice.user)

    response = alice.delete(f"/api/items/{item.pk}")

    assert (response.status_code, response.content) == (204, b"")
    assert alice.get(f"/api/items/{item.pk}").status_code == 404
    assert alice.get("/api/items").json() == []
    assert [row["id"] for row in alice.get("/api/items/trash").json()] == [item.pk]


def test_the_trash_shows_the_item_and_when_it_came_there(alice):
    item = make_item(alice.user)
    before = alice.get(f"/api/items/{item.pk}").json()
    trash(item)

    shown = alice.get(f"/api/items/trash/{item.pk}").json()

    assert shown.pop("trashed_at") is not None
    assert shown == before


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("get", ""),
        ("put", ""),
        ("patch", ""),
        ("delete", ""),
        ("get", "/revisions"),
        ("get", "/revisions/1"),
        ("post", "/revisions/1/restore"),
    ],
)
def test_an_item_in_the_trash_can_only_be_restored(alice, verb, path):
    item = trash(change(make_item(alice.user), title="second"))
    before = Item.objects.values().get()

    response = getattr(alice, verb)(f"/api/items/{item.pk}{path}", {"title": "x"})

    assert response.status_code == 404
    assert Item.objects.values().get() == before


def test_restoring_brings_the_item_back_as_it_was(alice):
    item = change(make_item(alice.user, status="published"), title="second")
    before = alice.get(f"/api/items/{item.pk}").json()
    trash(item)

    response = alice.post(f"/api/items/{item.pk}/restore")

    assert (response.status_code, response.json()) == (200, before)
    assert response["ETag"] == '"2"'
    assert alice.get(f"/api/items/{item.pk}").json() == before
    assert alice.get("/api/items/trash").json() == []


def test_restoring_what_is_not_in_the_trash_changes_nothing(alice):
    item = make_item(alice.user)
    before = Item.objects.values().get()

    response = alice.post(f"/api/items/{item.pk}/restore")

    assert response.status_code == 200
    assert Item.objects.values().get() == before


def test_an_item_in_the_trash_can_be_deleted_for_good(alice):
    item = trash(change(make_item(alice.user), title="second"))

    response = alice.delete(f"/api/items/trash/{item.pk}")

    assert response.status_code == 204
    assert not Item.objects.exists()
    assert not Revision.objects.exists()
    assert alice.post(f"/api/items/{item.pk}/restore").status_code == 404


def test_only_what_is_in_the_trash_can_be_deleted_for_good(alice):
    item = make_item(alice.user)

    assert alice.delete(f"/api/items/trash/{item.pk}").status_code == 404
    assert Item.objects.filter(pk=item.pk).exists()


@pytest.mark.parametrize("rows", [1, 20])
def test_the_trash_costs_one_query_however_many_rows(regular, rows, django_assert_num_queries):
    for item in make_items(regular.user, rows):
        trash(item)

    with django_assert_num_queries(1):
        assert len(regular.get("/api/items/trash").json()) == rows


def test_the_trash_is_paged_like_every_list(alice):
    for item in make_items(alice.user, 3):
        trash(item)

    response = alice.get("/api/items/trash?limit=2&count=true")

    assert [row["title"] for row in response.json()] == ["note 2", "note 1"]
    assert 'skip=2&limit=2>; rel="next"' in response["Link"]
    assert response["X-Total-Count"] == "3"


def test_the_task_deletes_what_was_there_for_its_whole_time(alice, settings, monkeypatch):
    monkeypatch.setattr("content.services.DELETED_AT_ONCE", 2)
    items = make_items(alice.user, 5)
    for item in items[:4]:
        trash(change(item, title="second"))
    over = timezone.now() - settings.TRASH_KEPT
    Item.objects.filter(pk__in=[item.pk for item in items[:3]]).update(trashed_at=over)
    Item.objects.filter(pk=items[3].pk).update(trashed_at=over + timedelta(minutes=1))

    assert empty_trash() == 3
    assert empty_trash() == 0
    assert set(Item.objects.values_list("pk", flat=True)) == {items[3].pk, items[4].pk}
    assert Revision.objects.count() == 1
