"""POST /api/billing/checkout: one customer, one open session, one subscription."""

import pytest
from djstripe.models import Customer

from billing.tests.kit import CHECKOUT, SUBSCRIPTION, URLS, bought, customer_id_of, subscribed

pytestmark = pytest.mark.django_db
SESSIONS, CUSTOMERS = "/v1/checkout/sessions", "/v1/customers"


def sessions_made(stripe):
    made = [call for call in stripe.calls("POST", SESSIONS) if call.path == SESSIONS]
    return [call.params for call in made]


def open_sessions(stripe):
    found = [stripe.get(key) for key in list(stripe.world.objects) if key.startswith("cs_")]
    return [session["id"] for session in found if session["status"] == "open"]


def test_a_checkout_leads_to_a_page_of_stripe(alice, stripe):
    answer = alice.post(CHECKOUT, URLS)

    (asked,) = sessions_made(stripe)
    assert answer.status_code == 200
    assert answer.json()["session_id"].startswith("cs_test_")
    assert answer.json()["url"].startswith(stripe.url)
    assert (asked["mode"], asked["customer"]) == ("subscription", customer_id_of(alice))
    assert asked["line_items"] == [{"price": stripe.monthly_price, "quantity": "1"}]
    assert (asked["success_url"], asked["cancel_url"]) == tuple(URLS.values())


@pytest.mark.parametrize(
    ("choice", "price"),
    [({"plan": "pro_yearly"}, "yearly_price"), ({"plan": "pro_monthly"}, "monthly_price")],
)
def test_a_plan_can_be_chosen(alice, stripe, choice, price):
    assert alice.post(CHECKOUT, URLS | choice).status_code == 200

    (asked,) = sessions_made(stripe)
    assert asked["line_items"][0]["price"] == getattr(stripe, price)


def test_a_price_can_be_chosen(alice, stripe):
    assert alice.post(CHECKOUT, URLS | {"price_id": stripe.yearly_price}).status_code == 200

    assert sessions_made(stripe)[0]["line_items"][0]["price"] == stripe.yearly_price


@pytest.mark.parametrize("choice", [{"plan": "gold"}, {"price_id": "price_of_another"}])
def test_what_is_not_for_sale_is_refused(alice, stripe, choice):
    answer = alice.post(CHECKOUT, URLS | choice)

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == list(choice)
    assert sessions_made(stripe) == []


@pytest.mark.parametrize(
    "url",
    [
        *("", " ", "/success", "//evil.example/", "app.example", "https:///path", "https://"),
        *("javascript:alert(1)", "data:text/html,x", "ftp://app.example/", "http://app.example/"),
        *("https://app.example@evil.example/", "https://evil.example\\@app.example/"),
        *("https://app.example/\r\nX: y", "https://app.example/a b", "https://äpp.example/"),
        *("https://app.example:99999/", "https://app.example:x/", "https://[::1", "https://a'<b"),
        *("http://localhost.evil.example/", "http://127.0.0.1:1/", "https://app.example/" * 200),
        *(5, None, ["https://app.example/"], {"url": "https://app.example/"}),
    ],
)
def test_a_url_that_is_none_is_refused(alice, stripe, url):
    answers = [alice.post(CHECKOUT, URLS | {field: url}) for field in URLS]

    assert [answer.status_code for answer in answers] == [400, 400]
    assert [list(answer.json()["errors"]) for answer in answers] == [[field] for field in URLS]
    assert stripe.requests == []


def test_a_missing_url_is_refused(alice, stripe):
    answers = [alice.post(CHECKOUT, {field: URLS[field]}) for field in URLS]

    assert [answer.status_code for answer in answers] == [400, 400]
    assert stripe.requests == []


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("https://shop.example/yes?session={CHECKOUT_SESSION_ID}", 200),
        ("https://SHOP.example:443/yes", 200),
        ("https://alice.example/yes", 200),
        ("https://shop.example.evil.example/yes", 400),
        ("https://shop.example:444/yes", 400),
        ("http://shop.example/yes", 400),
        ("https://app.example/yes", 400),
        ("http://localhost:8000/yes", 400),
    ],
)
def test_where_origins_are_named_no_others_are_good(alice, stripe, settings, url, status):
    settings.PUBLIC_URL, settings.IS_PRODUCTION = "https://alice.example", True
    settings.CHECKOUT_ORIGINS = ["https://shop.example"]
    good = dict.fromkeys(URLS, "https://alice.example/")

    assert alice.post(CHECKOUT, good | {"success_url": url}).status_code == status


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_in_development_this_server_is_good_by_all_its_names(alice, stripe, settings, host):
    settings.PUBLIC_URL = "http://127.0.0.1:8000"

    own = dict.fromkeys(URLS, f"http://{host}:8000/billing")

    assert alice.post(CHECKOUT, own).status_code == 200


def test_a_second_checkout_closes_the_first_and_keeps_the_customer(alice, stripe):
    first = alice.post(CHECKOUT, URLS).json()["session_id"]
    second = alice.post(CHECKOUT, URLS).json()["session_id"]

    assert open_sessions(stripe) == [second]
    assert stripe.get(first)["status"] == "expired"
    assert Customer.objects.count() == 1
    assert len(stripe.calls("POST", CUSTOMERS)) == 1


def test_a_session_paid_while_it_is_being_closed_is_not_followed_by_another(alice, stripe):
    alice.post(CHECKOUT, URLS)
    stripe.fail(SESSIONS, status=400, times=1, method="POST")

    answer = alice.post(CHECKOUT, URLS)

    assert (answer.status_code, answer.json()["code"]) == (409, "checkout_completing")
    assert len(open_sessions(stripe)) == 1


def test_who_has_a_subscription_cannot_buy_another(alice, stripe, deliver):
    subscribed(alice, stripe, deliver)
    before = len(sessions_made(stripe))

    answer = alice.post(CHECKOUT, URLS)

    assert (answer.status_code, answer.json()["code"]) == (409, "already_subscribed")
    assert len(sessions_made(stripe)) == before


def test_what_is_paid_but_not_yet_told_cannot_be_bought_again(alice, stripe):
    bought(alice, stripe)

    answer = alice.post(CHECKOUT, URLS)

    assert alice.get(SUBSCRIPTION).status_code == 404
    assert (answer.status_code, answer.json()["code"]) == (409, "already_subscribed")
    assert open_sessions(stripe) == []


def test_who_had_a_subscription_can_buy_another(alice, stripe, deliver):
    deliver(alice, *stripe.cancel_subscription(subscribed(alice, stripe, deliver)))

    assert alice.post(CHECKOUT, URLS).status_code == 200


def test_a_failure_that_stripe_remembers_does_not_stand_in_the_way(alice, stripe):
    stripe.fail(CUSTOMERS, status=500, times=1, method="POST")

    assert alice.post(CHECKOUT, URLS).status_code in {200, 503}
    assert alice.post(CHECKOUT, URLS).status_code == 200
    assert Customer.objects.count() == 1


def test_a_new_address_does_not_stand_in_the_way(alice, stripe):
    stripe.fail(SESSIONS, status=400, times=1)
    assert alice.post(CHECKOUT, URLS).status_code == 400
    alice.user.email = "new@example.com"
    alice.user.save()

    assert alice.post(CHECKOUT, URLS).status_code == 200


def test_a_customer_whose_answer_got_lost_is_found_again(alice, stripe):
    stripe.drop(CUSTOMERS, times=2, late=True, method="POST")
    assert alice.post(CHECKOUT, URLS).status_code == 503

    assert alice.post(CHECKOUT, URLS).status_code == 200
    assert len([key for key in stripe.world.objects if key.startswith("cus_")]) == 1


def test_a_session_whose_answer_got_lost_is_found_again(alice, stripe):
    key = {"Idempotency-Key": "one purchase"}
    stripe.drop(SESSIONS, times=2, late=True, method="POST")
    assert alice.post(CHECKOUT, URLS, headers=key).status_code == 503
    (left_open,) = open_sessions(stripe)

    answer = alice.post(CHECKOUT, URLS, headers=key)

    assert answer.json()["session_id"] == left_open
    assert open_sessions(stripe) == [left_open]


def test_a_lost_session_that_was_closed_since_is_not_handed_out(alice, stripe):
    key = {"Idempotency-Key": "one purchase"}
    stripe.drop(SESSIONS, times=2, late=True, method="POST")
    assert alice.post(CHECKOUT, URLS, headers=key).status_code == 503
    alice.post(CHECKOUT, URLS)

    answer = alice.post(CHECKOUT, URLS, headers=key)

    assert open_sessions(stripe) == [answer.json()["session_id"]]


def test_the_same_request_again_is_the_same_answer(alice, stripe):
    key = {"Idempotency-Key": "one purchase"}
    first = alice.post(CHECKOUT, URLS, headers=key)
    again = alice.post(CHECKOUT, URLS, headers=key)

    assert again.json() == first.json()
    assert again["Idempotent-Replayed"] == "true"
    assert len(sessions_made(stripe)) == 1
