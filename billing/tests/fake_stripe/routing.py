"""Which call is answered by which function, and which parameters it honours."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from billing.tests.fake_stripe.errors import Refused
from billing.tests.fake_stripe.forms import Json

Handler = Callable[..., Json]


@dataclass(frozen=True)
class Route:
    """One call of the API; `params_type` is the SDK's type of all its parameters."""

    method: str
    path: str
    params_type: type
    honoured: frozenset[str]
    handler: Handler

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """The ids in `path`, if it is a path of this call."""
        if method != self.method:
            return None
        found = re.fullmatch(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", self.path), path)
        return found.groupdict() if found else None


ROUTES: list[Route] = []


def route(
    method: str, path: str, params_type: type, honoured: str = ""
) -> Callable[[Handler], Handler]:
    """Answer `method` on `path` by the function below; `{names}` in the path become arguments."""

    def register(handler: Handler) -> Handler:
        names = frozenset([*honoured.split(), "expand"])
        ROUTES.append(Route(method, path, params_type, names, handler))
        return handler

    return register


def find(method: str, path: str) -> tuple[Route, dict[str, Any]]:
    """The route of a call and the ids in its path."""
    for each in ROUTES:
        ids = each.match(method, path)
        if ids is not None:
            return each, ids
    message = f"Unrecognized request URL ({method}: {path}). The stand-in does not know it."
    raise Refused(message, status=404)
