"""Refusals that a path and a method do not tell of by themselves, for the OpenAPI description."""

from drf_spectacular.utils import OpenApiResponse


def refusal(sentence: str) -> OpenApiResponse:
    return OpenApiResponse({"$ref": "#/components/schemas/Error"}, sentence)


STAFF_ONLY = {403: refusal("Only staff may do this.")}
