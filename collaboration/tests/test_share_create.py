"""Sharing: what is asked for, what is refused, and what is told of it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.tests.factories import make_user
from alice.common import events
from collaboration.events import ShareMade, ShareRevoked
from collaboration.models import Redemption, Share
from collaboration.services import shares
from system.models import AuditEntry

pytestmark = pytest.mark.django_db
SHARE = "/api/collab/share"
CONTRACT = {
    "id",
    "resource_type",
    "resource_id",
    "permission",
    "share_token",
    "share_url",
    "expires_at",
}
MISSING = 10**12


@pytest.fixture
def item_id(alice):
    return alice.post("/api/items", {"title": "Zebra crossing"}).json()["id"]


@pytest.fixture
def heard(monkeypatch):
    """The events announced, in their order."""
    heard = []
    for kind in (ShareMade, ShareRevoked):
        monkeypatch.setitem(events._handlers, kind, [heard.append])
    return heard


def ask(item_id, **fields):
    return {"resource_type": "item", "resource_id": item_id, **fields}


def test_a_link_is_made_as_asked(alice, item_id, settings):
    answer = alice.post(SHARE, ask(item_id, permission="edit", expires_in_days=7))

    made, share = answer.json(), Share.objects.get()
    assert answer.status_code == 201
    assert made.keys() >= CONTRACT
    assert made["share_token"] == str(share.token)
    assert made["share_url"] == f"{settings.PUBLIC_URL}/shared/{share.token}"
    assert made["expires_at"].endswith("Z")
    assert share.expires_at - share.created_at == timedelta(days=7)
    assert (made["title"], made["path"]) == ("Zebra crossing", f"/api/items/{item_id}")
    assert (share.permission, share.shared_with, share.owner) == ("edit", None, alice.user)


def test_the_least_is_a_link_to_view_without_end(alice, item_id):
    made = alice.post(SHARE, ask(item_id)).json()

    assert (made["permission"], made["expires_at"]) == ("view", None)
    assert (made["shared_with_user_id"], made["open_count"], made["expired"]) == (None, 0, False)


def test_a_token_is_random(alice, item_id):
    tokens = {alice.post(SHARE, ask(item_id)).json()["share_token"] for _ in range(20)}

    assert len(tokens) == 20
    assert {token[14] for token in tokens} == {"4"}


def test_keys_that_are_not_asked_for_are_not_stored(alice, bob, item_id):
    token = "00000000-0000-4000-8000-000000000000"
    odd = {"id": 7, "token": token, "share_token": token, "owner_id": bob.user.pk, "open_count": 9}

    made = alice.post(SHARE, ask(item_id, **odd)).json()

    share = Share.objects.get()
    assert (share.owner_id, share.open_count) == (alice.user.pk, 0)
    assert made["share_token"] != token


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"permission": "admin"}, "permission"),
        ({"permission": "owner"}, "permission"),
        ({"permission": "VIEW"}, "permission"),
        ({"permission": ""}, "permission"),
        ({"permission": None}, "permission"),
        ({"permission": ["edit"]}, "permission"),
        ({"permission": {"edit": True}}, "permission"),
        ({"resource_type": "user"}, "resource_type"),
        ({"resource_type": "Item"}, "resource_type"),
        ({"resource_type": None}, "resource_type"),
        ({"resource_id": 0}, "resource_id"),
        ({"resource_id": -1}, "resource_id"),
        ({"resource_id": 2**63}, "resource_id"),
        ({"resource_id": "one"}, "resource_id"),
        ({"resource_id": None}, "resource_id"),
        ({"expires_in_days": 0}, "expires_in_days"),
        ({"expires_in_days": -1}, "expires_in_days"),
        ({"expires_in_days": 366}, "expires_in_days"),
        ({"expires_in_days": 1.5}, "expires_in_days"),
        ({"expires_in_days": "soon"}, "expires_in_days"),
        ({"shared_with_user_id": 0}, "shared_with_user_id"),
        ({"shared_with_user_id": "bob"}, "shared_with_user_id"),
        ({"shared_with_user_id": MISSING}, "shared_with_user_id"),
    ],
)
def test_what_makes_no_sense_is_named_and_makes_no_share(alice, item_id, fields, field):
    answer = alice.post(SHARE, ask(item_id) | fields)

    assert answer.status_code == 400
    assert [*answer.json()["errors"]] == [field]
    assert not Share.objects.exists()


@pytest.mark.parametrize("field", ["resource_type", "resource_id"])
def test_what_is_shared_must_be_said(alice, item_id, field):
    body = ask(item_id)
    del body[field]

    answer = alice.post(SHARE, body)

    assert answer.status_code == 400
    assert [*answer.json()["errors"]] == [field]


@pytest.mark.parametrize("days", [1, 365, None])
def test_an_end_is_from_a_day_to_a_year_away_or_never(alice, item_id, days):
    assert alice.post(SHARE, ask(item_id, expires_in_days=days)).status_code == 201


def test_nobody_shares_with_themselves(alice, item_id):
    answer = alice.post(SHARE, ask(item_id, shared_with_user_id=alice.user.pk))

    assert answer.status_code == 400
    assert "yours already" in answer.json()["detail"]
    assert not Share.objects.exists()


def test_a_deactivated_user_and_none_are_refused_in_the_same_words(alice, item_id):
    inactive = make_user("gone", is_active=False)

    one, other = (
        alice.post(SHARE, ask(item_id, shared_with_user_id=user_id)).json()
        for user_id in (inactive.pk, MISSING)
    )

    assert one["detail"] == other["detail"] == "shared_with_user_id: There is no such user."
    assert not Share.objects.exists()


@pytest.mark.parametrize("kind", ["item", "file", "media", "room"])
def test_what_is_not_there_cannot_be_shared(alice, kind):
    answer = alice.post(SHARE, {"resource_type": kind, "resource_id": MISSING})

    assert answer.status_code == 404
    assert not Share.objects.exists()


def test_what_is_not_mine_is_as_if_it_were_not_there(bob, item_id):
    foreign, missing = (bob.post(SHARE, ask(key)).json() for key in (item_id, MISSING))

    assert foreign | {"request_id": ""} == missing | {"request_id": ""}
    assert foreign["code"] == "not_found"
    assert not Share.objects.exists()


def test_what_is_in_the_trash_cannot_be_shared(alice, item_id):
    alice.delete(f"/api/items/{item_id}")

    assert alice.post(SHARE, ask(item_id)).status_code == 404


def test_an_open_room_has_no_owner_who_could_share_it(alice):
    alice.post("/api/chat/send", {"room_id": "garden", "message": "hello"})
    room_id = alice.get("/api/chat/rooms").json()[0]["id"]

    answer = alice.post(SHARE, {"resource_type": "room", "resource_id": room_id})

    assert (answer.status_code, answer.json()["code"]) == (403, "owner_only")


def test_nothing_is_shared_without_a_session(anonymous, item_id):
    assert anonymous.post(SHARE, ask(item_id)).status_code == 401
    assert not Share.objects.exists()


def test_the_same_key_makes_one_share(alice, item_id):
    first, second = (
        alice.post(SHARE, ask(item_id), headers={"Idempotency-Key": "once"}) for _ in range(2)
    )

    assert first.json() == second.json()
    assert second["Idempotent-Replayed"] == "true"
    assert Share.objects.count() == 1


def test_each_call_makes_a_share_of_its_own(alice, bob, item_id):
    body = ask(item_id, shared_with_user_id=bob.user.pk)

    first, second = (alice.post(SHARE, body).json() for _ in range(2))

    assert first["share_token"] != second["share_token"]
    assert Share.objects.count() == 2


def test_one_thing_is_shared_so_often_and_no_more(alice, item_id, monkeypatch):
    monkeypatch.setattr(shares, "LIVE_PER_RESOURCE", 2)
    other_id = alice.post("/api/items", {"title": "other"}).json()["id"]
    made = [alice.post(SHARE, ask(item_id)) for _ in range(3)]

    alice.delete(f"/api/collab/shares/{made[0].json()['id']}")
    after = [alice.post(SHARE, ask(key)).status_code for key in (item_id, item_id, other_id)]

    assert [answer.status_code for answer in made] == [201, 201, 409]
    assert (made[2].json()["code"], made[2].json()["limit"]) == ("share_limit_reached", 2)
    assert after == [201, 409, 201]


def test_one_user_shares_so_much_and_no_more(alice, bob, item_id, monkeypatch):
    monkeypatch.setattr(shares, "LIVE_PER_OWNER", 1)
    his_id = bob.post("/api/items", {"title": "his"}).json()["id"]

    hers = [alice.post(SHARE, ask(item_id)).status_code for _ in range(2)]

    assert hers == [201, 409]
    assert bob.post(SHARE, ask(his_id)).status_code == 201


def test_shares_and_their_end_are_announced_and_audited(alice, bob, item_id, heard):
    made = alice.post(SHARE, ask(item_id, shared_with_user_id=bob.user.pk)).json()
    for _ in range(2):
        alice.delete(f"/api/collab/shares/{made['id']}")

    thing = {"share_id": made["id"], "resource_type": "item", "resource_id": item_id}
    assert heard == [
        ShareMade(**thing, owner_id=alice.user.pk, holder_id=bob.user.pk),
        ShareRevoked(**thing, holder_ids=(bob.user.pk,)),
    ]
    entries = list(AuditEntry.objects.filter(action__startswith="share.").order_by("pk"))
    assert [entry.action for entry in entries] == ["share.made", "share.revoked"]
    assert {(entry.actor_name, entry.target) for entry in entries} == {
        ("alice", f"share:{made['id']}")
    }
    assert made["share_token"] not in str([entry.details for entry in entries])


def test_the_end_of_a_link_names_all_who_had_redeemed_it(alice, bob, item_id, heard):
    made = alice.post(SHARE, ask(item_id)).json()
    bob.post(f"/api/collab/shared/{made['share_token']}")

    alice.delete(f"/api/collab/shares/{made['id']}")

    assert heard[-1].holder_ids == (bob.user.pk,)


def test_revoking_again_changes_nothing(alice, item_id):
    made = alice.post(SHARE, ask(item_id)).json()
    path = f"/api/collab/shares/{made['id']}"

    first = alice.delete(path).status_code
    revoked_at = Share.objects.get().revoked_at
    second = alice.delete(path).status_code

    assert (first, second) == (204, 204)
    assert Share.objects.get().revoked_at == revoked_at


def test_others_and_nobody_revoke_nothing(alice, bob, staff, anonymous, item_id):
    made = alice.post(SHARE, ask(item_id)).json()
    path = f"/api/collab/shares/{made['id']}"

    statuses = [client.delete(path).status_code for client in (bob, staff, anonymous)]

    assert statuses == [404, 404, 401]
    assert alice.delete("/api/collab/shares/999999").status_code == 404
    assert Share.objects.get().revoked_at is None


def test_what_ended_long_ago_is_deleted(alice, bob, item_id):
    made = [alice.post(SHARE, ask(item_id)).json() for _ in range(4)]
    bob.post(f"/api/collab/shared/{made[0]['share_token']}")
    long_ago, lately = (timezone.now() - timedelta(days=days) for days in (91, 89))
    ends = ({"revoked_at": long_ago}, {"expires_at": long_ago}, {"revoked_at": lately}, {})
    for one, end in zip(made, ends, strict=True):
        Share.objects.filter(pk=one["id"]).update(**end)

    deleted = shares.delete_ended_shares()

    assert deleted == 2
    assert {share.pk for share in Share.objects.all()} == {made[2]["id"], made[3]["id"]}
    assert not Redemption.objects.exists()
