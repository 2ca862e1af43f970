"""The account, the portal, the events, and test clocks."""

from stripe import params as sdk
from stripe.params import billing_portal, test_helpers

from billing.tests.fake_stripe import clocks, lists, shapes
from billing.tests.fake_stripe.errors import Refused, missing
from billing.tests.fake_stripe.forms import Json
from billing.tests.fake_stripe.handlers import customers
from billing.tests.fake_stripe.lists import PAGING
from billing.tests.fake_stripe.routing import route
from billing.tests.fake_stripe.world import World

CLOCK = "/v1/test_helpers/test_clocks/{test_clock}"


@route("GET", "/v1/account", sdk.AccountRetrieveCurrentParams)
def account(world: World, params: Json) -> Json:
    return shapes.ACCOUNT


@route(
    "POST",
    "/v1/billing_portal/sessions",
    billing_portal.SessionCreateParams,
    "customer return_url locale",
)
def open_portal(world: World, params: Json) -> Json:
    if "customer" not in params:
        raise missing("customer")
    owner = customers.existing(world, params["customer"], param="customer")
    session_id = world.new_id("bps_")
    made = shapes.portal_session(
        session_id,
        world.now_for(owner),
        customer=owner["id"],
        locale=params.get("locale"),
        return_url=params.get("return_url"),
        url=f"{world.base_url}/portal/{session_id}",
    )
    world.emit("billing_portal.session.created", world.add(made))
    return made


@route("GET", "/v1/events", sdk.EventListParams, f"{PAGING} created type types")
def list_events(world: World, params: Json) -> Json:
    found = lists.matching(reversed(world.events), params, "type")
    found = lists.created_within(found, params.get("created"))
    if "types" in params:
        found = [event for event in found if event["type"] in params["types"]]
    return lists.page(found, params, "/v1/events")


@route("GET", "/v1/events/{event}", sdk.EventRetrieveParams)
def retrieve_event(world: World, params: Json, event: str) -> Json:
    for each in world.events:
        if each["id"] == event:
            return each
    return world.find("event", event)


@route(
    "POST",
    "/v1/test_helpers/test_clocks",
    test_helpers.TestClockCreateParams,
    "frozen_time name",
)
def create_clock(world: World, params: Json) -> Json:
    if "frozen_time" not in params:
        raise missing("frozen_time")
    made = shapes.test_clock(
        world.new_id("clock_"),
        world.now(),
        frozen_time=params["frozen_time"],
        name=params.get("name"),
    )
    return world.add(made)


@route("GET", CLOCK, test_helpers.TestClockRetrieveParams)
def retrieve_clock(world: World, params: Json, test_clock: str) -> Json:
    return world.find("test_helpers.test_clock", test_clock)


@route("POST", f"{CLOCK}/advance", test_helpers.TestClockAdvanceParams, "frozen_time")
def advance_clock(world: World, params: Json, test_clock: str) -> Json:
    found = world.find("test_helpers.test_clock", test_clock)
    if params.get("frozen_time", 0) <= found["frozen_time"]:
        raise Refused("A clock only goes forward.", param="frozen_time")
    clocks.advance(world, params["frozen_time"], test_clock)
    return found


@route("DELETE", CLOCK, test_helpers.TestClockDeleteParams)
def delete_clock(world: World, params: Json, test_clock: str) -> Json:
    """Its customers go with it."""
    world.find("test_helpers.test_clock", test_clock)
    for customer in world.all("customer"):
        if customer["test_clock"] == test_clock:
            customers.delete(world, {}, customer["id"])
    return world.add({"id": test_clock, "object": "test_helpers.test_clock", "deleted": True})
