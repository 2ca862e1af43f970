"""How the stand-in answers: keys, versions, parameters, pages, repetition, trouble."""

import threading
import time

import pytest
import stripe as sdk_module
from stripe import (
    APIConnectionError,
    APIError,
    AuthenticationError,
    IdempotencyError,
    InvalidRequestError,
    RateLimitError,
)

from alice.common.tests.kit import wait_until

KEY = {"idempotency_key": "one"}


def customers(stripe):
    return [each for each in stripe.world.objects.values() if each["object"] == "customer"]


def test_a_wrong_key_is_refused(stripe, sdk):
    stripe.rotate_key("sk_test_another000000000000000000")

    with pytest.raises(AuthenticationError):
        sdk.v1.customers.create({"name": "Ada"})

    assert customers(stripe) == []


def test_another_version_of_the_api_is_refused(stripe, sdk):
    with pytest.raises(InvalidRequestError, match="Invalid Stripe API version"):
        sdk.v1.customers.create({"name": "Ada"}, {"stripe_version": "2017-08-15"})

    assert customers(stripe) == []


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"nickname": "Ada"}, "nickname"),
        ({"address": {"planet": "Mars"}}, "address[planet]"),
        ({"tax_exempt": "exempt"}, "tax_exempt"),
    ],
)
def test_a_parameter_that_is_unknown_or_not_honoured_is_refused(stripe, sdk, params, param):
    with pytest.raises(InvalidRequestError) as refused:
        sdk.v1.customers.create(params)

    assert (refused.value.code, refused.value.param) == ("parameter_unknown", param)
    assert customers(stripe) == []


def test_numbers_and_booleans_are_read_by_their_types(stripe, sdk):
    with pytest.raises(InvalidRequestError, match="Invalid integer: many"):
        sdk.v1.customers.list({"limit": "many"})
    with pytest.raises(InvalidRequestError, match="Invalid boolean: perhaps"):
        sdk.v1.prices.list({"active": "perhaps"})


@pytest.mark.parametrize(
    ("call", "status"),
    [
        (lambda sdk: sdk.customers.retrieve("cus_none"), 404),
        (lambda sdk: sdk.billing_portal.sessions.create({"customer": "cus_none"}), 400),
        (lambda sdk: sdk.customers.retrieve("price_StandInProMonthly"), 404),
    ],
    ids=["path", "parameter", "another kind"],
)
def test_what_does_not_exist_is_named(sdk, call, status):
    with pytest.raises(InvalidRequestError, match="No such customer: '") as refused:
        call(sdk.v1)

    assert (refused.value.code, refused.value.http_status) == ("resource_missing", status)


def test_a_path_that_is_not_known_is_noted(stripe, sdk):
    with pytest.raises(InvalidRequestError, match="Unrecognized request URL"):
        sdk.v1.coupons.list()

    assert [call.path for call in stripe.api.unserved] == ["/v1/coupons"]
    stripe.api.unserved.clear()


def test_lists_come_in_pages_newest_first(sdk):
    made = [sdk.v1.customers.create({"name": str(n)}).id for n in range(5)]

    first = sdk.v1.customers.list({"limit": 2})
    second = sdk.v1.customers.list({"limit": 2, "starting_after": first.data[-1].id})
    back = sdk.v1.customers.list({"limit": 2, "ending_before": made[0]})

    assert [c.id for c in first.data] == [made[4], made[3]]
    assert (
        [c.id for c in second.data]
        == [c.id for c in back.data][::-1][::-1]
        == [
            made[2],
            made[1],
        ]
    )
    assert (first.has_more, second.has_more) == (True, True)
    assert [c.id for c in sdk.v1.customers.list({"limit": 2}).auto_paging_iter()] == made[::-1]


@pytest.mark.parametrize("limit", [0, 101])
def test_a_page_has_one_to_a_hundred(sdk, limit):
    with pytest.raises(InvalidRequestError) as refused:
        sdk.v1.customers.list({"limit": limit})

    assert refused.value.param == "limit"


def test_expanding_puts_objects_in_the_place_of_ids(stripe, sdk):
    price = sdk.v1.prices.retrieve(stripe.monthly_price, {"expand": ["product"]})

    assert price.product.name == "Alice Pro"
    with pytest.raises(InvalidRequestError, match="cannot be expanded"):
        sdk.v1.prices.retrieve(stripe.monthly_price, {"expand": ["nothing"]})


def test_the_same_key_does_the_work_once(stripe, sdk):
    first, second = (sdk.v1.customers.create({"name": "Ada"}, KEY) for _ in range(2))

    assert first.id == second.id
    assert len(customers(stripe)) == 1
    assert second.last_response.headers["Idempotent-Replayed"] == "true"


def test_the_same_key_with_other_parameters_is_refused(stripe, sdk):
    sdk.v1.customers.create({"name": "Ada"}, KEY)

    with pytest.raises(IdempotencyError):
        sdk.v1.customers.create({"name": "Bob"}, KEY)

    assert len(customers(stripe)) == 1


def test_a_500_is_replayed_for_its_key_and_not_for_another(stripe, sdk):
    stripe.fail("/v1/customers")

    for _ in range(2):
        with pytest.raises(APIError, match="An injected fault"):
            sdk.v1.customers.create({"name": "Ada"}, KEY)

    assert customers(stripe) == []
    assert sdk.v1.customers.create({"name": "Ada"}, {"idempotency_key": "two"}).name == "Ada"


def test_a_429_is_not_replayed(stripe, sdk):
    stripe.fail("/v1/customers", status=429, code="rate_limit")

    with pytest.raises(RateLimitError):
        sdk.v1.customers.create({"name": "Ada"}, KEY)

    assert sdk.v1.customers.create({"name": "Ada"}, KEY).name == "Ada"


def test_a_refused_parameter_is_not_kept_for_its_key(sdk):
    with pytest.raises(InvalidRequestError):
        sdk.v1.customers.create({"nickname": "Ada"}, KEY)

    assert sdk.v1.customers.create({"name": "Ada"}, KEY).name == "Ada"


def test_trouble_befalls_its_path_and_method_so_often_only(stripe, sdk):
    stripe.fail("/v1/prices", times=2, method="GET")

    for _ in range(2):
        with pytest.raises(APIError):
            sdk.v1.prices.list()

    assert len(sdk.v1.prices.list().data) == 2
    assert [call.method for call in stripe.calls("GET", "/v1/prices")] == ["GET"] * 3


def test_a_dropped_call_does_nothing_and_a_late_drop_loses_only_the_answer(stripe, sdk):
    stripe.drop("/v1/customers")
    with pytest.raises(APIConnectionError):
        sdk.v1.customers.create({"name": "Ada"}, KEY)
    assert customers(stripe) == []

    stripe.drop("/v1/customers", late=True)
    with pytest.raises(APIConnectionError):
        sdk.v1.customers.create({"name": "Ada"}, KEY)

    assert sdk.v1.customers.create({"name": "Ada"}, KEY).id == customers(stripe)[0]["id"]
    assert len(customers(stripe)) == 1


def test_a_call_held_late_brings_an_old_answer(stripe, sdk):
    ada = sdk.v1.customers.create({"name": "Ada"})
    names = []
    with stripe.hold(f"/v1/customers/{ada.id}", late=True, method="GET") as gate:
        reader = threading.Thread(
            target=lambda: names.append(sdk.v1.customers.retrieve(ada.id).name)
        )
        reader.start()
        gate.reached()
        sdk.v1.customers.update(ada.id, {"name": "Countess"})
    reader.join()

    assert names == ["Ada"]
    assert sdk.v1.customers.retrieve(ada.id).name == "Countess"


def test_the_twin_of_a_call_in_flight_is_a_conflict(stripe, sdk):
    with stripe.hold("/v1/customers") as gate:
        first = threading.Thread(target=lambda: sdk.v1.customers.create({"name": "Ada"}, KEY))
        first.start()
        gate.reached()
        with pytest.raises(APIError, match="another in-progress request") as refused:
            sdk.v1.customers.create({"name": "Ada"}, KEY)
    first.join()

    assert refused.value.http_status == 409
    assert len(customers(stripe)) == 1


def test_a_delayed_call_goes_on_when_the_stand_in_is_reset(stripe, sdk):
    stripe.delay("/v1/prices", seconds=60)
    answers = []
    slow = threading.Thread(target=lambda: answers.append(sdk.v1.prices.list()))
    slow.start()
    wait_until(lambda: stripe.calls("GET", "/v1/prices"))

    stripe.reset()

    slow.join(10)
    assert len(answers) == 1


def test_what_is_signed_is_what_the_client_verifies(stripe, sdk):
    sdk.v1.customers.create({"name": "Ada"})
    body, headers = stripe.signed(stripe.events[0])

    event = sdk_module.Webhook.construct_event(
        body, headers["Stripe-Signature"], stripe.webhook_secret
    )

    assert event.type == "customer.created"
    old = stripe.signed(stripe.events[0], timestamp=int(time.time()) - 301)
    with pytest.raises(sdk_module.SignatureVerificationError, match="tolerance"):
        sdk_module.Webhook.construct_event(
            old[0], old[1]["Stripe-Signature"], stripe.webhook_secret
        )
