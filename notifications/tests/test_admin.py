"""The admin: notifications, broadcasts, deliveries and endpoints, shown harmless and audited."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from accounts.tests.factories import make_user
from notifications.models import Broadcast, Delivery, Endpoint, Notification
from notifications.services import broadcasts
from notifications.tests.factories import make_endpoint, make_notification, tell, wish
from system.models import AuditEntry, Job

pytestmark = pytest.mark.django_db

NOTIFICATIONS, BROADCASTS, DELIVERIES, ENDPOINTS = (
    f"/admin/notifications/{name}/"
    for name in ("notification", "broadcast", "delivery", "endpoint")
)
EVIL = "<script>alert('x')</script>"
CONTENT = {
    "title": "From staff",
    "message": "Read this.",
    "notification_type": "warning",
    "action_url": "https://example.com/",
}


@pytest.fixture
def clerk_page():
    """Staff who may look at all that is here and change nothing."""
    clerk = make_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    page = Client()
    page.force_login(clerk)
    return page


def choose(page, address, action, *rows):
    chosen = {"action": action, "_selected_action": [row.pk for row in rows], "index": 0}
    return page.post(address, chosen, follow=True)


def shown(response):
    return [str(message) for message in response.context["messages"]]


@pytest.mark.parametrize("rows", [1, 20])
@pytest.mark.parametrize("address", [NOTIFICATIONS, BROADCASTS, DELIVERIES, ENDPOINTS])
def test_a_list_costs_the_same_however_many_rows(
    admin_page, django_assert_num_queries, rows, address
):
    for number in range(rows):
        owner = make_user()
        make_endpoint(owner)
        tell(owner, title=f"title {number}")
        Broadcast.objects.create(title=f"title {number}")
    admin_page.get(address)

    with django_assert_num_queries(4):
        page = admin_page.get(address)

    assert len(page.context["cl"].result_list) == rows


def test_what_users_wrote_is_shown_harmless(admin_page, alice):
    endpoint = make_endpoint(alice.user, "https://e.x/" + EVIL.replace(" ", ""))
    row = tell(
        alice.user,
        title=EVIL,
        message=EVIL,
        metadata={EVIL: EVIL},
        action_url="https://e.x/" + EVIL,
    )
    delivery = Delivery.objects.get()
    Delivery.objects.update(error=EVIL)
    broadcast = Broadcast.objects.create(title=EVIL, message=EVIL, metadata={"a": EVIL})

    pages = [
        admin_page.get(address).content.decode()
        for address in (
            *(NOTIFICATIONS, BROADCASTS, DELIVERIES, ENDPOINTS),
            f"{NOTIFICATIONS}{row.pk}/change/",
            f"{BROADCASTS}{broadcast.pk}/change/",
            f"{DELIVERIES}{delivery.pk}/change/",
            f"{ENDPOINTS}{endpoint.pk}/change/",
        )
    ]

    assert all("<script>alert" not in page for page in pages)
    assert sum("&lt;script&gt;alert" in page for page in pages) == 7
    assert 'href="https://e.x/' not in pages[4]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=zebra", True),
        ("q=alice", True),
        ("q=giraffe", False),
        ("state=unread", True),
        ("state=read", False),
        ("state=hidden", False),
        ("notification_type=info", True),
        ("notification_type=error", False),
        ("topic=direct", True),
        ("topic=security", False),
    ],
)
def test_notifications_can_be_searched_and_filtered(admin_page, alice, query, found):
    make_notification(alice.user, title="Zebra crossing")

    page = admin_page.get(f"{NOTIFICATIONS}?{query}")

    assert len(page.context["cl"].result_list) == found


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, "Unread"),
        ({"read_at": timezone.now()}, "Read"),
        ({"archived_at": timezone.now()}, "Archived"),
        ({"is_shown": False}, "Not shown"),
    ],
)
def test_the_state_of_a_notification_is_shown(admin_page, alice, fields, state):
    row = make_notification(alice.user, **fields)

    assert state in admin_page.get(f"{NOTIFICATIONS}{row.pk}/change/").content.decode()


def test_adding_one_sends_it_and_is_noted(admin_page, alice, staff):
    form = admin_page.get(f"{NOTIFICATIONS}add/")

    response = admin_page.post(f"{NOTIFICATIONS}add/", CONTENT | {"owner": alice.user.pk})

    assert (form.status_code, response.status_code) == (200, 302)
    (received,) = alice.get("/api/notify/history").json()
    assert {name: received[name] for name in CONTENT} == CONTENT
    assert (received["topic"], received["sender_id"]) == ("direct", staff.user.pk)
    entry = AuditEntry.objects.get(action="notification.sent_by_staff")
    assert (entry.target, entry.actor_name) == (f"user:{alice.user.pk}", "staff")


@pytest.mark.parametrize("address", [NOTIFICATIONS, BROADCASTS])
@pytest.mark.parametrize(
    "change",
    [{"title": ""}, {"action_url": "javascript:alert(1)"}, {"notification_type": "fatal"}],
)
def test_a_form_that_is_not_in_order_sends_nothing(admin_page, alice, address, change):
    response = admin_page.post(f"{address}add/", CONTENT | {"owner": alice.user.pk} | change)

    assert response.status_code == 200
    assert response.context["adminform"].form.errors.keys() == change.keys()
    assert not Notification.objects.exists()
    assert not Broadcast.objects.exists()
    assert not AuditEntry.objects.exists()


def test_who_is_deactivated_meanwhile_is_not_sent_anything(admin_page, alice):
    alice.user.is_active = False
    alice.user.save(update_fields=["is_active"])

    page = admin_page.post(f"{NOTIFICATIONS}add/", CONTENT | {"owner": alice.user.pk}, follow=True)

    assert shown(page) == ["There is no such user."]
    assert not Notification.objects.exists()


def test_a_broadcast_is_queued_and_noted(admin_page, staff):
    form = admin_page.get(f"{BROADCASTS}add/")

    page = admin_page.post(f"{BROADCASTS}add/", CONTENT, follow=True)

    broadcast = Broadcast.objects.get()
    assert (form.status_code, page.status_code) == (200, 200)
    assert (broadcast.title, broadcast.sender_id) == ("From staff", staff.user.pk)
    assert Job.objects.get(kind=broadcasts.KIND).pk == broadcast.job_id
    assert AuditEntry.objects.filter(action="notification.broadcast").count() == 1
    detail = admin_page.get(f"{BROADCASTS}{broadcast.pk}/change/").content.decode()
    assert f"/admin/system/job/{broadcast.job_id}/change/" in detail
    assert "Under way" in detail


def test_deliveries_are_owed_again_and_noted(admin_page, alice):
    make_endpoint(alice.user)
    tell(alice.user)
    wish(alice.user, "direct", email=True)
    tell(alice.user)
    Delivery.objects.update(status="failed", attempts=8, error="x")
    rows = list(Delivery.objects.all())

    page = choose(admin_page, DELIVERIES, "redeliver", *rows)

    assert shown(page) == ["3 deliveries owed again."]
    assert set(Delivery.objects.values_list("status", "attempts")) == {("pending", 0)}
    assert AuditEntry.objects.filter(action="delivery.repeated_by_staff").count() == 3


def test_one_delivery_is_asked_about_first(admin_page, alice):
    make_endpoint(alice.user)
    tell(alice.user)
    row = Delivery.objects.get()
    address = f"{DELIVERIES}{row.pk}/redeliver_one/"

    admin_page.get(address)
    refused = admin_page.post(address, {"_form_submitted": "True"}, follow=True)
    assert shown(refused) == ["This delivery is still being tried."]
    Delivery.objects.update(status="failed")
    admin_page.get(address)
    assert Delivery.objects.get().status == "failed"
    admin_page.post(address, {"_form_submitted": "True"})

    assert Delivery.objects.get().status == "pending"
    assert AuditEntry.objects.count() == 1


def test_endpoints_are_shown_without_secrets_and_switched(admin_page, alice, staff):
    endpoint = make_endpoint(alice.user)
    secret = endpoint.secret.reveal()

    page = admin_page.get(f"{ENDPOINTS}{endpoint.pk}/change/").content.decode()
    choose(admin_page, ENDPOINTS, "disable", endpoint)

    assert "https://hooks.example/" in page
    assert secret not in page
    assert endpoint.secret.seal() not in page
    assert not Endpoint.objects.get().is_enabled
    entry = AuditEntry.objects.get(action="endpoint.disabled_by_staff")
    assert (entry.target, entry.actor_id) == (f"endpoint:{endpoint.pk}", staff.user.pk)
    choose(admin_page, ENDPOINTS, "enable", endpoint)
    assert Endpoint.objects.get().is_enabled


@pytest.mark.parametrize("name", ["notification", "broadcast", "delivery", "endpoint"])
def test_nothing_is_edited_or_deleted_in_place(admin_page, alice, name):
    make_endpoint(alice.user)
    tell(alice.user)
    Broadcast.objects.create(title="Hello")
    models = {
        "notification": Notification,
        "broadcast": Broadcast,
        "delivery": Delivery,
        "endpoint": Endpoint,
    }
    pk = models[name].objects.get().pk

    answers = [
        admin_page.post(f"/admin/notifications/{name}/{pk}/{step}/", {"title": "x", "post": "yes"})
        for step in ("change", "delete")
    ]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert models[name].objects.get().pk == pk


def test_a_clerk_looks_and_does_nothing(clerk_page, alice):
    make_endpoint(alice.user)
    row = tell(alice.user)
    Delivery.objects.update(status="failed")

    answers = [
        clerk_page.get(f"{NOTIFICATIONS}{row.pk}/change/"),
        clerk_page.get(f"{NOTIFICATIONS}add/"),
        clerk_page.post(f"{NOTIFICATIONS}add/", CONTENT | {"owner": alice.user.pk}),
        clerk_page.post(f"{BROADCASTS}add/", CONTENT),
    ]
    choose(clerk_page, DELIVERIES, "redeliver", Delivery.objects.get())
    choose(clerk_page, ENDPOINTS, "disable", Endpoint.objects.get())

    assert [answer.status_code for answer in answers] == [200, 403, 403, 403]
    assert Notification.objects.count() == 1
    assert Delivery.objects.get().status == "failed"
    assert Endpoint.objects.get().is_enabled
    assert not AuditEntry.objects.exists()


def test_the_first_page_counts_the_last_fortnight(admin_page, alice):
    make_notification(alice.user)
    make_notification(alice.user, created_at=timezone.now() - timedelta(days=20))

    cards = {card.title: card for card in admin_page.get("/admin/").context["cards"]}

    card = cards["Notifications per day"]
    assert (card.figure, card.values[-1], len(card.values)) == (1, 1, 14)
