"""/api/notify/webhooks: whose they are, what may be called, secrets and deliveries."""

import base64
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from notifications import tasks
from notifications.models import Delivery, Endpoint, Notification
from notifications.services.signing import new_secret
from notifications.tests.factories import make_endpoint, tell
from system.models import IdempotencyRecord

pytestmark = pytest.mark.django_db
URL = "/api/notify/webhooks"
HOOK = "https://hooks.example/alice"
MISSING = 2**62
SHOWN = {"id", "url", "is_enabled", "paused_until", "rotated_at", "created_at"}
LOGGED = {
    *("id", "notification_id", "message_id", "status", "attempts", "response_status", "error"),
    *("created_at", "due_at", "delivered_at"),
}
CALLS = [
    ("get", URL + "/{}"),
    ("patch", URL + "/{}"),
    ("delete", URL + "/{}"),
    ("post", URL + "/{}/rotate-secret"),
    ("post", URL + "/{}/test"),
    ("get", URL + "/{}/deliveries"),
    ("post", URL + "/{}/deliveries/{}/redeliver"),
]


def stored_secret(endpoint_id):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT secret, former_secret FROM notifications_endpoint WHERE id = %s", [endpoint_id]
        )
        return cursor.fetchone()


def everything():
    rows = list(Delivery.objects.order_by("pk").values())
    endpoints = Endpoint.objects.order_by("pk").defer("secret", "former_secret")
    shown = list(endpoints.values("pk", "url", "is_enabled", "rotated_at", "paused_until"))
    return rows, shown, [stored_secret(row["pk"]) for row in shown], Notification.objects.count()


def test_a_new_endpoint_shows_its_secret_this_once(alice):
    response = alice.post(URL, {"url": HOOK})

    body = response.json()
    assert response.status_code == 201
    assert set(body) == SHOWN | {"secret"}
    assert (body["url"], body["is_enabled"], body["rotated_at"]) == (HOOK, True, None)
    assert body["secret"].startswith("whsec_")
    assert len(base64.b64decode(body["secret"].removeprefix("whsec_"))) == 32
    assert response.headers["Cache-Control"] == "no-store"
    for path in (response.headers["Location"], URL):
        assert body["secret"] not in alice.get(path).content.decode()
    assert set(alice.get(f"{URL}/{body['id']}").json()) == SHOWN


def test_a_secret_is_nowhere_in_clear(alice):
    body = alice.post(URL, {"url": HOOK}, HTTP_IDEMPOTENCY_KEY="k").json()

    (stored, _) = stored_secret(body["id"])
    assert body["secret"].removeprefix("whsec_") not in stored
    assert not IdempotencyRecord.objects.exists()
    endpoint = Endpoint.objects.get()
    assert body["secret"] not in f"{endpoint!r} {endpoint} {endpoint.secret!r} {vars(endpoint)}"


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/",
        "http://127.0.0.1.nip.example/",
        "ftp://hooks.example/",
        "//hooks.example/",
        "/hook",
        "hooks.example",
        "https://",
        "https:///x",
        "https://user@hooks.example/",
        "https://user:pw@hooks.example/",
        "https://hooks.example:0/",
        "https://hooks.example:99999/",
        "https://[::1",
        "https://hooks.example/a b",
        "https://hooks.example/\n",
        "https://hooks.example\\@evil.example",
        "javascript:alert(1)",
        "",
        "https://hooks.example/" + "a" * 2000,
        7,
        None,
    ],
)
def test_what_may_not_be_called_is_refused(alice, url):
    response = alice.post(URL, {"url": url})

    assert response.status_code == 400
    assert list(response.json()["errors"]) == ["url"]
    assert not Endpoint.objects.exists()


@pytest.mark.parametrize("url", ["http://localhost:9/", "http://127.0.0.1/x", "http://[::1]:9/"])
def test_plain_http_is_for_loopback_in_development(alice, settings, url):
    assert alice.post(URL, {"url": url}).status_code == 201

    settings.IS_PRODUCTION = True
    assert alice.post(URL, {"url": url + "2"}).status_code == 400


def test_five_are_the_most(alice, bob):
    answers = [alice.post(URL, {"url": f"{HOOK}{n}"}).status_code for n in range(6)]

    assert answers == [201] * 5 + [409]
    assert alice.post(URL, {"url": f"{HOOK}9"}).json()["code"] == "endpoint_limit_reached"
    assert bob.post(URL, {"url": HOOK}).status_code == 201
    assert Endpoint.objects.count() == 6


def test_an_address_is_there_once(alice, bob):
    alice.post(URL, {"url": HOOK})

    second = alice.post(URL, {"url": HOOK})

    assert (second.status_code, second.json()["code"]) == (409, "endpoint_exists")
    assert bob.post(URL, {"url": HOOK}).status_code == 201
    assert Endpoint.objects.count() == 2


def test_an_endpoint_can_be_changed(alice):
    endpoint = make_endpoint(alice.user, paused_until=timezone.now())
    before = stored_secret(endpoint.pk)

    changed = alice.patch(f"{URL}/{endpoint.pk}", {"url": HOOK, "is_enabled": False}).json()

    assert (changed["url"], changed["is_enabled"], changed["paused_until"]) == (HOOK, False, None)
    assert alice.get(f"{URL}/{endpoint.pk}").json() == changed
    assert stored_secret(endpoint.pk) == before


@pytest.mark.parametrize(
    ("changes", "status"),
    [({"url": "http://a.example"}, 400), ({"is_enabled": 7}, 400), ({"url": HOOK + "2"}, 409)],
)
def test_a_refused_change_changes_nothing(alice, changes, status):
    make_endpoint(alice.user, HOOK + "2")
    endpoint = make_endpoint(alice.user, HOOK)
    before = everything()

    assert alice.patch(f"{URL}/{endpoint.pk}", changes).status_code == status
    assert everything() == before


def test_disabling_ends_what_is_owed(alice):
    endpoint = make_endpoint(alice.user)
    tell(alice.user)

    alice.patch(f"{URL}/{endpoint.pk}", {"is_enabled": False})
    tell(alice.user)

    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.error) == ("failed", "The endpoint was disabled.")


def test_a_rotated_secret_is_new_and_the_former_kept_for_a_day(alice):
    first = alice.post(URL, {"url": HOOK}).json()

    second = alice.post(f"{URL}/{first['id']}/rotate-secret").json()

    endpoint = Endpoint.objects.get()
    assert first["secret"] != second["secret"]
    assert endpoint.secret.reveal() == second["secret"]
    assert endpoint.former_secret.reveal() == first["secret"]
    with time_machine.travel(timezone.now() + timedelta(hours=23)):
        tasks.clear_old()
        assert stored_secret(first["id"])[1]
    with time_machine.travel(timezone.now() + timedelta(hours=25)):
        tasks.clear_old()
    assert stored_secret(first["id"])[1] is None
    assert Endpoint.objects.get().secret.reveal() == second["secret"]


def test_deleting_takes_along_what_is_owed(alice):
    endpoint = make_endpoint(alice.user)
    tell(alice.user)

    assert alice.delete(f"{URL}/{endpoint.pk}").status_code == 204

    assert not Endpoint.objects.exists()
    assert not Delivery.objects.exists()
    assert Notification.objects.count() == 1


def test_a_test_is_owed_and_not_shown(alice, woken):
    endpoint = make_endpoint(alice.user, paused_until=timezone.now() + timedelta(hours=1))

    response = alice.post(f"{URL}/{endpoint.pk}/test")

    body = response.json()
    assert (response.status_code, set(body)) == (202, LOGGED)
    assert (body["status"], body["attempts"]) == ("pending", 0)
    assert woken == ["webhook"]
    assert alice.get("/api/notify/history").json() == []
    assert alice.get("/api/notify/unread-count").json() == {"unread": 0}
    assert alice.get(f"{URL}/{endpoint.pk}/deliveries").json() == [body]


def test_a_disabled_endpoint_is_not_tested(alice):
    endpoint = make_endpoint(alice.user, is_enabled=False)

    response = alice.post(f"{URL}/{endpoint.pk}/test")

    assert (response.status_code, response.json()["code"]) == (409, "endpoint_disabled")
    assert not Notification.objects.exists()


def test_tests_and_repetitions_are_limited_together(alice):
    endpoint = make_endpoint(alice.user)

    tests = [alice.post(f"{URL}/{endpoint.pk}/test").status_code for _ in range(11)]
    again = alice.post(f"{URL}/{endpoint.pk}/deliveries/{Delivery.objects.first().pk}/redeliver")

    assert tests == [202] * 10 + [429]
    assert again.status_code == 429
    assert Delivery.objects.count() == 10


@pytest.mark.parametrize("status", ["failed", "delivered"])
def test_what_is_over_can_be_called_again(alice, status, woken):
    endpoint = make_endpoint(alice.user)
    tell(alice.user)
    Delivery.objects.update(status=status, attempts=8, error="x", response_status=500)
    before = Delivery.objects.get()

    response = alice.post(f"{URL}/{endpoint.pk}/deliveries/{before.pk}/redeliver")

    body = response.json()
    assert response.status_code == 202
    assert (body["status"], body["attempts"], body["error"]) == ("pending", 0, "")
    assert body["message_id"] == str(before.message_id)
    assert woken == ["webhook"]


def test_what_is_still_tried_or_disabled_is_not_called_again(alice):
    endpoint = make_endpoint(alice.user)
    tell(alice.user)
    path = f"{URL}/{endpoint.pk}/deliveries/{Delivery.objects.get().pk}/redeliver"

    pending = alice.post(path)
    alice.patch(f"{URL}/{endpoint.pk}", {"is_enabled": False})
    before = everything()
    disabled = alice.post(path)

    assert (pending.status_code, pending.json()["code"]) == (409, "delivery_pending")
    assert (disabled.status_code, disabled.json()["code"]) == (409, "endpoint_disabled")
    assert everything() == before


def test_a_delivery_is_found_at_its_own_endpoint_only(alice):
    endpoint, other = make_endpoint(alice.user), make_endpoint(alice.user, HOOK, is_enabled=False)
    tell(alice.user)
    Delivery.objects.update(status="failed")
    pk = Delivery.objects.get().pk

    assert alice.post(f"{URL}/{other.pk}/deliveries/{pk}/redeliver").status_code == 404
    assert alice.get(f"{URL}/{other.pk}/deliveries").json() == []
    assert len(alice.get(f"{URL}/{endpoint.pk}/deliveries").json()) == 1


@pytest.mark.parametrize("who", ["bob", "staff"])
@pytest.mark.parametrize(("verb", "path"), CALLS)
def test_to_a_stranger_it_is_as_if_it_were_not_there(request, alice, who, verb, path):
    endpoint = make_endpoint(alice.user)
    tell(alice.user)
    Delivery.objects.update(status="failed")
    delivery = Delivery.objects.get()
    before, stranger = everything(), request.getfixturevalue(who)

    foreign = getattr(stranger, verb)(path.format(endpoint.pk, delivery.pk), {"is_enabled": False})
    missing = getattr(stranger, verb)(path.format(MISSING, MISSING), {"is_enabled": False})

    assert foreign.status_code == missing.status_code == 404
    assert foreign.json()["detail"] == missing.json()["detail"]
    assert everything() == before


@pytest.mark.parametrize(("verb", "path"), [*CALLS, ("get", URL), ("post", URL)])
def test_nothing_is_done_without_a_session(alice, anonymous, verb, path):
    endpoint = make_endpoint(alice.user)
    before = everything()

    assert getattr(anonymous, verb)(path.format(endpoint.pk, 1)).status_code == 401
    assert everything() == before


@pytest.mark.parametrize("rows", [1, 20])
def test_lists_cost_the_same_however_many_rows(regular, rows, django_assert_num_queries):
    endpoint = make_endpoint(regular.user)
    for _ in range(rows):
        tell(regular.user)

    with django_assert_num_queries(1):
        regular.get(URL)
    with django_assert_num_queries(2):
        response = regular.get(f"{URL}/{endpoint.pk}/deliveries")
    assert len(response.json()) == rows


def test_a_secret_that_no_key_opens_stops_nothing_but_its_calls(alice, settings):
    endpoint = make_endpoint(alice.user, secret=new_secret())
    settings.SECRET_KEY = "another key, and the old one is not among the fallbacks"
    settings.SECRET_KEY_FALLBACKS = []
    alice.sign_in(alice.user)

    assert alice.get(f"{URL}/{endpoint.pk}").status_code == 200
    assert alice.patch(f"{URL}/{endpoint.pk}", {"url": HOOK}).status_code == 200
    rotated = alice.post(f"{URL}/{endpoint.pk}/rotate-secret").json()
    assert Endpoint.objects.get().secret.reveal() == rotated["secret"]
