"""Filters of lists, without django-filter's cost where nothing is filtered."""

from typing import Any

import django_filters
from django import forms
from django.db.models import F, QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema_field
from rest_framework.request import Request
from rest_framework.views import APIView

from alice.common.tags import TAG_MAX


class QueryFilterBackend(DjangoFilterBackend):
    """Builds the filter form only when the query names one of its fields (0.2-0.7 ms saved)."""

    def filter_queryset(  # type: ignore[override]  # it is handed DRF's request
        self, request: Request, queryset: QuerySet[Any], view: APIView
    ) -> QuerySet[Any]:
        filterset_class = self.get_filterset_class(view, queryset)
        if filterset_class is None:
            return queryset
        # A range filter goes by its name and a suffix.
        names = tuple(filterset_class.base_filters)
        if not any(parameter.startswith(names) for parameter in request.query_params):
            return queryset
        filtered: QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return filtered


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
        "description": "Those with this tag; repeat it for those with all of them.",
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
        column = F(self.get_ordering_value(word).removeprefix("-"))
        if word.startswith("-"):
            return column.desc(nulls_last=True)
        return column.asc(nulls_last=True)
