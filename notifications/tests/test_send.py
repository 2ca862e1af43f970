"""POST /api/notify/send: to oneself, or as staff to anybody."""

import pytest

from accounts.tests.factories import make_user
from notifications.models import Notification
from notifications.tests.factories import NOTE, make_endpoint, wish
from system.models import AuditEntry

pytestmark = pytest.mark.django_db
SEND = "/api/notify/send"
KEYS = {
    *("id", "topic", "title", "message", "notification_type", "read", "action_url", "metadata"),
    *("sender_id", "created_at", "read_at", "archived_at"),
}


def test_what_is_sent_to_oneself_is_answered_whole(alice):
    response = alice.post(SEND, NOTE)

    body = response.json()
    assert response.status_code == 201
    assert set(body) == KEYS
    assert {name: body[name] for name in NOTE} == NOTE
    assert (body["read"], body["read_at"], body["archived_at"]) == (False, None, None)
    assert (body["topic"], body["sender_id"]) == ("direct", alice.user.pk)
    assert response.headers["Location"] == f"/api/notify/{body['id']}"
    assert alice.get(response.headers["Location"]).json() == body


def test_only_a_title_is_needed(alice):
    body = alice.post(SEND, {"title": "Hi"}).json()

    assert (body["message"], body["notification_type"], body["metadata"]) == ("", "info", {})


def test_staff_send_to_anybody(staff, bob):
    response = staff.post(f"{SEND}?user_id={bob.user.pk}", NOTE)

    assert response.status_code == 201
    (received,) = bob.get("/api/notify/history").json()
    assert (received["title"], received["sender_id"]) == ("Hello", staff.user.pk)
    assert staff.get("/api/notify/history").json() == []


@pytest.mark.parametrize("to", ["bob", "alice"])
def test_others_do_not_choose_to_whom(request, alice, bob, to):
    user_id = request.getfixturevalue(to).user.pk

    response = alice.post(f"{SEND}?user_id={user_id}", NOTE)

    assert response.status_code == 403
    assert not Notification.objects.exists()


def test_who_is_not_there_or_not_active_is_not_found(staff):
    gone = make_user("gone", is_active=False)

    answers = [staff.post(f"{SEND}?user_id={pk}", NOTE) for pk in (10**12, gone.pk)]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json()["detail"] == answers[1].json()["detail"]
    assert not Notification.objects.exists()


@pytest.mark.parametrize("user_id", ["0", "-1", "x", "", str(2**63), "1&user_id=2"])
def test_what_is_no_id_is_refused(staff, user_id):
    assert staff.post(f"{SEND}?user_id={user_id}", NOTE).status_code == 400
    assert not Notification.objects.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "   "}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"title": 5}, "title"),
        ({"title": None}, "title"),
        ({"message": "x" * 5001}, "message"),
        ({"message": ["x"]}, "message"),
        ({"notification_type": "fatal"}, "notification_type"),
        ({"metadata": []}, "metadata"),
        ({"metadata": "x"}, "metadata"),
        ({"metadata": {"a": "x" * 16_384}}, "metadata"),
        ({"action_url": "javascript:alert(1)"}, "action_url"),
        ({"action_url": 7}, "action_url"),
    ],
)
def test_what_is_not_as_described_is_refused_and_nothing_is_sent(alice, change, field):
    response = alice.post(SEND, NOTE | change)

    assert response.status_code == 400
    assert list(response.json()["errors"]) == [field]
    assert not Notification.objects.exists()


def test_the_longest_of_everything_is_taken(alice):
    most = {"title": "t" * 200, "message": "m" * 5000, "metadata": {"a": "x" * 16_376}}

    response = alice.post(SEND, NOTE | most | {"action_url": "https://e.x/" + "a" * 1988})

    assert response.status_code == 201
    assert {name: response.json()[name] for name in most} == most


@pytest.mark.parametrize(
    "action_url",
    [
        "",
        "/",
        "/items/7?a=b#c",
        "http://example.com",
        "https://example.com:8443/x?y=%20z#w",
        "https://[2001:db8::1]/",
        "https://b\u00fccher.example/\u00fc",
    ],
)
def test_web_addresses_and_own_paths_may_be_followed(alice, action_url):
    response = alice.post(SEND, NOTE | {"action_url": action_url})

    assert response.status_code == 201
    assert response.json()["action_url"] == action_url


@pytest.mark.parametrize(
    "action_url",
    [
        "javascript:alert(1)",
        "JaVaScript:alert(1)",
        "java\tscript:alert(1)",
        " javascript:alert(1)",
        "\x01javascript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "mailto:a@example.com",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "\\\\evil.example",
        "/a\nb",
        "https:evil.example",
        "https:///evil.example",
        "https://",
        "https://user@evil.example",
        "https://user:secret@evil.example/",
        "https://example.com\\@evil.example",
        "https://example.com:99999/",
        "https://[::1",
        "https://a b/",
        "items/7",
        "?a",
        "https://e.x/" + "a" * 1989,
    ],
)
def test_nothing_else_may_be_followed(alice, action_url):
    response = alice.post(SEND, NOTE | {"action_url": action_url})

    assert response.status_code == 400
    assert not Notification.objects.exists()


def test_sending_again_with_the_same_key_sends_once(alice):
    first, second = (alice.post(SEND, NOTE, HTTP_IDEMPOTENCY_KEY="k") for _ in range(2))

    assert second.headers["Idempotent-Replayed"] == "true"
    assert first.json() == second.json()
    assert Notification.objects.count() == 1
    assert alice.post(SEND, NOTE | {"title": "x"}, HTTP_IDEMPOTENCY_KEY="k").status_code == 422


def test_a_flood_is_refused_and_nothing_is_stored(alice, staff, bob, settings):
    settings.NOTIFICATIONS_PER_MINUTE, settings.NOTIFICATIONS_PER_MINUTE_STAFF = 2, 3

    alice_answers = [alice.post(SEND, NOTE).status_code for _ in range(3)]
    staff_answers = [staff.post(SEND, NOTE).status_code for _ in range(4)]

    assert alice_answers == [201, 201, 429]
    assert staff_answers == [201, 201, 201, 429]
    assert alice.post(SEND, NOTE).json()["code"] == "too_many_notifications"
    assert bob.post(SEND, NOTE).status_code == 201
    assert Notification.objects.count() == 6


def test_a_replay_is_no_flood(alice, settings):
    settings.NOTIFICATIONS_PER_MINUTE = 1

    answers = [alice.post(SEND, NOTE, HTTP_IDEMPOTENCY_KEY="k").status_code for _ in range(3)]

    assert answers == [201, 201, 201]


def test_topic_owner_and_state_are_not_writable(alice, bob):
    others = {"topic": "security", "owner_id": bob.user.pk, "sender_id": 1, "id": 1, "read": True}

    body = alice.post(SEND, NOTE | others | {"source": "share:1", "is_shown": False}).json()

    row = Notification.objects.get(owner=alice.user)
    assert (body["topic"], body["read"], body["sender_id"]) == ("direct", False, alice.user.pk)
    assert (row.source, row.is_shown) == ("", True)


def test_nobody_sends_without_a_session(anonymous):
    assert anonymous.post(SEND, NOTE).status_code == 401
    assert not Notification.objects.exists()


@pytest.mark.parametrize("endpoints", [0, 5])
def test_sending_costs_the_same_however_many_endpoints(
    regular, endpoints, django_assert_num_queries
):
    for number in range(endpoints):
        make_endpoint(regular.user, f"https://hooks.example/{number}")
    wish(regular.user, "direct", email=False)

    # Preferences, endpoints, the row; after the commit the row again and the number of unread.
    # Each atomic block is two more, and with endpoints the deliveries are one.
    with django_assert_num_queries(7 + bool(endpoints) * 1):
        assert regular.post(SEND, NOTE).status_code == 201


def test_a_direct_send_leaves_no_trace_in_the_audit_log(alice):
    alice.post(SEND, NOTE)

    assert not AuditEntry.objects.filter(action__startswith="notification").exists()
