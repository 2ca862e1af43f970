"""Lists and single rows as JSON text that PostgreSQL writes.

The ORM's own SQL is wrapped in `row_to_json`, and its text is answered untouched: no model
instances, no decoding of JSON columns, no encoding. For 100 items that is a tenth of the CPU.
Only signed links are put in here afterwards, 7 us a row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db.models import QuerySet
from rest_framework import serializers

from alice.common.compiled import Statement
from alice.common.links import LinkField, links_of, with_links

Rows = type[serializers.BaseSerializer[Any]]

# Rows may be megabytes each; a page ends early rather than fill the memory of the process.
PAGE_BYTES_MAX = 16 * 1024 * 1024
# A timestamp in UTC as `2026-01-31T12:00:00.000000Z`, as the serializers write it.
ISO_8601 = """to_char("{name}" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "{name}\""""


@dataclass(frozen=True, slots=True)
class JsonPage:
    """A list as JSON text, how many rows it has, whether more follow, its first and last id."""

    text: bytes
    count: int
    has_more: bool
    first_id: int | None
    last_id: int | None


@dataclass(frozen=True, slots=True)
class Columns:
    """What a serializer shows: the columns behind its keys, the keys, and how SQL writes each."""

    sources: tuple[str, ...]
    names: tuple[str, ...]
    written: str


@dataclass(frozen=True)
class LinkedStatement(Statement):
    """A statement whose rows begin with JSON text in which the links are still to be signed."""

    links: Mapping[str, LinkField]

    def fetch_one(self, params: tuple[Any, ...]) -> Any:
        row = super().fetch_one(params)
        return row and self._signed(row)

    def fetch_all(self, params: tuple[Any, ...]) -> list[Any]:
        return [self._signed(row) for row in super().fetch_all(params)]

    def _signed(self, row: tuple[str, Any]) -> tuple[str, Any]:
        text, beside = row
        return with_links(text, self.links), beside


def _statement(sql: str, params: tuple[Any, ...], using: str, serializer_class: Rows) -> Statement:
    links = links_of(serializer_class)  # type: ignore[arg-type]  # a class, and hashable
    if links:
        return LinkedStatement(sql, params, using, links)
    return Statement(sql, params, using)


@cache
def _columns(serializer_class: Rows) -> Columns:
    fields = {
        name: field
        for name, field in serializer_class().fields.items()  # type: ignore[attr-defined]
        if not field.write_only
    }
    return Columns(
        sources=tuple(_source(name, field) for name, field in fields.items()),
        names=tuple(f'"{name}"' for name in fields),
        written=", ".join(_written(name, field) for name, field in fields.items()),
    )


def _source(name: str, field: serializers.Field[Any, Any, Any, Any]) -> str:
    if isinstance(field, serializers.SerializerMethodField):
        raise TypeError(f"{name} is computed in Python: it cannot come from SQL.")
    return (field.source or name).replace(".", "__")


def _written(name: str, field: serializers.Field[Any, Any, Any, Any]) -> str:
    is_time = isinstance(field, serializers.DateTimeField)
    return ISO_8601.format(name=name) if is_time else f'"{name}"'


def _sql(queryset: QuerySet[Any], *sources: str) -> tuple[str, tuple[Any, ...]]:
    """The ORM's SQL for plain columns; an expression for each would cost it 0.3 ms a request."""
    return queryset.values_list(*sources).query.sql_with_params()


def page_statement(queryset: QuerySet[Any], serializer_class: Rows) -> Statement:
    """What `json_rows` executes for an ordered, unsliced queryset; may raise `EmptyResultSet`.

    It answers rows of JSON text and id, for its own parameters, then the number of rows and how
    many to skip before them.
    """
    columns = _columns(serializer_class)  # type: ignore[arg-type]  # a class, and hashable
    sql, params = _sql(queryset, *columns.sources)
    # Each level hands the rows on in the order of the innermost.
    statement = f"""
        SELECT item, id FROM (
            SELECT item, id, sum(octet_length(item)) OVER (ROWS UNBOUNDED PRECEDING) AS bytes
            FROM (
                SELECT row_to_json(shown)::text AS item, shown.id FROM (
                    SELECT {columns.written}
                    FROM ({sql} LIMIT %s OFFSET %s) AS page({", ".join(columns.names)})
                ) AS shown
            ) AS written
        ) AS measured WHERE bytes - octet_length(item) < {PAGE_BYTES_MAX}
    """  # noqa: S608 - names come from the serializer, sql from the ORM with its parameters apart
    return _statement(statement, params, queryset.db, serializer_class)


def fetch_page(
    statement: Statement,
    params: tuple[Any, ...],
    *,
    limit: int,
    skip: int = 0,
    is_reversed: bool = False,
) -> JsonPage:
    """Execute a `page_statement` with the parameters of its queryset."""
    rows = statement.fetch_all((*params, limit + 1, skip))
    texts = [text for text, _ in rows[:limit]]
    ids = [row_id for _, row_id in rows[:limit]]
    if is_reversed:
        texts.reverse()
        ids.reverse()
    text = f"[{','.join(texts)}]".encode()
    return JsonPage(
        text=text,
        count=len(texts),
        has_more=len(rows) > limit or len(text) >= PAGE_BYTES_MAX,
        first_id=ids[0] if ids else None,
        last_id=ids[-1] if ids else None,
    )


def json_rows(
    queryset: QuerySet[Any],
    serializer_class: Rows,
    *,
    limit: int,
    skip: int = 0,
    is_reversed: bool = False,
) -> JsonPage:
    """`limit` rows of an ordered queryset after `skip`, as a JSON array, in one query.

    `serializer_class` names the keys; each must be a column or a path to one, and `id` among
    them. One row more than asked for is looked at, so `has_more` is exact, but for a page that
    ends early because its rows came to 16 MiB. `is_reversed` turns the order round in the answer:
    rows read towards the newest are still shown newest first.
    """
    try:
        statement = page_statement(queryset, serializer_class)
    except EmptyResultSet:
        return JsonPage(b"[]", count=0, has_more=False, first_id=None, last_id=None)
    return fetch_page(statement, statement.params, limit=limit, skip=skip, is_reversed=is_reversed)


def row_statement(queryset: QuerySet[Any], serializer_class: Rows, *, extra: str) -> Statement:
    """What `json_row` executes; may raise `EmptyResultSet`."""
    columns = _columns(serializer_class)  # type: ignore[arg-type]  # as above
    # A column that the serializer shows anyway is selected once.
    is_shown = extra in columns.sources
    names = columns.names if is_shown else (*columns.names, '"extra column"')
    beside = columns.names[columns.sources.index(extra)] if is_shown else '"extra column"'
    sources = columns.sources if is_shown else (*columns.sources, extra)
    sql, params = _sql(queryset.order_by(), *sources)
    statement = f"""
        WITH found({", ".join(names)}) AS ({sql})
        SELECT (SELECT row_to_json(item) FROM (SELECT {columns.written}) AS item)::text, {beside}
        FROM found
    """  # noqa: S608 - as above
    return _statement(statement, params, queryset.db, serializer_class)


def fetch_row(statement: Statement, params: tuple[Any, ...]) -> tuple[bytes, Any] | None:
    """Execute a `row_statement` with the parameters of its queryset."""
    found = statement.fetch_one(params)
    return (found[0].encode(), found[1]) if found else None


def json_row(
    queryset: QuerySet[Any], serializer_class: Rows, *, extra: str
) -> tuple[bytes, Any] | None:
    """The only row of `queryset` as a JSON object beside the column `extra`; None without one."""
    try:
        statement = row_statement(queryset, serializer_class, extra=extra)
    except EmptyResultSet:
        return None
    return fetch_row(statement, statement.params)
