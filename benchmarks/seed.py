"""Puts users and items into the database of a running Alice, straight from stdin.

Run as a script, so that it meets the models of whichever tree PYTHONPATH names. Takes
`{"password": ..., "users": [name, ...], "items": [fields, ...]}`, deals the items out in turn and
answers `{name: [item id, ...]}`.
"""

import os
import sys
from typing import Any

import django
import orjson

BATCH = 1000


def seed_users(names: list[str], password: str) -> list[int]:
    """Users who share one password hash; returns their ids."""
    from django.contrib.auth import get_user_model  # noqa: PLC0415
    from django.contrib.auth.hashers import make_password  # noqa: PLC0415

    model = get_user_model()
    hashed = make_password(password)
    users = [model(username=name, email=f"{name}@example.com", password=hashed) for name in names]
    return [user.pk for user in model.objects.bulk_create(users)]


def seed_items(owner_ids: list[int], rows: list[dict[str, Any]]) -> dict[int, list[int]]:
    """The items, and who got which."""
    from content.models import Item  # noqa: PLC0415

    items = []
    for number, fields in enumerate(rows):
        owner_id = owner_ids[number % len(owner_ids)]
        items.append(Item(owner_id=owner_id, editor_id=owner_id, **fields))
    owned: dict[int, list[int]] = {owner_id: [] for owner_id in owner_ids}
    for item in Item.objects.bulk_create(items, batch_size=BATCH):
        owned[item.owner_id].append(item.pk)
    return owned


def tidy_database() -> None:
    """Do now what PostgreSQL would do about so many rows in the middle of a measurement."""
    from django.db import connection  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")


def main() -> None:
    """Seed, and say what there is."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "alice.settings"
    django.setup()
    wanted = orjson.loads(sys.stdin.buffer.read())
    owner_ids = seed_users(wanted["users"], wanted["password"])
    owned = seed_items(owner_ids, wanted["items"])
    tidy_database()
    by_name = {
        name: owned[owner_id] for name, owner_id in zip(wanted["users"], owner_ids, strict=True)
    }
    sys.stdout.buffer.write(orjson.dumps(by_name))


if __name__ == "__main__":
    main()
