"""How the OpenAPI description tells of refusals that not every operation has."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse

ERROR = {"$ref": "#/components/schemas/Error"}


def refusals(**sentences: str) -> dict[int, Any]:
    """Responses by status, from `s403="..."`."""
    return {
        int(name.removeprefix("s")): OpenApiResponse(ERROR, sentence)
        for name, sentence in sentences.items()
    }


READ_ONLY = refusals(s403="It is shared with you only to read.")
NOT_YOUR_ROLE = refusals(s403="Your role in the room is not enough.")
LAST_OWNER = refusals(s409="The last owner makes somebody else one first.")
NO_MEMBER = refusals(s409="You are no member.")
DELETED = refusals(s409="The message was deleted.")
