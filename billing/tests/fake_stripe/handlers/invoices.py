from stripe import params as sdk

from billing.tests.fake_stripe import life, lists
from billing.tests.fake_stripe.errors import Refused, declined
from billing.tests.fake_stripe.forms import Json
from billing.tests.fake_stripe.lists import PAGING
from billing.tests.fake_stripe.routing import route
from billing.tests.fake_stripe.world import World

INVOICE = "/v1/invoices/{invoice}"


@route(
    "GET",
    "/v1/invoices",
    sdk.InvoiceListParams,
    f"{PAGING} created customer status subscription",
)
def listed(world: World, params: Json) -> Json:
    found = lists.matching(world.all("invoice"), params, "customer status")
    found = lists.created_within(found, params.get("created"))
    if "subscription" in params:
        found = [each for each in found if subscription_of(each) == params["subscription"]]
    return lists.page(found, params, "/v1/invoices")


def subscription_of(invoice: Json) -> str:
    subscription_id: str = invoice["parent"]["subscription_details"]["subscription"]
    return subscription_id


@route("GET", INVOICE, sdk.InvoiceRetrieveParams)
def retrieve(world: World, params: Json, invoice: str) -> Json:
    return world.find("invoice", invoice)


@route("GET", f"{INVOICE}/lines", sdk.InvoiceListLinesParams, PAGING)
def lines(world: World, params: Json, invoice: str) -> Json:
    found = world.find("invoice", invoice)["lines"]["data"]
    return lists.page(found, params, f"/v1/invoices/{invoice}/lines")


@route("POST", f"{INVOICE}/pay", sdk.InvoicePayParams)
def pay(world: World, params: Json, invoice: str) -> Json:
    found = world.find("invoice", invoice)
    if found["status"] != "open":
        raise Refused(f"Invoice is already {found['status']}")
    if not life.collect(world, found):
        raise declined()
    return found
