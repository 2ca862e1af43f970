"""Calls to endpoints, against a real server on loopback: signatures, tries, 410, bounds."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
import time_machine

from accounts.tests.factories import make_user
from alice.common.secrets import Secret
from notifications.models import Delivery, Endpoint
from notifications.services import calls, deliveries, draining, endpoints, signing
from notifications.tests.factories import make_endpoint, tell

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def drain():
    return draining.deliver_due("webhook")


def the_delivery():
    return Delivery.objects.get()


def verified(secret, headers, body):
    """Whether one of the signatures is good, as a receiver would find out."""
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.partition("_")[2])
    wanted = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return f"v1,{wanted}" in headers["webhook-signature"].split(" ")


@pytest.fixture
def hooked(alice, receiver):
    """alice's endpoint, at which the receiver listens."""
    return make_endpoint(alice.user, receiver.url)


def test_signatures_are_those_of_the_published_example():
    # https://github.com/standard-webhooks/standard-webhooks, the test of its Python library.
    headers = signing.signed_headers(
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=b'{"test": 2432232314}',
        signed_by=[Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")],
    )

    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_call_says_what_the_api_says_and_is_signed(alice, hooked, receiver):
    row = tell(alice.user, message="Größe", metadata={"a": [1, None]}, action_url="/items/7")

    with time_machine.travel(NOON, tick=False):
        Delivery.objects.update(due_at=NOON)
        assert drain() == 1

    ((headers, body),) = receiver.calls
    event = json.loads(body)
    assert event["type"] == "notification.sent"
    assert event["data"] == alice.get(f"/api/notify/{row.pk}").json()
    assert event["timestamp"] == event["data"]["created_at"]
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == f"msg_{the_delivery().message_id.hex}"
    assert headers["webhook-timestamp"] == str(int(NOON.timestamp()))
    assert verified(hooked.secret.reveal(), headers, body)
    assert not verified(hooked.secret.reveal(), headers, body + b" ")
    done = the_delivery()
    assert (done.status, done.attempts, done.response_status) == ("delivered", 1, 200)


def test_a_test_has_a_type_of_its_own(alice, hooked, receiver):
    alice.post(f"/api/notify/webhooks/{hooked.pk}/test")

    drain()

    assert json.loads(receiver.calls[0][1])["type"] == "webhook.test"


def test_for_a_day_both_secrets_sign(alice, hooked, receiver):
    mine = Endpoint.objects.all()
    with time_machine.travel(NOON, tick=False) as clock:
        new = endpoints.rotate_secret(endpoints=mine, endpoint_id=hooked.pk).secret.reveal()
        for hours in (0, 23, 2):
            clock.shift(timedelta(hours=hours))
            tell(alice.user)
            drain()

    old = hooked.secret.reveal()
    signatures = [headers["webhook-signature"].count("v1,") for headers, _ in receiver.calls]
    assert signatures == [2, 2, 1]
    assert [verified(old, *call) for call in receiver.calls] == [True, True, False]
    assert all(verified(new, *call) for call in receiver.calls)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_is_success(alice, hooked, receiver, status):
    receiver.status = status
    tell(alice.user)

    drain()

    assert (the_delivery().status, the_delivery().response_status) == ("delivered", status)


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 429, 500, 503])
def test_anything_else_is_tried_again(alice, hooked, receiver, status):
    receiver.status, receiver.headers = status, {"Location": receiver.url + "/elsewhere"}
    tell(alice.user)

    drain()

    delivery = the_delivery()
    assert (delivery.status, delivery.attempts, delivery.response_status) == ("pending", 1, status)
    assert delivery.error == f"The endpoint answered {status}."
    assert len(receiver.calls) == 1


def test_tries_go_on_for_a_day_with_the_same_id_and_then_end(alice, hooked, receiver):
    receiver.status = 500
    with time_machine.travel(NOON, tick=False) as clock:
        tell(alice.user)
        moments = []
        while the_delivery().status == "pending":
            moments.append((datetime.now(UTC) - NOON).total_seconds())
            assert drain() == 1
            clock.move_to(the_delivery().due_at)

    delays = [later - sooner for sooner, later in pairwise(moments)]
    planned = [delay.total_seconds() for delay in deliveries.RETRIES["webhook"]]
    assert all(
        plan <= delay <= plan * 1.1 + 1 for plan, delay in zip(planned, delays, strict=True)
    )
    assert 24 * 3600 <= sum(planned) <= 26 * 3600
    assert len({headers["webhook-id"] for headers, _ in receiver.calls}) == 1
    assert len({headers["webhook-timestamp"] for headers, _ in receiver.calls}) == 8
    assert (the_delivery().status, the_delivery().attempts) == ("failed", 8)


def test_delays_differ_so_that_not_all_come_back_at_once():
    delivery = Delivery(channel="webhook", attempts=7, created_at=datetime.now(UTC))

    delays = {deliveries._delay_before_next(delivery) for _ in range(20)}

    assert len(delays) == 20


@pytest.mark.parametrize(
    ("wish", "seconds"),
    [("120", 120), ("999999999999", 5), ("86400", 3600), ("soon", 5), ("-1", 5), ("0", 5)],
)
def test_a_wish_to_wait_is_honoured_within_an_hour(alice, hooked, receiver, wish, seconds):
    receiver.status, receiver.headers = 503, {"Retry-After": wish}
    with time_machine.travel(NOON, tick=False):
        tell(alice.user)
        drain()

    waited = (the_delivery().due_at - NOON).total_seconds()
    assert seconds <= waited <= seconds * 1.1


def test_410_disables_the_endpoint_and_ends_what_is_owed(alice, hooked, receiver):
    receiver.status = 410
    tell(alice.user, title="first")
    tell(alice.user, title="second")

    drain()
    tell(alice.user, title="third")

    assert len(receiver.calls) == 1
    assert not Endpoint.objects.get().is_enabled
    rows = Delivery.objects.order_by("pk").values_list("status", "response_status", "error")
    assert list(rows) == [
        ("failed", 410, calls.GONE_SENTENCE),
        ("failed", None, calls.DISABLED),
    ]


def test_an_endpoint_that_fails_is_left_alone_with_all_that_waits(alice, hooked, receiver):
    receiver.status = 500
    with time_machine.travel(NOON, tick=False) as clock:
        for _ in range(5):
            tell(alice.user)
        assert drain() == 1
        tell(alice.user)
        assert drain() == 0
        assert {row.due_at > NOON for row in Delivery.objects.all()} == {True}
        receiver.status = 200
        clock.shift(timedelta(seconds=6))
        assert drain() == 6

    assert len(receiver.calls) == 7
    assert Endpoint.objects.get().paused_until is None


def test_what_waits_for_three_days_is_given_up(alice, hooked, receiver):
    receiver.status = 500
    with time_machine.travel(NOON, tick=False) as clock:
        tell(alice.user)
        clock.shift(deliveries.WAITING_MAX + timedelta(hours=1))
        drain()

    assert (the_delivery().status, the_delivery().attempts) == ("failed", 1)


def test_a_bad_endpoint_delays_no_other(alice, bob, hooked, nobody_there, settings, receiver):
    settings.OUTBOUND_ALLOWED_NETWORKS = ["127.0.0.1"]
    make_endpoint(bob.user, nobody_there)
    tell(bob.user)
    tell(alice.user)

    drain()

    statuses = dict(Delivery.objects.values_list("owner_id", "status"))
    assert statuses == {bob.user.pk: "pending", alice.user.pk: "delivered"}


def test_nobody_there_is_tried_again(alice, nobody_there):
    make_endpoint(alice.user, nobody_there)
    tell(alice.user)

    drain()

    delivery = the_delivery()
    assert (delivery.status, delivery.response_status) == ("pending", None)
    assert delivery.error == "The other service does not answer as it should."


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "http://localhost:9/", "https://[::1]/"])
def test_our_own_network_is_never_called(alice, url):
    make_endpoint(alice.user, url)
    tell(alice.user)

    drain()

    delivery = the_delivery()
    assert (delivery.status, delivery.attempts) == ("failed", 1)
    assert "public host" in delivery.error


def test_an_answer_without_end_is_a_failure(alice, hooked, receiver):
    receiver.body = b"x" * (calls.ANSWER_BYTES_MAX + 1)
    tell(alice.user)

    drain()

    assert the_delivery().status == "pending"


def test_a_body_stays_below_twenty_kilobytes(alice, hooked, receiver):
    title, message = "\U0001f600" * 200, "\x01" * 5000
    url = "https://e.x/" + "\u00fc" * 1988
    tell(alice.user, title=title, message=message, metadata={"a": "x" * 16_000}, action_url=url)

    drain()

    body = receiver.calls[0][1]
    data = json.loads(body)["data"]
    assert len(body) < 20_000
    assert (data["is_cut"], data["metadata"]) == (True, {})
    assert (data["title"], data["message"], data["action_url"]) == (title, message[:1000], url)


def test_what_fits_is_sent_whole(alice, hooked, receiver):
    tell(alice.user, message="m" * 5000, metadata={"a": "x" * 10_000})

    drain()

    data = json.loads(receiver.calls[0][1])["data"]
    assert (len(data["message"]), len(data["metadata"]["a"])) == (5000, 10_000)
    assert "is_cut" not in data


def test_a_disabled_endpoint_is_not_called(alice, hooked, receiver):
    tell(alice.user)
    Endpoint.objects.update(is_enabled=False)

    drain()

    assert receiver.calls == []
    assert (the_delivery().status, the_delivery().error) == ("failed", calls.DISABLED)


def test_a_secret_that_no_key_opens_fails_with_a_word_what_to_do(
    alice, hooked, receiver, settings
):
    tell(alice.user)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another key, at least this long", []

    drain()

    assert receiver.calls == []
    assert (the_delivery().status, the_delivery().error) == ("failed", calls.UNREADABLE)


def test_a_worker_that_dies_in_between_does_not_lose_the_call(alice, hooked, receiver):
    with time_machine.travel(NOON, tick=False) as clock:
        tell(alice.user)
        deliveries.claim_call()
        assert drain() == 0
        clock.shift(deliveries.LEASE)
        assert drain() == 1

    assert len(receiver.calls) == 1
    assert (the_delivery().status, the_delivery().attempts) == ("delivered", 2)


def test_every_endpoint_of_a_user_is_called(receiver):
    owner = make_user()
    for number in range(3):
        make_endpoint(owner, f"{receiver.url}/{number}")

    tell(owner)
    assert drain() == 3

    assert len({headers["webhook-id"] for headers, _ in receiver.calls}) == 3
