"""The admin: everything is shown, nothing is edited in place, actions leave a trace."""

import pytest

from content.models import Item
from content.tests.factories import change, make_item, make_items, trash
from system.models import AuditEntry

pytestmark = pytest.mark.django_db
LIST = "/admin/content/item/"


def act(page, name, *items):
    return page.post(LIST, {"action": name, "_selected_action": [item.pk for item in items]})


@pytest.mark.parametrize("rows", [1, 20])
def test_the_list_costs_the_same_however_many_rows(
    admin_page, alice, rows, django_assert_num_queries
):
    make_items(alice.user, rows, tags=["a"])
    admin_page.get(LIST)

    with django_assert_num_queries(4):
        page = admin_page.get(LIST)

    assert page.content.decode().count("alice") >= rows


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=zebra", True),
        ("q=alice", True),
        ("q=giraffe", False),
        ("status__exact=draft", True),
        ("status__exact=archived", False),
        ("item_type=post", True),
        ("item_type=note", False),
        ("trashed=yes", False),
        ("trashed=no", True),
        ("created_at__gte=2001-01-01%2000:00:00%2B00:00", True),
        ("created_at__gte=2999-01-01%2000:00:00%2B00:00", False),
    ],
)
def test_the_list_can_be_searched_and_filtered(admin_page, alice, query, found):
    item = make_item(alice.user)

    page = admin_page.get(f"{LIST}?{query}")

    assert (f"/admin/content/item/{item.pk}/change/" in page.content.decode()) == found


def test_an_item_is_shown_whole_and_harmless(admin_page, alice):
    item = make_item(alice.user, content={"a": "<script>x"}, tags=["<b>"], metadata={"k": [1]})
    change(item, title="second")

    page = admin_page.get(f"{LIST}{item.pk}/change/").content.decode()

    assert "&lt;script&gt;x" in page
    assert "&lt;b&gt;" in page
    assert "<script>x" not in page
    assert "Earlier versions" in page
    assert "Zebra crossing" in page


def test_nothing_can_be_added_edited_or_deleted_in_place(admin_page, alice):
    item = make_item(alice.user)
    before = Item.objects.values().get()

    answers = [
        admin_page.get(f"{LIST}add/"),
        admin_page.post(f"{LIST}{item.pk}/change/", {"title": "x"}),
        admin_page.post(f"{LIST}{item.pk}/delete/", {"post": "yes"}),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert Item.objects.values().get() == before


def test_moving_to_the_trash_is_done_by_the_service_and_noted(admin_page, alice, staff):
    first, second = make_items(alice.user, 2)
    trash(second)

    act(admin_page, "move_to_trash", first, second)

    assert not Item.objects.live().exists()
    entry = AuditEntry.objects.get(action="item.trashed")
    assert (entry.target, entry.actor_id) == (f"item:{first.pk}", staff.user.pk)
    assert entry.actor_name == "staff"


def test_restoring_is_done_by_the_service_and_noted(admin_page, alice):
    first, second = make_items(alice.user, 2)
    trash(first)

    act(admin_page, "restore", first, second)

    assert Item.objects.live().count() == 2
    assert AuditEntry.objects.get(action="item.restored").target == f"item:{first.pk}"


def test_staff_without_the_right_has_no_actions(client, alice, bob):
    bob.user.is_staff = True
    bob.user.save(update_fields=["is_staff"])
    client.force_login(bob.user)
    item = make_item(alice.user)

    response = act(client, "move_to_trash", item)

    assert response.status_code == 403
    assert Item.objects.live().filter(pk=item.pk).exists()
    assert not AuditEntry.objects.exists()
