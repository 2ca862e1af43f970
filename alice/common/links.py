"""Signed links among the fields of a row."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import orjson
from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from alice.common.conditional import etag_of
from alice.common.signed_urls import signed_url

# Stands for the id while a path is built. No row will ever have it.
STAND_IN = 2**62 + 5


@extend_schema_field({"type": "string", "format": "uri"})
class LinkField(serializers.Field[int, Any, str, Any]):
    """A link that opens `route` of the row's id for `verb`; null where the column `source` is.

    For serializers that show `id`.
    """

    def __init__(self, *, route: str, verb: str, source: str = "id") -> None:
        super().__init__(read_only=True, source=source, allow_null=source != "id")
        self.route = route
        self.verb = verb

    def get_attribute(self, instance: Any) -> Any:
        return None if super().get_attribute(instance) is None else instance.pk

    def to_representation(self, value: int) -> str:
        before, after = _around_id(self.route)
        return signed_url(f"{before}{value}{after}", verb=self.verb)


@cache
def _around_id(route: str) -> tuple[str, str]:
    """The parts of the route's path; `reverse` for each row would cost 10 us."""
    before, _, after = reverse(route, args=[STAND_IN]).partition(str(STAND_IN))
    return before, after


@cache
def links_of(serializer_class: type[serializers.BaseSerializer[Any]]) -> dict[str, LinkField]:
    """The link fields of a serializer, by name."""
    fields = serializer_class().fields  # type: ignore[attr-defined]  # a Serializer has them
    return {name: field for name, field in fields.items() if isinstance(field, LinkField)}


def with_links(text: str, links: Mapping[str, LinkField]) -> str:
    """A row's JSON in which each link field held the column that decides whether there is one."""
    row = orjson.loads(text)
    for name, link in links.items():
        if row[name] is not None:
            row[name] = link.to_representation(row["id"])
    return orjson.dumps(row).decode()


def row_etag(
    serializer_class: type[serializers.BaseSerializer[Any]], version: int, body: bytes
) -> str:
    """The entity tag of a row whose JSON is `body`: its links are new ones each minute."""
    has_links = bool(links_of(serializer_class))  # type: ignore[arg-type]  # a class, and hashable
    return etag_of(version, body=body if has_links else None)
