"""Shares in the admin: looked at, revoked, never opened."""

import pytest
from django.utils import timezone

from collaboration.models import Share
from collaboration.services import shares
from system.models import AuditEntry

pytestmark = pytest.mark.django_db
LIST = "/admin/collaboration/share/"


@pytest.fixture
def made(alice, bob):
    """A share with bob and a link, both of one item of alice."""
    item_id = alice.post("/api/items", {"title": "Zebra"}).json()["id"]
    thing = {"resource_type": "item", "resource_id": item_id}
    return [
        shares.create_share(owner_id=alice.user.pk, **thing, shared_with_user_id=holder)
        for holder in (bob.user.pk, None)
    ]


def test_pages_show_shares_without_their_tokens(admin_page, made):
    pages = [LIST, *(f"{LIST}{share.pk}/change/" for share in made)]

    texts = [admin_page.get(page).content.decode() for page in pages]

    assert "Item " in texts[0]
    assert "Whoever has the link" in texts[2]
    assert not any(str(share.token) in text for share in made for text in texts)


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("state=live", 1),
        ("state=revoked", 1),
        ("state=expired", 0),
        ("with=link", 1),
        ("with=user", 1),
        ("what=item", 2),
        ("what=room", 0),
        ("permission=edit", 0),
        ("q=bob", 1),
    ],
)
def test_lists_are_filtered(admin_page, made, query, number):
    Share.objects.filter(pk=made[0].pk).update(revoked_at=timezone.now())

    page = admin_page.get(f"{LIST}?{query}")

    assert page.context["cl"].result_count == number


def test_staff_revokes_and_is_named(admin_page, staff, made, anonymous):
    body = {"action": "revoke", "_selected_action": [share.pk for share in made]}

    answer = admin_page.post(LIST, body)

    assert answer.status_code == 302
    assert not Share.objects.filter(revoked_at=None).exists()
    assert anonymous.get(f"/shared/{made[1].token}").status_code == 404
    entries = AuditEntry.objects.filter(action="share.revoked")
    assert [entry.actor_name for entry in entries] == ["staff", "staff"]


def test_nothing_is_added_or_edited_in_place(admin_page, made):
    assert admin_page.get(f"{LIST}add/").status_code == 403
    answer = admin_page.post(f"{LIST}{made[0].pk}/change/", {"permission": "edit"})
    assert answer.status_code in (302, 403)
    assert {share.permission for share in Share.objects.all()} == {"view"}
