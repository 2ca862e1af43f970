from stripe.params import checkout as sdk

from billing.tests.fake_stripe import lists
from billing.tests.fake_stripe import purchase_shapes as shapes
from billing.tests.fake_stripe.errors import Refused, missing
from billing.tests.fake_stripe.forms import Json
from billing.tests.fake_stripe.handlers.customers import existing
from billing.tests.fake_stripe.lists import PAGING
from billing.tests.fake_stripe.routing import route
from billing.tests.fake_stripe.world import World

SESSION = "/v1/checkout/sessions/{session}"
AS_GIVEN = {
    "allow_promotion_codes",
    "billing_address_collection",
    "cancel_url",
    "client_reference_id",
    "customer_email",
    "expires_at",
    "locale",
    "metadata",
    "success_url",
}


@route(
    "POST",
    "/v1/checkout/sessions",
    sdk.SessionCreateParams,
    f"{' '.join(sorted(AS_GIVEN))} customer line_items mode payment_method_types"
    " subscription_data",
)
def create(world: World, params: Json) -> Json:
    check(params)
    lines = [line_of(world, given, n) for n, given in enumerate(params["line_items"])]
    owner = existing(world, params["customer"], param="customer") if "customer" in params else None
    now = world.now_for(owner or {})
    if params.get("expires_at", now + 1800) < now + 1800:
        raise Refused("The `expires_at` must be at least 30 minutes away.", param="expires_at")
    session_id = world.new_id("cs_test_", 58)
    total = sum(line["amount_total"] for line in lines)
    session = shapes.checkout_session(
        session_id,
        now,
        amount_subtotal=total,
        amount_total=total,
        currency=lines[0]["currency"],
        mode=params["mode"],
        customer=owner and owner["id"],
        url=f"{world.base_url}/pay/{session_id}",
    )
    session |= {name: params[name] for name in AS_GIVEN & params.keys()}
    session |= {"_lines": lines, "_subscription_data": params.get("subscription_data", {})}
    return world.add(session)


def check(params: Json) -> None:
    for name in ("line_items", "mode", "success_url"):
        if name not in params:
            raise missing(name)
    if params["mode"] != "subscription":
        raise Refused("The stand-in sells subscriptions only.", param="mode")
    for name in ("success_url", "cancel_url"):
        if not params.get(name, "https://").startswith(("https://", "http://")):
            raise Refused("Not a valid URL", code="url_invalid", param=name)


def line_of(world: World, given: Json, number: int) -> Json:
    param = f"line_items[{number}][price]"
    if "price" not in given:
        raise missing(param)
    price = world.find("price", given["price"], param=param)
    if not (price["active"] and price["recurring"]):
        raise Refused("The price specified is inactive or not recurring.", param=param)
    product = world.objects[price["product"]]
    quantity = given.get("quantity", 1)
    return shapes.session_line(world.new_id("li_"), price, quantity, product["name"])


@route(
    "GET",
    "/v1/checkout/sessions",
    sdk.SessionListParams,
    f"{PAGING} created customer status subscription",
)
def listed(world: World, params: Json) -> Json:
    expire_old(world)
    found = lists.matching(world.all("checkout.session"), params, "customer status subscription")
    found = lists.created_within(found, params.get("created"))
    return lists.page(found, params, "/v1/checkout/sessions")


@route("GET", SESSION, sdk.SessionRetrieveParams)
def retrieve(world: World, params: Json, session: str) -> Json:
    expire_old(world)
    return world.find("checkout.session", session)


@route("GET", f"{SESSION}/line_items", sdk.SessionLineItemListParams, PAGING)
def line_items(world: World, params: Json, session: str) -> Json:
    lines = world.find("checkout.session", session)["_lines"]
    return lists.page(lines, params, f"/v1/checkout/sessions/{session}/line_items")


@route("POST", f"{SESSION}/expire", sdk.SessionExpireParams)
def expire(world: World, params: Json, session: str) -> Json:
    found = world.find("checkout.session", session)
    if found["status"] != "open":
        raise Refused(
            'Only Checkout Sessions with a status in ["open"] can be expired.'
            f" This Checkout Session has a status of `{found['status']}`."
        )
    close(world, found)
    return found


def expire_old(world: World) -> None:
    for session in world.all("checkout.session"):
        if session["status"] == "open" and session["expires_at"] <= world.now():
            close(world, session)


def close(world: World, session: Json) -> None:
    session |= {"status": "expired", "url": None}
    world.emit("checkout.session.expired", session)
