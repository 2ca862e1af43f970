"""The OpenAPI description: what every operation has in common, said once."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="Send the same key with a retry, and the request takes effect once. Kept 24 h.",
)
EXPIRES = OpenApiParameter("expires", int, description="From the signed link.")
SIGNATURE = OpenApiParameter("signature", str, description="From the signed link.")
RANGE = OpenApiParameter(
    "Range", str, OpenApiParameter.HEADER, description="`bytes=0-1023`: a part (RFC 9110)."
)
IF_RANGE = OpenApiParameter(
    "If-Range", str, OpenApiParameter.HEADER, description="The ETag that the part must be of."
)
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match", str, OpenApiParameter.HEADER, description="The ETag you have: 304 if it is."
)
IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, description="The ETag you read: 412 if it is old."
)
FOR_BYTES = [RANGE, IF_RANGE, IF_NONE_MATCH]
# What a view that sends stored bytes can answer.
BYTES_ANSWERS: dict[Any, Any] = {
    (200, "application/octet-stream"): OpenApiResponse(
        OpenApiTypes.BINARY, "All of it, with the type of its bytes."
    ),
    (206, "application/octet-stream"): OpenApiResponse(
        OpenApiTypes.BINARY, "The part that Range names."
    ),
    302: OpenApiResponse(description="It is kept elsewhere: follow Location."),
    304: OpenApiResponse(description="You have it already (If-None-Match)."),
}
REFUSED = {"$ref": "#/components/schemas/Error"}
ERROR = {
    "type": "object",
    "required": ["detail", "code", "request_id"],
    "properties": {
        "detail": {"type": "string", "description": "One sentence for a person."},
        "code": {"type": "string", "description": "Stable, for programs."},
        "request_id": {"type": "string", "description": "Quote it when you report a problem."},
        "errors": {
            "type": "object",
            "description": "For validation: field name to sentences.",
            "additionalProperties": True,
        },
    },
    "example": {
        "detail": "title: This field is required.",
        "code": "invalid",
        "request_id": "0f7d5c4c9b6e4d52a3a1f0e2d9c8b7a6",
        "errors": {"title": ["This field is required."]},
    },
}
SENTENCES = {
    "400": "The request is not valid.",
    "401": "No session, or one that has ended.",
    "403": "You may see this, but not do that.",
    "404": "Not there, or not yours.",
    "405": "Not this method.",
    "409": "Not in the present state.",
    "412": "Changed since you read it (If-Match).",
    "413": "The body is too large.",
    "415": "The body is of another type than this takes.",
    "416": "It has no such part (Range).",
    "422": "The Idempotency-Key was used for another request.",
    "429": "The limit is reached; wait for Retry-After seconds.",
    "500": "Our fault; it has been logged.",
    "503": "A part that is needed does not answer.",
    "507": "The disk of the server is full.",
}
HEADERS = {
    "X-Request-ID": ("string", "The id of this request."),
    "X-RateLimit-Limit": ("integer", "Requests allowed a minute."),
    "X-RateLimit-Remaining": ("integer", "Requests left in this minute."),
    "X-RateLimit-Reset": ("integer", "Seconds until the minute starts anew."),
}


def refusals(**sentences: str) -> dict[Any, Any]:
    """Responses that a path and a method do not tell of by themselves: `s403="Why."`."""
    return {
        int(status.removeprefix("s")): OpenApiResponse(REFUSED, sentence)
        for status, sentence in sentences.items()
    }


# What a caller who is shown a thing by others can be answered.
NOT_YOURS = refusals(s403="It is shared with you, but not for this.")
STAFF_ONLY = refusals(s403="Only staff may do this.")


class Schema(AutoSchema):
    """Adds the headers that a view's own code honours."""

    def get_tags(self) -> list[str]:
        """The first part of the path below /api."""
        return [self.path.removeprefix("/api/").partition("/")[0]]

    def get_description(self) -> str:  # type: ignore[override]  # as the base class has it
        """None but what `extend_schema` gives: docstrings are for those who read the code."""
        return ""

    def get_override_parameters(self) -> list[Any]:
        handler = getattr(self.view, getattr(self.view, "action", "") or self.method.lower(), None)
        parameters = [IDEMPOTENCY_KEY] if getattr(handler, "is_idempotent", False) else []
        by_link = [EXPIRES, SIGNATURE] if getattr(self.view, "link_verb", "") else []
        return parameters + by_link


def error_statuses(path: str, operation: dict[str, Any]) -> set[str]:
    """Which errors an operation can answer, by what it takes."""
    statuses = {"400", "405", "429", "500", "503"}
    if any("bearer" in scheme for scheme in operation.get("security", [])):
        statuses.add("401")
    if "{" in path:
        statuses.add("404")
    if "requestBody" in operation:
        statuses |= {"409", "413", "415"}
    names = {parameter["name"] for parameter in operation.get("parameters", [])}
    if "Idempotency-Key" in names:
        statuses.add("422")
    if "If-Match" in names:
        statuses.add("412")
    if "Range" in names:
        statuses.add("416")
    if "signature" in names:
        statuses.add("403")
    return statuses | _statuses_of_uploads(operation)


def _statuses_of_uploads(operation: dict[str, Any]) -> set[str]:
    """A quota and a disk can be full."""
    is_upload = "multipart/form-data" in operation.get("requestBody", {}).get("content", {})
    return {"403", "507"} if is_upload else set()


def declare_what_every_answer_has(
    result: dict[str, Any],
    generator: Any,
    request: Any,
    public: bool,  # noqa: FBT001 - its contract
) -> dict[str, Any]:
    """Post-processing hook of drf-spectacular: errors and headers of every operation."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Error"] = ERROR
    components["responses"] = {
        f"Error{status}": {
            "description": sentence,
            "content": {"application/json": {"schema": REFUSED}},
        }
        for status, sentence in SENTENCES.items()
    }
    headers = {
        name: {"schema": {"type": kind}, "description": sentence}
        for name, (kind, sentence) in HEADERS.items()
    }
    for path, operations in result["paths"].items():
        for operation in operations.values():
            responses = operation["responses"]
            for response in responses.values():
                response["headers"] = headers | response.get("headers", {})
            for status in sorted(error_statuses(path, operation) - responses.keys()):
                responses[status] = {"$ref": f"#/components/responses/Error{status}"}
    return result
