"""View mixins whose answers PostgreSQL writes, and the few views that belong to no app."""

from collections.abc import Callable
from functools import cache, wraps
from types import SimpleNamespace
from typing import Any

import orjson
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from alice.common.compiled import Compiled, Statement, compiled
from alice.common.conditional import conditional_json
from alice.common.errors import NotFound
from alice.common.json_rows import fetch_row, json_row, page_statement, row_statement
from alice.common.links import row_etag
from alice.common.pagination import (
    DEFAULT_LIMIT,
    PLAIN_PAGE,
    compiled_list_response,
    list_response,
)
from alice.common.serializing import shown

PageView = Callable[..., HttpResponseBase]

OWN_HOST_ONLY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; worker-src blob:; frame-ancestors 'none'"
)


def from_own_host_only(view: PageView) -> PageView:
    """Have browsers load nothing for this page from elsewhere (Content-Security-Policy).

    For pages of libraries, some of which ask other hosts for a font or a logo.
    """

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        response.headers["Content-Security-Policy"] = OWN_HOST_ONLY
        return response

    return answer


class ListRows:
    """`list` for a generic viewset whose serializer names only columns."""

    default_limit = DEFAULT_LIMIT
    # True where `get_queryset` depends on `request.user.pk` and nothing else: see `compiled`.
    is_compiled = False

    def list(self: Any, request: Request, **kwargs: Any) -> HttpResponseBase:
        if self.is_compiled and PLAIN_PAGE.issuperset(request.query_params):
            page = _compiled_page(type(self))  # type: ignore[arg-type]  # a class, and hashable
            return compiled_list_response(request, page, default_limit=self.default_limit)
        queryset = self.filter_queryset(self.get_queryset())
        serializer_class = self.get_serializer_class()
        return list_response(request, queryset, serializer_class, default_limit=self.default_limit)


class RetrieveRow:
    """`retrieve` with its ETag for a generic viewset whose rows count their versions."""

    version_column = "version"
    is_compiled = False

    def get_shared(self: Any) -> QuerySet[Any] | None:
        """Rows of others that the caller may see; asked only for what is not in `get_queryset`.

        One statement for both would cost owners the planning of what they do not need, 0.5 ms.
        """
        return None

    def retrieve(self: Any, request: Request, **kwargs: Any) -> HttpResponseBase:
        key = kwargs[self.lookup_field]
        found = self.row_among("get_queryset", key) or self.row_among("get_shared", key)
        if found is None:
            raise NotFound
        body, version = found
        etag = row_etag(self.get_serializer_class(), version, body)
        return conditional_json(request._request, body, etag)

    def row_among(self: Any, source: str, key: Any) -> tuple[bytes, Any] | None:
        """The row of one of this view's two querysets, as JSON beside its version."""
        if self.is_compiled:
            row = _compiled_row(type(self), source)  # type: ignore[arg-type]  # as above
            if row is None:
                return None
            return fetch_row(row.statement, row.params(self.request.user.pk or 0, key))
        queryset = getattr(self, source)()
        if queryset is None:
            return None
        found = queryset.filter(**{self.lookup_field: key})
        return json_row(found, self.get_serializer_class(), extra=self.version_column)


def row_response(
    serializer_class: type[Serializer[Any]], row: Any, *, location: str | None = None
) -> HttpResponse:
    """A row that counts its versions as it is after a change; 201 with the `location` of a new."""
    body = orjson.dumps(shown(serializer_class, row))
    response = HttpResponse(body, content_type="application/json")
    response.headers["ETag"] = row_etag(serializer_class, row.version, body)
    if location is not None:
        response.status_code = 201
        response.headers["Location"] = location
    return response


@cache
def _compiled_page(view_class: Any) -> Compiled:
    def build(user_id: int, key: int) -> Statement:
        view = _stand_in(view_class, "list", user_id)
        return page_statement(view.get_queryset(), view.get_serializer_class())

    return compiled(build)


@cache
def _compiled_row(view_class: Any, source: str) -> Compiled | None:
    def build(user_id: int, key: int) -> Statement:
        view = _stand_in(view_class, "retrieve", user_id)
        row = getattr(view, source)().filter(**{view.lookup_field: key})
        return row_statement(row, view.get_serializer_class(), extra=view.version_column)

    has_rows = getattr(_stand_in(view_class, "retrieve", 0), source)() is not None
    return compiled(build) if has_rows else None


def _stand_in(view_class: Any, action: str, user_id: int) -> Any:
    view = view_class()
    view.action = action
    view.kwargs = {}
    view.request = SimpleNamespace(user=get_user_model()(pk=user_id))
    return view


class NowhereView(APIView):
    """Answers what below /api leads nowhere, counted like any other request."""

    # Anonymous callers get the same 404: what does not exist is no secret.
    permission_classes = [AllowAny]
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise NotFound
