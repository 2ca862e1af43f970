from stripe import params as sdk

from billing.tests.fake_stripe import lists, shapes
from billing.tests.fake_stripe.errors import declined, no_such
from billing.tests.fake_stripe.forms import Json
from billing.tests.fake_stripe.lists import PAGING
from billing.tests.fake_stripe.routing import route
from billing.tests.fake_stripe.world import World

# https://docs.stripe.com/testing: names that stand for a card wherever one is asked for.
TEST_CARDS = {
    "pm_card_visa": "4242424242424242",
    "pm_card_chargeDeclined": "4000000000000002",
    "pm_card_chargeCustomerFail": "4000000000000341",
}
DECLINED = "4000000000000002"
FAILS_LATER = "4000000000000341"
FOREVER = 1_000_000


@route("GET", "/v1/payment_methods", sdk.PaymentMethodListParams, f"{PAGING} customer type")
def listed(world: World, params: Json) -> Json:
    found = lists.matching(world.all("payment_method"), params, "customer type")
    return lists.page(found, params, "/v1/payment_methods")


@route("GET", "/v1/payment_methods/{payment_method}", sdk.PaymentMethodRetrieveParams)
def retrieve(world: World, params: Json, payment_method: str) -> Json:
    return usable(world, payment_method)


@route(
    "POST",
    "/v1/payment_methods/{payment_method}/attach",
    sdk.PaymentMethodAttachParams,
    "customer",
)
def attach_to(world: World, params: Json, payment_method: str) -> Json:
    owner = world.find("customer", params["customer"], param="customer")
    return attach(world, usable(world, payment_method), owner)


def usable(world: World, payment_method_id: str, param: str | None = None) -> Json:
    """A stored card, or a new one where a test name is given."""
    number = TEST_CARDS.get(payment_method_id)
    if number is None:
        return world.find("payment_method", payment_method_id, param=param)
    made = shapes.card(world.new_id("pm_"), world.now(), number, None)
    return world.add({**made, "_number": number, "_alias": payment_method_id})


def attach(world: World, card: Json, owner: Json) -> Json:
    """Give a card to a customer; raises `Refused` (402) for the card that is always declined."""
    number = card.get("_number", "")
    if owner.get("deleted"):
        raise no_such("customer", owner["id"], param="customer")
    if number == DECLINED:
        raise declined()
    world.declines[owner["id"]] = FOREVER if number == FAILS_LATER else 0
    card["customer"] = owner["id"]
    owner.setdefault("_aliases", {})[card.get("_alias", card["id"])] = card["id"]
    world.emit("payment_method.attached", card)
    return card


def new_card(world: World, owner: Json, number: str) -> Json:
    """A card typed in at a hosted page, from then on the one that is charged."""
    if not (number.isdecimal() and 12 <= len(number) <= 19):
        raise declined("Your card number is invalid.", code="invalid_number")
    card = shapes.card(world.new_id("pm_"), world.now_for(owner), number, None)
    attach(world, world.add({**card, "_number": number}), owner)
    settings = {**owner["invoice_settings"], "default_payment_method": card["id"]}
    world.change(owner, "customer.updated", invoice_settings=settings)
    return card
