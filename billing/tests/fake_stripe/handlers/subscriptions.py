from stripe import params as sdk

from billing.tests.fake_stripe import life, lists
from billing.tests.fake_stripe.errors import Refused, missing, no_such
from billing.tests.fake_stripe.forms import Json
from billing.tests.fake_stripe.handlers.customers import alias_of, existing, merged
from billing.tests.fake_stripe.lists import PAGING
from billing.tests.fake_stripe.routing import route
from billing.tests.fake_stripe.shapes import plan
from billing.tests.fake_stripe.world import World

SUBSCRIPTION = "/v1/subscriptions/{subscription}"


@route(
    "POST",
    "/v1/subscriptions",
    sdk.SubscriptionCreateParams,
    "customer default_payment_method items metadata trial_period_days",
)
def create(world: World, params: Json) -> Json:
    for name in ("customer", "items"):
        if name not in params:
            raise missing(name)
    owner = existing(world, params["customer"], param="customer")
    method = params.get("default_payment_method")
    if method is not None:
        method = world.find("payment_method", alias_of(owner, method))["id"]
    if not (method or owner["invoice_settings"]["default_payment_method"]):
        raise Refused("This customer has no attached payment source or default payment method.")
    price = world.find("price", params["items"][0].get("price", ""), param="items[0][price]")
    return life.begin(
        world,
        owner,
        price,
        payment_method=method,
        quantity=params["items"][0].get("quantity", 1),
        metadata=params.get("metadata", {}),
        trial_days=params.get("trial_period_days", 0),
    )


@route(
    "GET",
    "/v1/subscriptions",
    sdk.SubscriptionListParams,
    f"{PAGING} created customer price status test_clock",
)
def listed(world: World, params: Json) -> Json:
    """Without a status, all but the canceled ones."""
    status = params.get("status", "")
    found = lists.matching(world.all("subscription"), params, "customer test_clock")
    found = lists.created_within(found, params.get("created"))
    if status != "all":
        found = [each for each in found if is_listed(each["status"], status)]
    if "price" in params:
        found = [each for each in found if life.item_of(each)["price"]["id"] == params["price"]]
    return lists.page(found, params, "/v1/subscriptions")


def is_listed(status: str, wanted: str) -> bool:
    if wanted == "ended":
        return status in {"canceled", "incomplete_expired"}
    return status == wanted if wanted else status != "canceled"


@route("GET", SUBSCRIPTION, sdk.SubscriptionRetrieveParams)
def retrieve(world: World, params: Json, subscription: str) -> Json:
    return world.find("subscription", subscription)


@route(
    "POST",
    SUBSCRIPTION,
    sdk.SubscriptionUpdateParams,
    "cancel_at cancel_at_period_end cancellation_details default_payment_method items metadata"
    " proration_behavior",
)
def update(world: World, params: Json, subscription: str) -> Json:
    found = world.find("subscription", subscription)
    fields: Json = {"metadata": merged(found["metadata"], params.get("metadata", {}))}
    changes_more = params.keys() - {"metadata", "cancellation_details"}
    if found["status"] == "canceled" and changes_more:
        raise Refused("A canceled subscription can only update its cancellation_details.")
    if {"cancel_at", "cancel_at_period_end"} <= params.keys():
        raise Refused("Only one of `cancel_at` and `cancel_at_period_end` may be passed.")
    if "cancel_at" in params:
        fields |= ending_at(world, found, params["cancel_at"] or None)
    if "cancel_at_period_end" in params:
        fields |= ending(world, found, is_ending=params["cancel_at_period_end"])
    if "cancellation_details" in params:
        details = fields.get("cancellation_details") or found["cancellation_details"]
        fields["cancellation_details"] = {**details, **params["cancellation_details"]}
    if "default_payment_method" in params:
        fields["default_payment_method"] = params["default_payment_method"] or None
    if "items" in params:
        fields["items"] = with_price(world, found, params["items"][0])
    world.change(found, "customer.subscription.updated", **fields)
    return found


def ending(world: World, subscription: Json, *, is_ending: bool) -> Json:
    """The fields that say whether a subscription ends with its period."""
    if is_ending == subscription["cancel_at_period_end"]:
        return {}
    moment = life.item_of(subscription)["current_period_end"] if is_ending else None
    return {**ending_at(world, subscription, moment), "cancel_at_period_end": is_ending}


def ending_at(world: World, subscription: Json, moment: int | None) -> Json:
    """The fields that say when a subscription ends, if it does."""
    reason = "cancellation_requested" if moment else None
    return {
        "cancel_at": moment,
        "cancel_at_period_end": False,
        "canceled_at": world.now_for(subscription) if moment else None,
        "cancellation_details": {**subscription["cancellation_details"], "reason": reason},
    }


def with_price(world: World, subscription: Json, given: Json) -> Json:
    """The items after a switch of price or quantity; the period stays, nothing is prorated."""
    item = dict(life.item_of(subscription))
    if given.get("id", item["id"]) != item["id"]:
        raise no_such("subscription_item", given["id"], param="items[0][id]")
    if "price" in given:
        price = world.find("price", given["price"], param="items[0][price]")
        item |= {"price": price, "plan": plan(price)}
    item["quantity"] = given.get("quantity", item["quantity"])
    return {**subscription["items"], "data": [item]}


@route("DELETE", SUBSCRIPTION, sdk.SubscriptionCancelParams, "cancellation_details")
def cancel(world: World, params: Json, subscription: str) -> Json:
    found = world.find("subscription", subscription)
    if found["status"] == "canceled":
        raise no_such("subscription", subscription)
    found["cancellation_details"] |= params.get("cancellation_details", {})
    life.end(world, found, "cancellation_requested")
    return found
