"""Serializer fields and forms of uploads, of files and media alike."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from alice.common.errors import Invalid
from alice.common.fields import TagsField, TextField
from files.models import DESCRIPTION_MAX, FILENAME_MAX
from files.storage.names import clean_filename

RENAME = OpenApiExample("Rename it", value={"original_filename": "v2.pdf"}, request_only=True)


class FilenameField(TextField):
    """A name to give a file back under: no path, nothing that a terminal or header would obey."""

    default_error_messages = {"no_name": "Give a name with at least one visible character."}

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=FILENAME_MAX, **options)

    def to_internal_value(self, data: Any) -> str:
        name = super().to_internal_value(data)
        # Before it is cleaned: that would shorten it without a word.
        if len(name) > FILENAME_MAX:
            self.fail("max_length", max_length=FILENAME_MAX)
        try:
            return clean_filename(name)
        except Invalid:
            self.fail("no_name")


@extend_schema_field({"type": "string", "description": "Separated by commas."})
class FormTagsField(TagsField):
    """Tags from a form, separated by commas; in a list of texts, each of them again."""

    def to_internal_value(self, data: Any) -> list[str]:
        texts = [data] if isinstance(data, str) else data
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            self.fail("not_a_list")
        tags = [tag for text in texts for tag in text.split(",")]
        return super().to_internal_value([tag for tag in tags if tag.strip()])


class DescriptionSerializer(serializers.Serializer[Any]):
    """What a form says of its file."""

    description = TextField(max_length=DESCRIPTION_MAX, allow_blank=True, required=False)
    tags = FormTagsField(required=False)


@extend_schema_serializer(examples=[RENAME])
class DescriptionChangesSerializer(serializers.Serializer[Any]):
    """What PUT and PATCH take: what the body leaves out stays."""

    original_filename = FilenameField(required=False)
    description = TextField(max_length=DESCRIPTION_MAX, allow_blank=True, required=False)
    tags = TagsField(required=False)
