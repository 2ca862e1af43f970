"""Who may not: strangers, the signed out, and staff, who have no more rights here than others."""

import pytest

from content.models import Item, Revision
from content.tests.factories import change, make_item, trash

pytestmark = pytest.mark.django_db
MISSING = 2**62
CALLS = [
    ("get", "/api/items/{}"),
    ("head", "/api/items/{}"),
    ("put", "/api/items/{}"),
    ("patch", "/api/items/{}"),
    ("delete", "/api/items/{}"),
    ("post", "/api/items/{}/restore"),
    ("get", "/api/items/{}/revisions"),
    ("get", "/api/items/{}/revisions/1"),
    ("post", "/api/items/{}/revisions/1/restore"),
    ("get", "/api/items/trash/{}"),
    ("delete", "/api/items/trash/{}"),
]
LISTS = ["/api/items", "/api/items/trash", "/api/items?count=true&tag=t", "/api/items?skip=0"]


def everything():
    return list(Item.objects.order_by("pk").values()), list(Revision.objects.values())


def answer_without_id(response):
    body = response.json() if response.content else {}
    return response.status_code, body.get("detail"), body.get("code"), sorted(body)


@pytest.fixture
def theirs(alice):
    """An item of alice with an earlier version."""
    return change(make_item(alice.user, tags=["t"]), title="second")


@pytest.mark.parametrize("is_trashed", [False, True])
@pytest.mark.parametrize("who", ["bob", "staff"])
@pytest.mark.parametrize(("verb", "path"), CALLS)
def test_to_a_stranger_it_is_as_if_it_were_not_there(request, theirs, who, verb, path, is_trashed):
    if is_trashed:
        trash(theirs)
    before, stranger = everything(), request.getfixturevalue(who)

    foreign = getattr(stranger, verb)(path.format(theirs.pk), {"title": "mine"})
    missing = getattr(stranger, verb)(path.format(MISSING), {"title": "mine"})

    assert foreign.status_code == 404
    assert answer_without_id(foreign) == answer_without_id(missing)
    assert everything() == before


@pytest.mark.parametrize(("verb", "path"), CALLS)
def test_nothing_is_done_without_a_session(anonymous, theirs, verb, path):
    before = everything()

    response = getattr(anonymous, verb)(path.format(theirs.pk), {"title": "mine"})

    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert everything() == before


@pytest.mark.parametrize("is_trashed", [False, True])
@pytest.mark.parametrize("path", LISTS)
def test_lists_never_mix_users(bob, theirs, path, is_trashed):
    if is_trashed:
        trash(theirs)
    mine = make_item(bob.user, tags=["t"])
    trash(make_item(bob.user, tags=["t"]))

    shown = bob.get(path)

    assert {item["user_id"] for item in shown.json()} == {bob.user.pk}
    assert mine.owner_id == bob.user.pk
    assert theirs.pk not in {item["id"] for item in shown.json()}


@pytest.mark.parametrize(
    ("verb", "path", "allowed"),
    [
        ("PUT", "/api/items", "GET, POST, HEAD, OPTIONS"),
        ("DELETE", "/api/items", "GET, POST, HEAD, OPTIONS"),
        ("POST", "/api/items/{}", "GET, PUT, PATCH, DELETE, HEAD, OPTIONS"),
        ("TRACE", "/api/items/{}", "GET, PUT, PATCH, DELETE, HEAD, OPTIONS"),
        ("BREW", "/api/items", "GET, POST, HEAD, OPTIONS"),
        ("GET", "/api/items/{}/restore", "POST, OPTIONS"),
        ("POST", "/api/items/trash", "GET, HEAD, OPTIONS"),
        ("PUT", "/api/items/{}/revisions/1", "GET, HEAD, OPTIONS"),
    ],
)
def test_other_methods_are_refused(alice, theirs, verb, path, allowed):
    before = everything()

    response = alice.generic(verb, path.format(theirs.pk), headers={"Content-Type": "text/plain"})

    assert response.status_code == 405
    assert response["Allow"] == allowed
    assert everything() == before


def test_no_header_turns_one_method_into_another(alice, theirs):
    response = alice.post(
        f"/api/items/{theirs.pk}/restore", headers={"X-HTTP-Method-Override": "DELETE"}
    )

    assert response.status_code == 200
    assert Item.objects.live().filter(pk=theirs.pk).exists()


def test_a_trailing_slash_leads_nowhere(alice, theirs):
    assert alice.get("/api/items/").status_code == 404
    assert alice.get(f"/api/items/{theirs.pk}/").status_code == 404
