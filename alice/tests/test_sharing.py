"""Who may do what with what others share, and for how long: every kind of thing, every holder."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.tests.factories import make_user
from alice.tests.sharing import (
    CHANGE,
    KINDS,
    NAMES,
    OWN,
    SEE,
    SHARE,
    answers,
    asked,
    make_thing,
    redeem,
    share,
    state,
)
from collaboration.models import Share
from content.models import Item

pytestmark = pytest.mark.django_db
HOLDERS = ["viewer", "editor", "view redeemer", "edit redeemer"]


@pytest.fixture
def carol(alice):
    """A third one."""
    return type(alice)().sign_in(make_user("carol"))


def let_in(holder, owner, client, thing):
    """Give a client the part of one of HOLDERS; the share by which it has it."""
    permission = "view" if "view" in holder else "edit"
    if "redeemer" not in holder:
        return share(owner.user, thing, client.user, permission=permission)
    link = share(owner.user, thing, permission=permission)
    assert redeem(client, link).status_code == 200
    return link


@pytest.mark.parametrize("kind", KINDS)
def test_an_owner_may_do_all_of_it(alice, kind):
    thing = make_thing(kind, alice.user)

    done = [*SEE[kind], *CHANGE[kind], *OWN[kind]]

    assert {status // 100 for status in answers(alice, thing, done)} == {2}


@pytest.mark.parametrize("holder", ["viewer", "view redeemer"])
@pytest.mark.parametrize("kind", KINDS)
def test_who_may_view_sees_it_and_changes_nothing(alice, bob, kind, holder):
    thing = make_thing(kind, alice.user)
    let_in(holder, alice, bob, thing)
    before = state()

    seen = answers(bob, thing, SEE[kind])
    refused = answers(bob, thing, [*CHANGE[kind], *OWN[kind]])

    assert set(seen) == {200}
    assert set(refused) == {403}
    assert state() == before


@pytest.mark.parametrize("holder", ["editor", "edit redeemer"])
@pytest.mark.parametrize("kind", KINDS)
def test_who_may_edit_changes_it_and_does_not_own_it(alice, bob, kind, holder):
    thing = make_thing(kind, alice.user)
    let_in(holder, alice, bob, thing)

    done = answers(bob, thing, [*SEE[kind], *CHANGE[kind]])
    before = state()
    refused = answers(bob, thing, OWN[kind])

    assert {status // 100 for status in done} == {2}
    assert set(refused) == {403}
    assert state() == before


@pytest.mark.parametrize("kind", KINDS)
def test_to_others_it_is_not_there(alice, bob, carol, kind):
    thing = make_thing(kind, alice.user)
    share(alice.user, thing, carol.user, permission="edit")
    share(alice.user, thing, permission="edit")
    before, requests = state(), [*SEE[kind], *CHANGE[kind], *OWN[kind]]

    assert set(answers(bob, thing, requests)) == {404}
    assert state() == before


@pytest.mark.parametrize("kind", KINDS)
def test_whoever_has_the_link_but_no_account_sees_no_more_than_its_page(alice, anonymous, kind):
    thing = make_thing(kind, alice.user)
    link = share(alice.user, thing, permission="edit")
    before, requests = state(), [*SEE[kind], *CHANGE[kind], *OWN[kind]]

    by_token = {"HTTP_AUTHORIZATION": f"Bearer {link.token}"}
    anonymous.credentials(**by_token)
    with_token = answers(anonymous, thing, requests)
    anonymous.credentials()
    without = answers(anonymous, thing, requests)

    assert set(with_token + without) == {401}
    assert state() == before


@pytest.mark.parametrize(
    ("permission", "verb", "path", "code"),
    [
        ("view", "put", "", "view_only"),
        ("view", "delete", "", "owner_only"),
        ("edit", "delete", "", "owner_only"),
        ("edit", "get", "/revisions", "owner_only"),
    ],
)
def test_a_refusal_says_what_is_missing(alice, bob, permission, verb, path, code):
    thing = make_thing("item", alice.user)
    share(alice.user, thing, bob.user, permission=permission)

    refused = getattr(bob, verb)(f"{thing.path}{path}", {"title": "taken"})

    assert refused.json()["code"] == code


def test_a_view_and_an_edit_share_together_allow_editing(alice, bob):
    thing = make_thing("item", alice.user)
    share(alice.user, thing, bob.user, permission="view")
    share(alice.user, thing, bob.user, permission="edit")

    assert bob.put(thing.path, {"title": "ours"}).status_code == 200


def test_who_edits_is_named_and_the_owner_stays(alice, bob):
    thing = make_thing("item", alice.user)
    share(alice.user, thing, bob.user, permission="edit")

    shown = bob.patch(thing.path, {"title": "ours", "user_id": bob.user.pk}).json()

    item = Item.objects.get(pk=thing.resource_id)
    assert (item.title, item.editor_id, item.owner_id) == ("ours", bob.user.pk, alice.user.pk)
    assert shown["user_id"] == alice.user.pk


@pytest.mark.parametrize("kind", NAMES)
def test_lists_and_usage_stay_ones_own(alice, bob, kind):
    thing = make_thing(kind, alice.user)
    share(alice.user, thing, bob.user, permission="edit")

    lists = [bob.get(path).json() for path in ("/api/items", "/api/files", "/api/media")]

    assert lists == [[], [], []]
    assert bob.get("/api/items/trash").json() == []
    assert bob.get("/api/files/usage").json()["file_count"] == 0


@pytest.mark.parametrize("kind", NAMES)
def test_an_owner_reads_with_one_query_however_many_hold_it(alice, bob, kind):
    thing = make_thing(kind, alice.user)
    for _ in range(20):
        share(alice.user, thing, bob.user)
    alice.get(thing.path)

    with CaptureQueriesContext(
        connection,
    ) as own:
        alice.get(thing.path)
    bob.get(thing.path)
    with CaptureQueriesContext(connection) as shared:
        bob.get(thing.path)

    assert (len(own), len(shared)) == (1, 2)


# The end of a share


def expire(made, seconds=0):
    """Have a share end so many seconds ago, by the database's clock."""
    Share.objects.filter(pk=made.pk).update(expires_at=timezone.now() - timedelta(seconds=seconds))


def revoke(made, alice):
    assert alice.delete(f"/api/collab/shares/{made.pk}").status_code == 204


def deactivate(made, alice):
    alice.user.is_active = False
    alice.user.save(update_fields=["is_active"])


ENDS = {
    "expired": lambda made, alice: expire(made),
    "long expired": lambda made, alice: expire(made, 10**6),
    "revoked": revoke,
    "owner deactivated": deactivate,
    "owner deleted": lambda made, alice: alice.delete(
        "/api/auth/me", {"password": "correct-Horse-9-battery"}
    ),
}


# A private room goes with its last member, and its name is free then.
@pytest.mark.parametrize(
    ("kind", "end"),
    [(kind, end) for kind in KINDS for end in ENDS if (kind, end) != ("room", "owner deleted")],
)
@pytest.mark.parametrize("holder", ["editor", "edit redeemer"])
def test_with_the_share_all_of_it_ends(alice, bob, anonymous, kind, holder, end):
    thing = make_thing(kind, alice.user)
    made = let_in(holder, alice, bob, thing)
    used = answers(bob, thing, [*SEE[kind], *CHANGE[kind]])

    ENDS[end](made, alice)
    before, requests = state(), [*SEE[kind], *CHANGE[kind], *OWN[kind]]

    assert {status // 100 for status in used} == {2}
    assert set(answers(bob, thing, requests)) == {404}
    assert anonymous.get(f"/shared/{made.token}").status_code == 404
    assert bob.get(f"/api/collab/shared/{made.token}").status_code == 404
    assert redeem(bob, made).status_code == 404
    assert bob.get("/api/collab/shared-with-me").json() == []
    assert state() == before


@pytest.mark.parametrize("holder", HOLDERS)
def test_until_its_end_it_is_good(alice, bob, holder):
    thing = make_thing("item", alice.user)
    made = let_in(holder, alice, bob, thing)

    expire(made, seconds=-5)

    assert bob.get(thing.path).status_code == 200


def test_one_share_ends_without_the_other(alice, bob):
    thing = make_thing("item", alice.user)
    first, second = (share(alice.user, thing, bob.user) for _ in range(2))

    revoke(first, alice)
    between = bob.get(thing.path).status_code
    revoke(second, alice)

    assert (between, bob.get(thing.path).status_code) == (200, 404)


def test_no_new_link_is_given_after_the_end(alice, bob, anonymous):
    thing = make_thing("file", alice.user)
    made = share(alice.user, thing)
    opened = anonymous.get(f"/api/collab/shared/{made.token}").json()

    revoke(made, alice)
    refused = anonymous.get(f"/api/collab/shared/{made.token}")

    assert "signature=" in opened["links"]["download_url"]
    assert refused.status_code == 404
    assert "signature" not in refused.content.decode()


def test_in_the_trash_a_share_rests_and_works_again_after_it(alice, bob, anonymous):
    thing = make_thing("item", alice.user)
    link = share(alice.user, thing, permission="edit")
    share(alice.user, thing, bob.user, permission="edit")
    requests = [("get", ""), ("put", "", {"title": "taken"}), ("delete", ""), ("post", "/restore")]

    alice.delete(thing.path)
    resting = answers(bob, thing, requests)
    page = anonymous.get(f"/shared/{link.token}").status_code
    [held] = bob.get("/api/collab/shared-with-me").json()
    alice.post(f"{thing.path}/restore")

    assert (resting, page) == ([404] * 4, 404)
    assert (held["title"], held["path"]) == (None, None)
    assert bob.get(thing.path).status_code == 200
    assert anonymous.get(f"/shared/{link.token}").status_code == 200


@pytest.mark.parametrize("kind", KINDS)
def test_a_deleted_thing_leaves_no_share_behind(alice, bob, kind):
    thing, kept = make_thing(kind, alice.user), make_thing("item", alice.user)
    share(alice.user, thing, bob.user)
    redeem(bob, share(alice.user, thing))
    share(alice.user, kept)

    alice.delete("/api/chat/rooms/cellar" if kind == "room" else thing.path)
    if kind == "item":
        alice.delete(f"/api/items/trash/{thing.resource_id}")

    assert [made.resource_id for made in Share.objects.all()] == [kept.resource_id]
    assert bob.get("/api/collab/shared-with-me").json() == []
    # The name of a room is free then, and that room would be another.
    assert kind == "room" or bob.get(thing.path).status_code == 404


# Escalation


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_holder_does_not_share_on(alice, bob, carol, kind, holder):
    thing = make_thing(kind, alice.user)
    let_in(holder, alice, bob, thing)
    before = state()

    for_all = bob.post(SHARE, asked(thing, permission="edit"))
    for_carol = bob.post(SHARE, asked(thing, shared_with_user_id=carol.user.pk))
    for_himself = bob.post(SHARE, asked(thing, shared_with_user_id=bob.user.pk))

    assert {answer.status_code for answer in (for_all, for_carol, for_himself)} == {403}
    assert for_all.json()["detail"] == "Only its owner may share this."
    assert state() == before


@pytest.mark.parametrize("verb", ["put", "patch", "get", "post"])
def test_a_share_cannot_be_changed(alice, bob, verb):
    thing = make_thing("item", alice.user)
    made = share(alice.user, thing, bob.user)
    before, path = state(), f"/api/collab/shares/{made.pk}"

    by_holder, by_owner = (
        getattr(client, verb)(path, {"permission": "edit"}) for client in (bob, alice)
    )

    assert (by_holder.status_code, by_owner.status_code) == (405, 405)
    assert state() == before


def test_a_holder_does_not_end_the_share_of_another(alice, bob, carol):
    thing = make_thing("item", alice.user)
    made = share(alice.user, thing, carol.user)
    share(alice.user, thing, bob.user, permission="edit")

    assert bob.delete(f"/api/collab/shares/{made.pk}").status_code == 404
    assert carol.get(thing.path).status_code == 200


def test_what_is_said_with_an_edit_share_makes_nobody_a_member(alice, bob):
    thing = make_thing("room", alice.user)
    made = share(alice.user, thing, bob.user, permission="edit")
    bob.post("/api/chat/send", {"room_id": "cellar", "message": "hello"})
    read = bob.post("/api/chat/cellar/read", {"seq": 1})
    joined = bob.post("/api/chat/rooms/cellar/members", {"user": bob.user.pk})

    revoke(made, alice)

    assert (read.status_code // 100, joined.status_code) == (2, 403)
    assert bob.get("/api/chat/cellar").status_code == 404


def test_what_was_shared_of_a_room_ends_with_the_owner_s_role(alice, bob, carol):
    thing = make_thing("room", alice.user)
    link = share(alice.user, thing)
    share(alice.user, thing, bob.user)
    redeem(carol, link)
    heir = type(alice)().sign_in(make_user("heir"))
    alice.post("/api/chat/rooms/cellar/members", {"user": heir.user.pk, "role": "owner"})

    answer = heir.patch(f"/api/chat/rooms/cellar/members/{alice.user.pk}", {"role": "member"})

    assert answer.status_code == 200
    assert bob.get(thing.path).status_code == 404
    assert carol.get(thing.path).status_code == 404
    assert carol.get(f"/shared/{link.token}").status_code == 404
    assert bob.get("/api/collab/shared-with-me").json() == []


# Attachments


def attach(client, room_id, *things):
    body = [{"type": thing.resource_type, "id": thing.resource_id} for thing in things]
    sent = client.post(
        "/api/chat/send", {"room_id": room_id, "message": "look", "attachments": body}
    )
    return sent


@pytest.mark.parametrize("kind", ["file", "media"])
def test_who_reads_a_room_sees_what_is_attached_there_and_no_more(alice, bob, carol, kind):
    thing, other = make_thing(kind, alice.user), make_thing(kind, alice.user)
    make_thing("room", alice.user)
    alice.post("/api/chat/rooms/cellar/members", {"user": bob.user.pk})
    sent = attach(alice, "cellar", thing)
    before = state()

    seen = answers(bob, thing, SEE[kind])
    refused = answers(bob, thing, [*CHANGE[kind], *OWN[kind]])
    shared_on = bob.post(SHARE, asked(thing)).status_code

    assert (sent.status_code, set(seen), set(refused), shared_on) == (201, {200}, {403}, 403)
    assert answers(bob, other, SEE[kind]) == answers(carol, thing, SEE[kind]) == [404, 404]
    assert state() == before


def test_with_its_message_an_attachment_is_gone_for_the_others(alice, bob):
    thing = make_thing("file", alice.user)
    sent = attach(alice, "open-room", thing).json()
    before = bob.get(thing.path).status_code

    alice.delete(f"/api/chat/messages/{sent['id']}")

    assert (before, bob.get(thing.path).status_code) == (200, 404)
    assert alice.get(thing.path).status_code == 200


def test_a_holder_does_not_attach_what_is_shared(alice, bob):
    thing = make_thing("file", alice.user)
    share(alice.user, thing, bob.user, permission="edit")

    assert attach(bob, "open-room", thing).status_code == 400
