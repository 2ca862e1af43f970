"""What the API does not show: events, races, and what an account takes along."""

import pytest
from django.db import transaction

from accounts.services.exports import _sources
from alice.common import events
from alice.common.errors import NotFound
from content import services
from content.events import ItemCreated, ItemDeleted, ItemRestored, ItemTrashed, ItemUpdated
from content.models import Item, Revision
from content.tests.factories import change, make_item, trash

pytestmark = pytest.mark.django_db
EVENTS = [ItemCreated, ItemUpdated, ItemTrashed, ItemRestored, ItemDeleted]


@pytest.fixture
def heard(monkeypatch):
    """The events announced, in their order."""
    heard = []
    for kind in EVENTS:
        monkeypatch.setitem(events._handlers, kind, [heard.append])
    return heard


def overtake(monkeypatch, stale):
    """Have the next change begin with `stale`, as if another came between its two statements."""
    found = services.live_item
    rows = iter([stale])
    monkeypatch.setattr(services, "live_item", lambda **asked: next(rows, None) or found(**asked))


def test_each_step_of_an_item_is_announced_once(alice, heard):
    path, owner_id = "/api/items", alice.user.pk
    item_id = alice.post(path, {"title": "x"}).json()["id"]
    alice.patch(f"{path}/{item_id}", {"status": "published", "title": "y"})
    alice.patch(f"{path}/{item_id}", {"title": "y"})
    alice.delete(f"{path}/{item_id}")
    alice.post(f"{path}/{item_id}/restore")
    alice.post(f"{path}/{item_id}/restore")
    alice.delete(f"{path}/{item_id}")
    alice.delete(f"{path}/trash/{item_id}")

    assert heard[0] == ItemCreated(item_id=item_id, owner_id=owner_id)
    assert (heard[1].version, heard[1].editor_id) == (2, owner_id)
    assert (set(heard[1].changed), heard[1].became_published) == ({"title", "status"}, True)
    assert [type(event) for event in heard[2:]] == [
        ItemTrashed,
        ItemRestored,
        ItemTrashed,
        ItemDeleted,
    ]


def test_what_is_rolled_back_is_not_announced(alice, heard, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        make_item(alice.user)
        transaction.set_rollback(True)

    assert heard == []


def test_becoming_published_again_is_told_too(alice, heard, django_capture_on_commit_callbacks):
    item = make_item(alice.user, status="published")

    with django_capture_on_commit_callbacks(execute=True):
        change(change(item, status="archived"), status="published")

    assert [event.became_published for event in heard] == [False, True]


def test_the_editor_of_a_version_is_who_wrote_it(alice, bob, monkeypatch):
    item = make_item(alice.user, "by alice")
    with monkeypatch.context() as all_may_edit:
        all_may_edit.setattr(services, "live_item", lambda *, user_id, key: item)
        services.update_item(editor_id=bob.user.pk, item_id=item.pk, changes={"title": "by bob"})
    change(item, title="by alice again")

    editors = Revision.objects.order_by("version").values_list("title", "editor_id")
    assert list(editors) == [("by alice", alice.user.pk), ("by bob", bob.user.pk)]


def test_a_change_that_meets_another_version_is_made_on_that_one(alice, monkeypatch):
    item = make_item(alice.user)
    stale = Item.objects.get(pk=item.pk)
    change(item, description="by the faster one")
    overtake(monkeypatch, stale)

    after = change(item, title="by the slower one")

    assert (after.version, after.title) == (3, "by the slower one")
    assert after.description == "by the faster one"
    assert list(Revision.objects.order_by("version").values_list("version", flat=True)) == [1, 2]


def test_a_change_that_meets_the_trash_finds_nothing(alice, monkeypatch):
    item = make_item(alice.user)
    stale = Item.objects.get(pk=item.pk)
    trash(item)
    overtake(monkeypatch, stale)

    with pytest.raises(NotFound):
        services.update_item(editor_id=alice.user.pk, item_id=item.pk, changes={"title": "x"})
    assert (Item.objects.get().version, Revision.objects.count()) == (1, 0)


def test_emptying_the_trash_loads_no_content(alice, settings, django_assert_num_queries):
    for _ in range(3):
        trash(change(make_item(alice.user, content={"a": 1}), title="second"))
    Item.objects.update(trashed_at="2001-01-01T00:00:00Z")

    with django_assert_num_queries(10) as queries:
        assert services.empty_trash() == 3

    assert not any('"content_item"."content"' in query["sql"] for query in queries)


def test_an_account_takes_along_its_items_and_their_versions(alice, bob):
    trash(change(make_item(alice.user, content={"n": 1e22}), title="second"))
    make_item(bob.user)

    items = list(_sources["items"](alice.user.pk))
    revisions = list(_sources["item_revisions"](alice.user.pk))

    assert [(row["title"], row["content"]) for row in items] == [("second", {"n": 1e22})]
    assert items[0]["trashed_at"] is not None
    assert [row["title"] for row in revisions] == ["Zebra crossing"]


def test_who_leaves_takes_the_items_along(alice, bob):
    change(make_item(alice.user), title="second")
    kept = make_item(bob.user)

    alice.user.delete()

    assert Item.objects.get() == kept
    assert not Revision.objects.exists()
