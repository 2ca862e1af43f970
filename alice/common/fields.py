"""Serializer fields that more than one app shows."""

from typing import Any

import orjson
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from alice.common.tags import TAG_MAX, TAGS_MAX


class TextField(serializers.CharField):
    """A string and nothing that could be taken for one: DRF would store 5 as "5"."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


@extend_schema_field({"type": "object", "additionalProperties": True})
class JsonObjectField(serializers.Field[dict[str, Any], Any, Any, Any]):
    """A JSON object of at most `max_bytes`, counted as compact UTF-8."""

    default_error_messages = {
        "not_an_object": "Give a JSON object.",
        "too_large": "Give at most {max_bytes} bytes of JSON.",
    }

    def __init__(self, *, max_bytes: int, **options: Any) -> None:
        super().__init__(**options)
        self.max_bytes = max_bytes

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            self.fail("not_an_object")
        if len(orjson.dumps(data)) > self.max_bytes:
            self.fail("too_large", max_bytes=self.max_bytes)
        return data

    def to_representation(self, value: dict[str, Any]) -> dict[str, Any]:
        return value


@extend_schema_field(
    {
        "type": "array",
        "items": {"type": "string", "minLength": 1, "maxLength": TAG_MAX},
        "maxItems": TAGS_MAX,
    }
)
class TagsField(serializers.Field[list[str], Any, Any, Any]):
    """Tags without the blanks around them, each once, in the order given."""

    default_error_messages = {
        "not_a_list": "Give a list of strings.",
        "length": f"Give tags of 1 to {TAG_MAX} characters.",
        "too_many": f"Give at most {TAGS_MAX} tags.",
    }

    def to_internal_value(self, data: Any) -> list[str]:
        if not isinstance(data, list) or not all(isinstance(tag, str) for tag in data):
            self.fail("not_a_list")
        tags = list(dict.fromkeys(tag.strip() for tag in data))
        if not all(1 <= len(tag) <= TAG_MAX for tag in tags):
            self.fail("length")
        if len(tags) > TAGS_MAX:
            self.fail("too_many")
        return tags

    def to_representation(self, value: list[str]) -> list[str]:
        return value
