"""Pages of objects (https://docs.stripe.com/api/pagination)."""

from collections.abc import Iterable
from typing import Any

from billing.tests.fake_stripe import shapes
from billing.tests.fake_stripe.errors import Refused, no_such
from billing.tests.fake_stripe.forms import Json

PAGING = "limit starting_after ending_before"


def page(items: Iterable[Json], params: Json, url: str) -> Json:
    """One page of `items`, which come newest first."""
    found = list(items)
    limit = limit_of(params)
    if "ending_before" in params:
        found = found[: place_of(found, params["ending_before"], "ending_before")]
        return shapes.listing(url, found[-limit:], has_more=len(found) > limit)
    if "starting_after" in params:
        found = found[place_of(found, params["starting_after"], "starting_after") + 1 :]
    return shapes.listing(url, found[:limit], has_more=len(found) > limit)


def limit_of(params: Json) -> int:
    limit: int = params.get("limit", 10)
    if not 1 <= limit <= 100:
        bound = "greater than or equal to 1" if limit < 1 else "less than or equal to 100"
        raise Refused(
            f"This value must be {bound} (it currently is '{limit}').",
            code="parameter_invalid_integer",
            param="limit",
        )
    return limit


def place_of(found: list[Json], object_id: str, param: str) -> int:
    for place, each in enumerate(found):
        if each["id"] == object_id:
            return place
    raise no_such("object", object_id, param=param)


def matching(items: Iterable[Json], params: Json, names: str) -> list[Json]:
    """Those of `items` whose fields equal the parameters of the same `names`."""
    wanted = {name: params[name] for name in names.split() if name in params}
    return [each for each in items if all(each[name] == wanted[name] for name in wanted)]


def created_within(items: Iterable[Json], bounds: Any) -> list[Json]:
    """Those of `items` created at a second, or within `gt`, `gte`, `lt`, `lte`."""
    if bounds is None:
        return list(items)
    if isinstance(bounds, int):
        bounds = {"gte": bounds, "lte": bounds}
    first = max(bounds.get("gte", 0), bounds.get("gt", -1) + 1)
    last = min(bounds.get("lte", 2**62), bounds.get("lt", 2**62) - 1)
    return [each for each in items if first <= each["created"] <= last]
