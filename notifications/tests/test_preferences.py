"""Of what a user is told, and where."""

import pytest

from notifications.models import Delivery, MailSettings, Notification, Preference
from notifications.services import topics
from notifications.services.topics import register_topic, topic_named
from notifications.tests.factories import make_endpoint, tell, wish

pytestmark = pytest.mark.django_db
URL = "/api/notify/preferences"


@pytest.fixture
def own_topic(monkeypatch):
    """A topic that another app registers."""
    monkeypatch.setattr(topics, "_topics", dict(topics._topics))
    register_topic("orders.shipped", "An order is on its way", defaults={"email": True})


def channels(client, topic):
    rows = {row["topic"]: row for row in client.get(URL).json()["topics"]}
    return rows[topic]["channels"]


def put(client, topic, **wishes):
    return client.put(URL, {"topics": [{"topic": topic, "channels": wishes}]})


def reached(owner):
    """Whether the newest notification is shown, mailed, posted."""
    row = Notification.objects.filter(owner=owner).first()
    owed = set(Delivery.objects.filter(notification=row).values_list("channel", flat=True))
    return row is not None and row.is_shown, "email" in owed, "webhook" in owed


def test_without_a_wish_the_defaults_are_shown(alice, own_topic):
    body = alice.get(URL).json()

    rows = {row["topic"]: row for row in body["topics"]}
    assert body["digest"] == "none"
    assert list(rows) == sorted(rows)
    assert rows["orders.shipped"] == {
        "topic": "orders.shipped",
        "title": "An order is on its way",
        "channels": {"in_app": True, "email": True, "webhook": True},
        "mandatory": [],
    }
    assert rows["security"]["mandatory"] == ["email", "in_app"]
    assert rows["direct"]["mandatory"] == ["in_app"]
    assert rows["job.completed"]["channels"]["in_app"] is False


def test_what_is_chosen_stays_and_the_rest_too(alice):
    response = put(alice, "chat.mention", email=True, in_app=False)
    put(alice, "chat.mention", email=False)

    assert response.status_code == 200
    assert channels(alice, "chat.mention") == {"in_app": False, "email": False, "webhook": True}
    assert channels(alice, "share.received")["in_app"] is True
    assert Preference.objects.count() == 2


def test_what_is_read_can_be_sent_back(alice):
    before = alice.get(URL).json()

    response = alice.put(URL, before)

    assert (response.status_code, response.json()) == (200, before)


def test_an_empty_body_changes_nothing(alice):
    before = alice.get(URL).json()

    assert alice.put(URL, {}).json() == before
    assert not Preference.objects.exists()


@pytest.mark.parametrize(
    ("topic", "wishes"),
    [
        ("security", {"in_app": False}),
        ("security", {"email": False}),
        ("direct", {"in_app": False}),
        ("nothing.known", {"email": True}),
        ("webhook.test", {"webhook": False}),
        ("chat.mention", {"email": "perhaps"}),
        ("chat.mention", {"email": None}),
        ("", {"email": True}),
    ],
)
def test_what_cannot_be_chosen_is_refused_and_nothing_is_stored(alice, topic, wishes):
    good = {"topic": "share.received", "channels": {"email": True}}

    body = {"digest": "daily", "topics": [good, {"topic": topic, "channels": wishes}]}
    response = alice.put(URL, body)

    assert response.status_code == 400
    assert "topics" in response.json()["errors"]
    assert not Preference.objects.exists()
    assert not MailSettings.objects.exists()


@pytest.mark.parametrize(
    "body",
    [{"digest": "weekly"}, {"topics": {}}, {"topics": [5]}, {"topics": [{"topic": "direct"}]}, []],
)
def test_what_is_not_as_described_is_refused(alice, body):
    assert alice.put(URL, body).status_code == 400
    assert not Preference.objects.exists()


def test_a_mandatory_topic_has_channels_to_choose(alice):
    assert put(alice, "security", webhook=False).status_code == 200
    assert put(alice, "direct", email=True, in_app=True).status_code == 200


def test_a_wish_from_before_a_topic_became_mandatory_counts_no_more(alice):
    wish(alice.user, "security", in_app=False, email=False)

    assert channels(alice, "security") == {"in_app": True, "email": True, "webhook": True}
    tell(alice.user, topic="security")
    assert reached(alice.user) == (True, True, False)


@pytest.mark.parametrize("in_app", [True, False])
@pytest.mark.parametrize("email", [True, False])
@pytest.mark.parametrize("webhook", [True, False])
def test_each_channel_is_used_as_wished(alice, in_app, email, webhook):
    make_endpoint(alice.user)
    wish(alice.user, "chat.mention", in_app=in_app, email=email, webhook=webhook)

    sent = tell(alice.user, topic="chat.mention")

    assert reached(alice.user) == (in_app, email, webhook)
    assert (sent is None) == (not (in_app or email or webhook))
    assert Notification.objects.count() == (sent is not None)


def test_a_webhook_without_an_endpoint_reaches_nobody(alice):
    make_endpoint(alice.user, is_enabled=False)
    wish(alice.user, "chat.mention", in_app=False)

    assert tell(alice.user, topic="chat.mention") is None
    assert not Notification.objects.exists()


def test_what_is_not_shown_is_not_rung_nor_counted(
    alice, frames, django_capture_on_commit_callbacks
):
    wish(alice.user, "chat.mention", in_app=False, email=True)

    with django_capture_on_commit_callbacks(execute=True):
        tell(alice.user, topic="chat.mention")

    assert frames == []
    assert alice.get("/api/notify/unread-count").json() == {"unread": 0}


def test_preferences_are_ones_own(alice, bob, anonymous):
    put(alice, "chat.mention", email=True)

    assert channels(bob, "chat.mention")["email"] is False
    assert anonymous.get(URL).status_code == anonymous.put(URL, {}).status_code == 401


def test_an_unknown_topic_is_a_fault_of_the_caller(alice):
    with pytest.raises(KeyError):
        tell(alice.user, topic="never.registered")

    assert topic_named("direct").name == "direct"
    assert not Notification.objects.exists()


def test_reading_preferences_costs_two_queries(regular, django_assert_num_queries):
    wish(regular.user, "chat.mention", in_app=False, email=True, webhook=True)

    with django_assert_num_queries(2):
        regular.get(URL)
