"""The stand-in says nothing, and takes nothing, that the SDK's generated types do not know."""

import json

import pytest
from stripe import RequestOptions

from billing.tests.fake_stripe.conformance import CLASSES, faults_of
from billing.tests.fake_stripe.routing import ROUTES


def lived(stripe, sdk):
    """An account in which everything happened that the stand-in can do."""
    customer = sdk.v1.customers.create(
        {"email": "ada@example.com", "name": "Ada", "metadata": {"user": "1"}}
    )
    session = sdk.v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "customer": customer.id,
            "line_items": [{"price": stripe.monthly_price, "quantity": 1}],
            "success_url": "https://app.example.com/done",
        }
    )
    stripe.pay(session.id)
    stripe.subscribe(customer.id, price=stripe.yearly_price, trial_days=7)
    sdk.v1.billing_portal.sessions.create({"customer": customer.id})
    sdk.v1.test_helpers.test_clocks.create({"frozen_time": 1_800_000_000})
    stripe.decline_next_payment(customer.id, times=3)
    stripe.advance(days=40)
    stripe.decline_next_payment(customer.id, times=99)
    stripe.advance(days=60)
    return customer.id


def test_every_object_is_as_the_sdk_describes_it(stripe, sdk):
    lived(stripe, sdk)
    session = sdk.v1.checkout.sessions.list({"expand": ["data.line_items"]}).data[0]
    account = sdk.v1.accounts.retrieve_current()

    found = [stripe.get(object_id) for object_id in stripe.world.objects]
    found += [*stripe.events, *(event["data"]["object"] for event in stripe.events)]
    found += [json.loads(str(session)), json.loads(str(account))]

    inside_others = {"item", "plan", "subscription_item"}
    assert {each["object"] for each in found} == CLASSES.keys() - inside_others
    assert [fault for each in found for fault in faults_of(each)] == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"paid": True}, "invoice: paid is not a key of Invoice"),
        ({"total": "4999"}, "invoice.total: '4999' is no <class 'int'>"),
        ({"status": "payed"}, "invoice.status: 'payed' is none of"),
        ({"issuer": {}}, "invoice.issuer: type is missing"),
    ],
)
def test_the_comparison_finds_what_is_wrong(stripe, sdk, change, fault):
    customer = lived(stripe, sdk)
    invoice = stripe.get(sdk.v1.invoices.list({"customer": customer}).data[0].id)

    (found,) = faults_of({**invoice, **change})

    assert found.startswith(fault)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_parameter_taken_is_one_of_the_sdk(route):
    known = set(route.params_type.__annotations__) - set(RequestOptions.__annotations__)

    assert route.honoured - {"expand"} <= known
