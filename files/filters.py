import re
from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet

from alice.common.converters import LARGEST_ID
from alice.common.filtering import TagsFilter, TotalOrderingFilter
from files.models import FILENAME_MAX, File

TYPE_OR_KIND = re.compile(r"[a-z0-9][a-z0-9.+-]*/([a-z0-9][a-z0-9.+-]*|[*]?)")
TYPE_MAX = 100
ORDERINGS = {
    "created_at": "created_at",
    "updated_at": "updated_at",
    "original_filename": "original_filename",
    "blob__size_bytes": "file_size",
}


class TypeFormField(forms.CharField):
    def clean(self, value: Any) -> str:
        text = str(super().clean(value)).lower()
        if text and not TYPE_OR_KIND.fullmatch(text):
            raise forms.ValidationError("Give a type: image/png, or image/* for all of a kind.")
        return text


class TypeFilter(django_filters.CharFilter):
    """One type, or by `image/*` or `image/` all of a kind."""

    field_class = TypeFormField

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        if not value:
            return qs
        kind = value.removesuffix("*")
        lookup = "startswith" if kind.endswith("/") else "exact"
        return qs.filter(**{f"{self.field_name}__{lookup}": kind})


class BytesFilter(django_filters.Filter):
    """A number of bytes compared with the size of a file."""

    field_class = forms.IntegerField

    def __init__(self, lookup: str, label: str) -> None:
        super().__init__("blob__size_bytes", lookup, label=label)
        self.extra |= {"min_value": 0, "max_value": LARGEST_ID}


class FileFilter(django_filters.FilterSet):
    tag = TagsFilter()
    mime_type = TypeFilter(
        field_name="blob__mime_type",
        max_length=TYPE_MAX,
        label="One type, or `image/*` for all of a kind.",
    )
    name = django_filters.CharFilter(
        field_name="original_filename",
        lookup_expr="icontains",
        max_length=FILENAME_MAX,
        label="A part of the original name.",
    )
    created_after = django_filters.IsoDateTimeFilter(
        field_name="created_at", lookup_expr="gte", label="Created at this time or later."
    )
    created_before = django_filters.IsoDateTimeFilter(
        field_name="created_at", lookup_expr="lt", label="Created before this time."
    )
    size_min = BytesFilter("gte", "So many bytes or more.")
    size_max = BytesFilter("lte", "So many bytes or fewer.")
    ordering = TotalOrderingFilter(fields=ORDERINGS)

    class Meta:
        model = File
        fields: list[str] = []
