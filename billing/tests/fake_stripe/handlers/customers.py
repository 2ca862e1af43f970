from stripe import params as sdk

from billing.tests.fake_stripe import life, lists, shapes
from billing.tests.fake_stripe.errors import no_such
from billing.tests.fake_stripe.forms import Json
from billing.tests.fake_stripe.handlers.payment_methods import attach, usable
from billing.tests.fake_stripe.lists import PAGING
from billing.tests.fake_stripe.routing import route
from billing.tests.fake_stripe.world import World

PLAIN = {"address", "description", "email", "name", "phone", "preferred_locales"}
FIELDS = f"{' '.join(sorted(PLAIN))} metadata invoice_settings"


@route("POST", "/v1/customers", sdk.CustomerCreateParams, f"{FIELDS} payment_method test_clock")
def create(world: World, params: Json) -> Json:
    clock = params.get("test_clock")
    if clock is not None:
        world.find("test_helpers.test_clock", clock, param="test_clock")
    plain = {name: params[name] or None for name in PLAIN & params.keys()}
    made = shapes.customer(world.new_id("cus_", 14), world.now(clock), test_clock=clock, **plain)
    made["metadata"] = params.get("metadata") or {}
    world.add(made)
    if "payment_method" in params:
        attach(world, usable(world, params["payment_method"], "payment_method"), made)
    made["invoice_settings"] |= invoice_settings(world, params, made)
    world.emit("customer.created", made)
    return made


@route("GET", "/v1/customers", sdk.CustomerListParams, f"{PAGING} email created test_clock")
def listed(world: World, params: Json) -> Json:
    found = lists.matching(world.all("customer"), params, "email test_clock")
    found = lists.created_within(found, params.get("created"))
    return lists.page(found, params, "/v1/customers")


@route("GET", "/v1/customers/{customer}", sdk.CustomerRetrieveParams)
def retrieve(world: World, params: Json, customer: str) -> Json:
    return world.find("customer", customer)


@route("POST", "/v1/customers/{customer}", sdk.CustomerUpdateParams, FIELDS)
def update(world: World, params: Json, customer: str) -> Json:
    found = existing(world, customer)
    fields = {name: params[name] or None for name in PLAIN & params.keys()}
    fields["metadata"] = merged(found["metadata"], params.get("metadata", {}))
    settings = invoice_settings(world, params, found)
    fields["invoice_settings"] = {**found["invoice_settings"], **settings}
    world.change(found, "customer.updated", **fields)
    return found


@route("DELETE", "/v1/customers/{customer}", sdk.CustomerDeleteParams)
def delete(world: World, params: Json, customer: str) -> Json:
    """Their subscriptions end at once; the id keeps answering, as deleted."""
    found = existing(world, customer)
    for subscription in world.all("subscription"):
        if subscription["customer"] == customer and subscription["status"] != "canceled":
            life.end(world, subscription, "cancellation_requested")
    world.emit("customer.deleted", found)
    return world.add({"id": customer, "object": "customer", "deleted": True})


def existing(world: World, customer_id: str, *, param: str | None = None) -> Json:
    """A customer who is not deleted."""
    found = world.find("customer", customer_id, param=param)
    if found.get("deleted"):
        raise no_such("customer", customer_id, param=param)
    return found


def invoice_settings(world: World, params: Json, customer: Json) -> Json:
    settings: Json = params.get("invoice_settings", {})
    if settings.get("default_payment_method"):
        method = world.find(
            "payment_method",
            alias_of(customer, settings["default_payment_method"]),
            param="invoice_settings[default_payment_method]",
        )
        return {**settings, "default_payment_method": method["id"]}
    return settings


def alias_of(customer: Json, name: str) -> str:
    """The card that a test name such as `pm_card_visa` became when it was attached."""
    aliases: dict[str, str] = customer.get("_aliases", {})
    return aliases.get(name, name)


def merged(metadata: Json, given: Json | str) -> Json:
    """Metadata with new values; an empty one removes its key, an empty whole removes all."""
    if not isinstance(given, dict):
        return {}
    return {key: value for key, value in {**metadata, **given}.items() if value != ""}
