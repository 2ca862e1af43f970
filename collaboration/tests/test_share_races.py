"""Shares when many come at once: nobody waits for the count, and no cap is passed."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections, transaction

from accounts.tests.factories import make_user
from collaboration.models import ResourceType, Share
from collaboration.services import rooms, shares
from collaboration.services.shares import TooManyShares

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def thing():
    """What to share of a private room, and for whom."""
    owner = make_user("alice")
    room = rooms.create_room(creator_id=owner.pk, room_id="cellar", is_private=True)
    return {"owner_id": owner.pk, "resource_type": ResourceType.ROOM, "resource_id": room.pk}


def test_who_opens_a_link_does_not_wait_for_others_who_do(thing):
    link = shares.create_share(**thing)
    is_held, may_end = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic():
            Share.objects.select_for_update().get(pk=link.pk)
            is_held.set()
            may_end.wait(20)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert is_held.wait(20)
    opened = shares.open_share(token=str(link.token), viewer_id=None, is_counted=True)
    may_end.set()
    holder.join()

    assert opened.description.title == "cellar"
    assert Share.objects.get().open_count == 0


def test_a_cap_holds_for_shares_that_are_made_at_once(thing, monkeypatch):
    monkeypatch.setattr(shares, "LIVE_PER_RESOURCE", 3)

    def make(_index):
        try:
            return shares.create_share(**thing).pk
        except TooManyShares:
            return None
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(make, range(8)))

    assert made.count(None) == 5
    assert Share.objects.count() == 3
