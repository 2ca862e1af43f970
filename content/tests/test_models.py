"""The rules that the table itself holds."""

import pytest
from django.db import DatabaseError, IntegrityError
from django.utils import timezone

from content.models import Item, Revision
from content.tests.factories import change, make_item

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("columns", "rule"),
    [
        ({"title": ""}, "item_title_not_blank"),
        ({"title": " \t\n"}, "item_title_not_blank"),
        ({"description": "x" * 5001}, "item_description_length"),
        ({"item_type": ""}, "item_type_pattern"),
        ({"item_type": "Post"}, "item_type_pattern"),
        ({"item_type": "post\n"}, "item_type_pattern"),
        ({"status": "nope"}, "item_status_known"),
        ({"content": []}, "item_content_object"),
        ({"content": "x"}, "item_content_object"),
        ({"metadata": [{}]}, "item_metadata_object"),
        ({"content": {"a": "x" * 2**21}}, "item_content_bounded"),
        ({"metadata": {"a": [1e308] * 8000}}, "item_metadata_bounded"),
        ({"tags": [str(n) for n in range(33)]}, "item_tags_count"),
        ({"tags": ["a", ""]}, "item_tags_not_blank"),
        ({"version": 0}, "item_version_counts"),
        ({"status": "published"}, "item_published_has_date"),
    ],
    ids=str,
)
def test_the_table_refuses_what_breaks_a_rule(alice, columns, rule):
    make_item(alice.user)

    with pytest.raises(IntegrityError, match=rule):
        Item.objects.update(**columns)


@pytest.mark.parametrize(
    "columns", [{"title": "x" * 301}, {"item_type": "x" * 51}], ids=["t", "k"]
)
def test_the_table_refuses_what_is_longer_than_its_column(alice, columns):
    make_item(alice.user)

    with pytest.raises(DatabaseError):
        Item.objects.update(**columns)


def test_a_published_row_has_its_date(alice):
    make_item(alice.user)

    Item.objects.update(status="published", published_at=timezone.now())

    assert Item.objects.get().status == "published"


@pytest.mark.parametrize(
    ("columns", "rule"),
    [
        ({"version": 2}, "revision_once_per_version"),
        ({"version": 0}, "revision_version_counts|revision_version_check"),
        ({"status": "nope"}, "revision_status_known"),
    ],
    ids=str,
)
def test_the_table_of_revisions_refuses_what_breaks_a_rule(alice, columns, rule):
    change(change(make_item(alice.user), title="second"), title="third")

    with pytest.raises(IntegrityError, match=rule):
        Revision.objects.filter(version=1).update(**columns)


def test_rows_name_themselves(alice):
    item = change(make_item(alice.user, "first"), title="second")

    assert str(item) == "second"
    assert str(Revision.objects.get()) == f"version 1 of item {item.pk}"
