"""skip and limit, before and after, Link and X-Total-Count: one way to page for every list."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.views import APIView

from alice.common.compiled import Compiled
from alice.common.converters import LARGEST_ID
from alice.common.errors import Invalid
from alice.common.json_rows import JsonPage, Rows, fetch_page, json_rows

DEFAULT_LIMIT = 100
PLAIN_PAGE = frozenset({"skip", "limit"})
SKIP_MAX = 2**31 - 1


def integer_parameter(
    query: QueryDict, name: str, default: int, *, minimum: int = 0, maximum: int = SKIP_MAX
) -> int:
    """The query parameter `name`, once and in plain digits, or `Invalid` naming it."""
    values = query.getlist(name)
    if not values:
        return default
    text = values[0]
    is_plain = len(values) == 1 and text.isascii() and text.isdigit() and len(text) <= 19
    if not is_plain or not minimum <= int(text) <= maximum:
        sentence = f"Give one whole number from {minimum} to {maximum}."
        raise Invalid(f"{name}: {sentence}", errors={name: [sentence]})
    return int(text)


def boolean_parameter(query: QueryDict, name: str, *, default: bool = False) -> bool:
    """The query parameter `name` as true or false, or `Invalid` naming it."""
    values = query.getlist(name)
    if not values:
        return default
    words = {"true": True, "1": True, "false": False, "0": False}
    if len(values) != 1 or values[0].lower() not in words:
        sentence = "Give true or false."
        raise Invalid(f"{name}: {sentence}", errors={name: [sentence]})
    return words[values[0].lower()]


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which part of a list a client asked for."""

    skip: int
    limit: int
    before: int | None
    after: int | None
    is_counted: bool

    @classmethod
    def of(cls, query: QueryDict, default_limit: int = DEFAULT_LIMIT) -> "PageRequest":
        """Read it from the query string; raises `Invalid` for what is no page."""
        limit = integer_parameter(query, "limit", default_limit)
        page = cls(
            skip=integer_parameter(query, "skip", 0),
            limit=min(limit, settings.PAGE_LIMIT_MAX),
            before=integer_parameter(query, "before", 0, minimum=1, maximum=LARGEST_ID) or None,
            after=integer_parameter(query, "after", 0, minimum=1, maximum=LARGEST_ID) or None,
            is_counted=boolean_parameter(query, "count"),
        )
        if page.before is not None and page.after is not None:
            raise Invalid("before: Give before or after, not both.")
        if page.is_by_id and "skip" in query:
            raise Invalid("skip: Page by skip or by before and after, not by both.")
        return page

    @property
    def is_by_id(self) -> bool:
        return self.before is not None or self.after is not None

    def rows_of(self, queryset: QuerySet[Any], serializer_class: Rows) -> JsonPage:
        """This page of `queryset`; by ids it is ordered by id, newest first."""
        if not self.is_by_id:
            return json_rows(queryset, serializer_class, limit=self.limit, skip=self.skip)
        if self.before is not None:
            queryset = queryset.filter(pk__lt=self.before)
        if self.after is None:
            return json_rows(queryset.order_by("-pk"), serializer_class, limit=self.limit)
        # Away from `after` upwards, so that the rows right after it come and none is left out.
        upwards = queryset.filter(pk__gt=self.after).order_by("pk")
        return json_rows(upwards, serializer_class, limit=self.limit, is_reversed=True)

    def links(self, page: JsonPage) -> dict[str, dict[str, int]]:
        """Relation -> the query parameters that lead there; a page of no rows leads nowhere."""
        if not self.limit:
            return {}
        if not self.is_by_id:
            links = {}
            if page.has_more:
                links["next"] = {"skip": self.skip + page.count}
            if self.skip:
                links["prev"] = {"skip": max(0, self.skip - self.limit)}
            return links
        if page.first_id is None or page.last_id is None:
            return {}
        upwards = self.after is not None
        links = {}
        if page.has_more or upwards:
            links["next"] = {"before": page.last_id}
        if page.has_more or not upwards:
            links["prev"] = {"after": page.first_id}
        return links


def list_response(
    request: Request, queryset: QuerySet[Any], serializer_class: Rows, *, default_limit: int
) -> HttpResponse:
    """A page of `queryset` as a bare JSON array with its Link and, on request, X-Total-Count."""
    query = request._request.GET
    wanted = PageRequest.of(query, default_limit)
    if wanted.is_by_id and "ordering" in query:
        raise Invalid("ordering: before and after page by id; leave ordering out.")
    response = _page_response(request, wanted, wanted.rows_of(queryset, serializer_class))
    if wanted.is_counted:
        response.headers["X-Total-Count"] = str(queryset.order_by().count())
    return response


def compiled_list_response(
    request: Request, compiled: Compiled, *, default_limit: int, key: int = 0
) -> HttpResponse:
    """As `list_response`, for a query string that holds nothing but PLAIN_PAGE."""
    wanted = PageRequest.of(request.query_params, default_limit)
    params = compiled.params(request.user.pk or 0, key)
    page = fetch_page(compiled.statement, params, limit=wanted.limit, skip=wanted.skip)
    return _page_response(request, wanted, page)


def _page_response(request: Request, wanted: PageRequest, page: JsonPage) -> HttpResponse:
    response = HttpResponse(page.text, content_type="application/json")
    if links := wanted.links(page):
        response.headers["Link"] = _link_header(request._request, links, wanted.limit)
    return response


def _link_header(request: HttpRequest, links: dict[str, dict[str, int]], limit: int) -> str:
    kept = {
        name: values
        for name, values in request.GET.lists()
        if name not in {"skip", "limit", "before", "after"}
    }
    base = request.build_absolute_uri(request.path)
    return ", ".join(
        f'<{base}?{urlencode(kept | parameters | {"limit": limit}, doseq=True)}>; rel="{rel}"'
        for rel, parameters in links.items()
    )


class SkipLimitPagination(BasePagination):
    """Tells the OpenAPI description how lists are paged; `list_response` does the paging."""

    def paginate_queryset(
        self, queryset: Any, request: Request, view: APIView | None = None
    ) -> list[Any]:
        default_limit = getattr(view, "default_limit", DEFAULT_LIMIT)
        wanted = PageRequest.of(request.query_params, default_limit)
        return list(queryset[wanted.skip : wanted.skip + wanted.limit])

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return schema

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        default_limit = getattr(view, "default_limit", DEFAULT_LIMIT)
        most = settings.PAGE_LIMIT_MAX
        whole = {"type": "integer", "minimum": 0}
        row_id = {"type": "integer", "format": "int64", "minimum": 1}
        described: list[tuple[str, dict[str, Any], str]] = [
            ("skip", whole | {"default": 0}, "Rows to skip."),
            (
                "limit",
                whole | {"default": default_limit},
                f"Rows to return; more than {most} are {most}.",
            ),
            ("before", row_id, "Rows older than this id. Not together with skip or ordering."),
            ("after", row_id, "Rows newer than this id. Not together with skip or ordering."),
            (
                "count",
                {"type": "boolean", "default": False},
                "Also tell how many rows there are in all, in X-Total-Count.",
            ),
        ]
        return [
            {"name": name, "in": "query", "required": False, "schema": schema, "description": text}
            for name, schema, text in described
        ]
