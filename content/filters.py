from typing import Any

import django_filters
from django import forms
from django.db.models import F, QuerySet
from drf_spectacular.utils import extend_schema_field

from content.models import TAG_MAX, Item, Status

ORDERINGS = ("created_at", "updated_at", "title", "published_at")


class TagsFormField(forms.Field):
    widget = forms.SelectMultiple

    def clean(self, value: list[str] | None) -> list[str]:
        tags = [tag.strip() for tag in value or []]
        if not all(1 <= len(tag) <= TAG_MAX for tag in tags):
            raise forms.ValidationError(f"Give tags of 1 to {TAG_MAX} characters.")
        return tags


@extend_schema_field(
    {
        "type": "array",
        "items": {"type": "string", "minLength": 1, "maxLength": TAG_MAX},
        "description": "Items with this tag; repeat it for items with all of them.",
    }
)
class TagsFilter(django_filters.Filter):
    """Rows that have every tag named."""

    field_class = TagsFormField

    def filter(self, qs: QuerySet[Any], value: list[str]) -> QuerySet[Any]:
        return qs.filter(tags__contains=value) if value else qs


class TotalOrderingFilter(django_filters.OrderingFilter):
    """Orders by what was asked for, then by id; rows without a value come last either way."""

    def filter(self, qs: QuerySet[Any], value: list[str] | None) -> QuerySet[Any]:
        if not value:
            return qs
        columns: list[Any] = [self._column(word) for word in value]
        return qs.order_by(*columns, "-pk")

    def _column(self, word: str) -> Any:
        column = F(word.removeprefix("-"))
        if word.startswith("-"):
            return column.desc(nulls_last=True)
        return column.asc(nulls_last=True)


class ItemFilter(django_filters.FilterSet):
    item_type = django_filters.CharFilter()
    status = django_filters.ChoiceFilter(choices=Status.choices)
    tag = TagsFilter()
    created_after = django_filters.IsoDateTimeFilter(
        field_name="created_at", lookup_expr="gte", label="Created at this time or later."
    )
    created_before = django_filters.IsoDateTimeFilter(
        field_name="created_at", lookup_expr="lt", label="Created before this time."
    )
    updated_after = django_filters.IsoDateTimeFilter(
        field_name="updated_at", lookup_expr="gte", label="Changed at this time or later."
    )
    updated_before = django_filters.IsoDateTimeFilter(
        field_name="updated_at", lookup_expr="lt", label="Changed before this time."
    )
    ordering = TotalOrderingFilter(fields=[(name, name) for name in ORDERINGS])

    class Meta:
        model = Item
        fields: list[str] = []
