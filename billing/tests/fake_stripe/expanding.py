"""`expand[]`: the object in the place of its id (https://docs.stripe.com/api/expanding_objects)."""

import copy
from typing import Any

from billing.tests.fake_stripe import shapes
from billing.tests.fake_stripe.errors import Refused
from billing.tests.fake_stripe.forms import Json
from billing.tests.fake_stripe.world import World, public

# What an answer has only when it is asked for; here it is always empty.
EMPTY: dict[tuple[str, str], Any] = {
    ("customer", "sources"): shapes.listing("/v1/customers/sources", []),
    ("price", "currency_options"): {},
    ("price", "tiers"): None,
    ("invoice", "payments"): shapes.listing("/v1/invoice_payments", []),
}


def expanded(world: World, answer: Json, paths: list[str]) -> Json:
    """A copy of `answer` in which every path of `paths` is expanded, without what is private."""
    answer = public(copy.deepcopy(answer))
    for path in paths:
        expand(world, answer, path.split("."), path)
    return answer


def expand(world: World, at: Any, parts: list[str], path: str) -> None:
    if isinstance(at, list):
        for member in at:
            expand(world, member, parts, path)
        return
    if not isinstance(at, dict):
        return
    name, *rest = parts
    if name not in at:
        at[name] = included(world, at, name, path)
    elif isinstance(at[name], str):
        at[name] = looked_up(world, at[name], path)
    if rest:
        expand(world, at[name], rest, path)


def looked_up(world: World, object_id: str, path: str) -> Json:
    if object_id not in world.objects:
        raise not_expandable(path)
    found: Json = public(copy.deepcopy(world.objects[object_id]))
    return found


def included(world: World, at: Json, name: str, path: str) -> Any:
    kind = at.get("object", "")
    if (kind, name) == ("checkout.session", "line_items"):
        lines = world.objects[at["id"]]["_lines"]
        return copy.deepcopy(shapes.listing(f"/v1/checkout/sessions/{at['id']}/line_items", lines))
    if (kind, name) == ("customer", "subscriptions"):
        return shapes.listing("/v1/customers/subscriptions", live_subscriptions(world, at["id"]))
    if (kind, name) in EMPTY:
        return copy.deepcopy(EMPTY[kind, name])
    if name == "breakdown":
        return {"discounts": [], "taxes": []}
    raise not_expandable(path)


def live_subscriptions(world: World, customer_id: str) -> list[Json]:
    return [
        copy.deepcopy(each)
        for each in world.all("subscription")
        if each["customer"] == customer_id and each["status"] != "canceled"
    ]


def not_expandable(path: str) -> Refused:
    return Refused(f"This property cannot be expanded ({path}).", param="expand")
