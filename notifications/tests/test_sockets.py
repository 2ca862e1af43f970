"""Notifications at /ws/events, over the real server."""

import pytest
from django.db import OperationalError

from alice.common.realtime import greetings
from alice.tests.realtime.kit import open_socket
from notifications.models import Notification

pytestmark = pytest.mark.django_db(transaction=True)

TITLE = {"title": "Hello!"}


def test_hello_says_how_many_are_unread(web_server, alice, bob):
    for client in (alice, alice, bob):
        client.post("/api/notify/send", TITLE)
    alice.post(f"/api/notify/{Notification.objects.filter(owner=alice.user).first().pk}/read")

    with open_socket(web_server, token=alice.access_token) as socket:
        assert socket.next() == {"type": "hello", "unread": 1}


def test_a_bell_rings_with_the_notification_and_the_new_number(web_server, alice):
    with open_socket(web_server, token=alice.access_token) as socket:
        socket.next()
        sent = alice.post("/api/notify/send", TITLE).json()

        assert socket.take(2) == [
            {"type": "notification", **sent},
            {"type": "unread", "unread": 1},
        ]


def test_what_cannot_be_greeted_may_try_again(web_server, alice, monkeypatch):
    def away(user_id):
        raise OperationalError("the server is gone")

    monkeypatch.setattr(greetings, "_greetings", [away])
    with open_socket(web_server, token=alice.access_token) as socket:
        end = socket.end()

    assert [frame["code"] for frame in end.frames] == ["database_unavailable"]
    assert end.code == 1013
