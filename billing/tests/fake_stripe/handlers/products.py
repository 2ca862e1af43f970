from stripe import params as sdk

from billing.tests.fake_stripe import lists, shapes
from billing.tests.fake_stripe.errors import Refused, missing
from billing.tests.fake_stripe.forms import Json
from billing.tests.fake_stripe.lists import PAGING
from billing.tests.fake_stripe.routing import route
from billing.tests.fake_stripe.world import World


@route("POST", "/v1/products", sdk.ProductCreateParams, "id name description active metadata")
def create_product(world: World, params: Json) -> Json:
    if "name" not in params:
        raise missing("name")
    product_id = params.pop("id", None) or world.new_id("prod_", 14)
    made = world.add(shapes.product(product_id, world.now(), **params))
    world.emit("product.created", made)
    return made


@route("GET", "/v1/products", sdk.ProductListParams, f"{PAGING} active ids created")
def list_products(world: World, params: Json) -> Json:
    found = lists.matching(world.all("product"), params, "active")
    found = lists.created_within(found, params.get("created"))
    if "ids" in params:
        found = [product for product in found if product["id"] in params["ids"]]
    return lists.page(found, params, "/v1/products")


@route("GET", "/v1/products/{product}", sdk.ProductRetrieveParams)
def retrieve_product(world: World, params: Json, product: str) -> Json:
    return world.find("product", product)


@route("GET", "/v1/products/{product}/features", sdk.ProductListFeaturesParams, PAGING)
def list_features(world: World, params: Json, product: str) -> Json:
    world.find("product", product)
    return lists.page([], params, f"/v1/products/{product}/features")


@route(
    "POST",
    "/v1/prices",
    sdk.PriceCreateParams,
    "currency unit_amount product recurring lookup_key nickname active metadata",
)
def create_price(world: World, params: Json) -> Json:
    for name in ("currency", "product", "unit_amount"):
        if name not in params:
            raise missing(name)
    world.find("product", params["product"], param="product")
    refuse_taken_key(world, params.get("lookup_key"))
    made = world.add(shapes.price(world.new_id("price_"), world.now(), **params))
    world.emit("price.created", made)
    return made


def refuse_taken_key(world: World, lookup_key: str | None) -> None:
    if any(price["lookup_key"] == lookup_key for price in world.all("price") if lookup_key):
        raise Refused(
            f"A price (`{lookup_key}`) already uses that lookup key.", param="lookup_key"
        )


@route(
    "GET",
    "/v1/prices",
    sdk.PriceListParams,
    f"{PAGING} active currency lookup_keys product type created recurring",
)
def list_prices(world: World, params: Json) -> Json:
    found = lists.matching(world.all("price"), params, "active currency product type")
    found = lists.created_within(found, params.get("created"))
    for name, wanted in params.get("recurring", {}).items():
        found = [price for price in found if (price["recurring"] or {}).get(name) == wanted]
    if "lookup_keys" in params:
        found = [price for price in found if price["lookup_key"] in params["lookup_keys"]]
    return lists.page(found, params, "/v1/prices")


@route("GET", "/v1/prices/{price}", sdk.PriceRetrieveParams)
def retrieve_price(world: World, params: Json, price: str) -> Json:
    return world.find("price", price)


@route("POST", "/v1/prices/{price}", sdk.PriceUpdateParams, "active lookup_key nickname")
def update_price(world: World, params: Json, price: str) -> Json:
    found = world.find("price", price)
    world.change(found, "price.updated", **params)
    return found
