"""Items for tests, written by the service as in life."""

from content import services
from content.models import Item


def make_item(owner, title="Zebra crossing", **fields) -> Item:
    return services.create_item(owner_id=owner.pk, title=title, **fields)


def make_items(owner, number: int, **fields) -> list[Item]:
    """`number` items, oldest first."""
    return [make_item(owner, f"note {index}", **fields) for index in range(number)]


def change(item: Item, **changes) -> Item:
    """The next version of `item`."""
    return services.update_item(editor_id=item.owner_id, item_id=item.pk, changes=changes)


def trash(item: Item) -> Item:
    return services.trash_item(items=Item.objects.all(), item_id=item.pk)
