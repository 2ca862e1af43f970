"""Links: what a token opens and for whom, what none opens, and what guessing costs."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alice.common.tests.kit import allow
from collaboration.models import Redemption, Share
from collaboration.services import shares

pytestmark = pytest.mark.django_db
BOTH = ["/shared/{}", "/api/collab/shared/{}"]


@pytest.fixture
def item_id(alice):
    body = {"title": "Zebra crossing", "tags": ["streets"], "metadata": {"secret": "mine"}}
    return alice.post("/api/items", body).json()["id"]


@pytest.fixture
def link(alice, item_id):
    """A link to an item of alice."""
    return shares.create_share(
        owner_id=alice.user.pk, resource_type="item", resource_id=item_id, permission="edit"
    )


@pytest.fixture
def for_bob(alice, bob, item_id):
    """A share of alice's item with bob alone."""
    return shares.create_share(
        owner_id=alice.user.pk,
        resource_type="item",
        resource_id=item_id,
        shared_with_user_id=bob.user.pk,
    )


def without_id(response):
    """What an answer says, without what is another in each."""
    request_id = response.headers["X-Request-ID"]
    return response.status_code, response.content.decode().replace(request_id, "")


def test_a_link_opens_as_json_without_an_account(anonymous, link, item_id):
    opened = anonymous.get(f"/api/collab/shared/{link.token}")

    assert opened.status_code == 200
    shown = opened.json()
    assert (shown["title"], shown["kind"]) == ("Zebra crossing", "item")
    assert shown["tags"] == ["streets"]
    assert (shown["resource_type"], shown["resource_id"]) == ("item", item_id)
    assert (shown["permission"], shown["owner_username"]) == ("edit", "alice")
    assert shown["path"] == f"/api/items/{item_id}"
    assert "secret" not in opened.content.decode()


@pytest.mark.parametrize(
    ("accept", "is_page"),
    [
        (None, True),
        ("*/*", True),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        ("application/json", False),
        ("application/json, text/plain, */*", False),
        ("application/json;q=0.5, text/html;q=0.9", True),
        ("image/png", True),
        ("nonsense", True),
    ],
)
def test_one_address_is_a_page_for_people_and_json_for_programs(anonymous, link, accept, is_page):
    answer = anonymous.get(f"/shared/{link.token}", headers={"Accept": accept} if accept else {})

    kind = answer.headers["Content-Type"].partition(";")[0]
    assert answer.status_code == 200
    assert kind == ("text/html" if is_page else "application/json")
    assert "Accept" in answer.headers["Vary"]


@pytest.mark.parametrize("path", BOTH)
def test_what_a_link_shows_stays_out_of_caches_referers_and_search(anonymous, link, path):
    for token in (link.token, uuid.uuid4()):
        headers = anonymous.get(path.format(token)).headers

        assert headers["X-Request-ID"]
        if path == BOTH[0] or token == link.token:
            assert headers["Cache-Control"] == "no-store"
            assert headers["Referrer-Policy"] == "no-referrer"
            assert headers["X-Robots-Tag"] == "noindex, nofollow"


def forms_of(token):
    """A token as somebody writes it who hopes for a lenient reader."""
    text = str(token)
    return [
        text.upper(),
        text[:-1],
        text[1:],
        text + "0",
        text.replace("-", ""),
        f"{{{text}}}",
        f"urn:uuid:{text}",
        text[:8] + "%25",
        text[:-1] + "_",
        text[:-1] + "%5F",
        "%25",
        "*",
        f"{text}%20",
        f"{text}%0A",
        f"%20{text}",
        f"{text}/",
        f"{text}%2F",
        text.replace("-", "\N{HYPHEN}"),
        "0",
        "1",
        "null",
        "None",
        "'; DROP TABLE collaboration_share; --",
        "x" * 4000,
        str(uuid.UUID(int=token.int + 1)),
        str(uuid.UUID(int=0)),
        str(uuid.uuid1()),
        str(uuid.uuid4()),
    ]


@pytest.mark.parametrize("path", BOTH)
def test_only_the_very_token_opens_it(anonymous, link, path):
    answers = [anonymous.get(path.format(form)) for form in forms_of(link.token)]

    assert {answer.status_code for answer in answers} == {404}
    assert not any("Zebra" in answer.content.decode() for answer in answers)
    assert Share.objects.get().open_count == 0


@pytest.mark.parametrize("path", BOTH)
def test_a_link_that_ended_looks_like_one_that_never_was(anonymous, alice, link, path):
    never = without_id(anonymous.get(path.format(uuid.uuid4())))
    now = timezone.now()
    answers = []
    for end in ({"expires_at": now}, {"expires_at": None, "revoked_at": now}):
        Share.objects.update(**end)
        answers.append(without_id(anonymous.get(path.format(link.token))))
    Share.objects.update(revoked_at=None)
    alice.delete(f"/api/items/{link.resource_id}")
    answers.append(without_id(anonymous.get(path.format(link.token))))

    assert set(answers) == {never}


@pytest.mark.parametrize("path", BOTH)
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_guessing_spends_the_window_of_the_peer(anonymous, link, path, accept, settings):
    allow(settings, free=100, anonymous=5)
    settings.WEB_WORKERS = 1
    guesses = [str(uuid.uuid4()), "x", str(link.token).upper(), str(uuid.uuid4()), "a/b"]

    answers = [
        anonymous.get(path.format(guess), headers={"Accept": accept}).status_code
        for guess in guesses
    ]
    after = anonymous.get(path.format(link.token), headers={"Accept": accept})

    assert answers == [404] * 5
    assert after.status_code == 429
    assert int(after["Retry-After"]) >= 1
    assert "Zebra" not in after.content.decode()


def test_guesses_of_somebody_signed_in_spend_their_own_window(bob, link, settings):
    allow(settings, free=3, anonymous=100)
    settings.WEB_WORKERS = 1

    answers = [bob.post(f"/api/collab/shared/{uuid.uuid4()}").status_code for _ in range(4)]

    assert answers == [404, 404, 404, 429]
    assert bob.post(f"/api/collab/shared/{link.token}").status_code == 429
    assert not Redemption.objects.exists()


def test_a_share_with_one_user_opens_to_that_user_and_its_owner_alone(
    alice, bob, staff, anonymous, for_bob
):
    path = f"/api/collab/shared/{for_bob.token}"

    statuses = [client.get(path).status_code for client in (bob, alice, staff, anonymous)]
    redeemed = [client.post(path).status_code for client in (bob, alice, staff, anonymous)]

    assert statuses == [200, 200, 404, 404]
    assert redeemed == [200, 200, 404, 401]
    assert anonymous.get(f"/shared/{for_bob.token}").status_code == 404
    assert not Redemption.objects.exists()


def test_a_token_that_is_no_session_is_refused_though_the_link_is_good(anonymous, link):
    anonymous.credentials(HTTP_AUTHORIZATION=f"Bearer {link.token}")

    assert anonymous.get(f"/api/collab/shared/{link.token}").status_code == 401


def test_redeeming_is_done_once(bob, link, item_id):
    path = f"/api/collab/shared/{link.token}"

    first, second = bob.post(path), bob.post(path)

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()
    shown = first.json()
    assert (shown["title"], shown["permission"]) == ("Zebra crossing", "edit")
    assert (shown["owner_username"], shown["path"]) == ("alice", f"/api/items/{item_id}")
    assert "token" not in str(shown)
    assert [row.user_id for row in Redemption.objects.all()] == [bob.user.pk]
    assert bob.get(shown["path"]).status_code == 200


def test_an_owner_who_redeems_holds_nothing_new(alice, link):
    assert alice.post(f"/api/collab/shared/{link.token}").status_code == 200
    assert not Redemption.objects.exists()
    assert alice.get("/api/collab/shared-with-me").json() == []


@pytest.mark.parametrize("path", BOTH)
def test_openings_are_counted_and_looks_are_not(anonymous, link, path):
    anonymous.get(path.format(link.token))
    anonymous.get(path.format(link.token))
    anonymous.head(path.format(link.token))
    anonymous.get(path.format(uuid.uuid4()))

    assert Share.objects.get().open_count == 2


def test_the_count_stops_where_its_column_ends(anonymous, link):
    Share.objects.update(open_count=2**31 - 1)

    assert anonymous.get(f"/shared/{link.token}").status_code == 200
    assert Share.objects.get().open_count == 2**31 - 1


def test_opening_costs_a_look_at_the_share_one_at_the_thing_and_a_count(anonymous, link):
    with CaptureQueriesContext(connection) as queries:
        anonymous.get(f"/api/collab/shared/{link.token}")

    statements = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
    assert [statement.split()[0] for statement in statements] == ["SELECT", "SELECT", "UPDATE"]


@pytest.mark.parametrize("verb", ["post", "put", "patch", "delete"])
def test_the_page_takes_nothing(anonymous, link, verb):
    answer = getattr(anonymous, verb)(f"/shared/{link.token}")

    assert answer.status_code == 405
    assert answer["Allow"] == "GET, HEAD, OPTIONS"
    assert answer.json()["code"] == "method_not_allowed"


def test_a_link_is_good_to_its_last_moment(anonymous, link):
    Share.objects.update(expires_at=timezone.now() + timedelta(seconds=20))

    assert anonymous.get(f"/shared/{link.token}").status_code == 200
