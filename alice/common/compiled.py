"""Statements that the ORM builds once, for what is asked all the time.

Building the SQL of one row with 13 columns costs more than all the rest of its request. Where a
queryset depends on nothing but who asks and for which key, its SQL is always the same.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from django.core.exceptions import ImproperlyConfigured
from django.db import router
from django.db.models import Model, QuerySet

from alice.common.database import wrapper_for

Row = TypeVar("Row", bound=Model)

# Stand for the user's and the row's id while the statement is built. No row will ever have them.
STAND_INS = [(2**62 + 1, 2**62 + 2), (2**62 + 3, 2**62 + 4)]


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL, its parameters, and the database it is for."""

    sql: str
    params: tuple[Any, ...]
    using: str

    def fetch_one(self, params: tuple[Any, ...]) -> Any:
        """The row that the statement answers for `params`, None without one."""
        with wrapper_for(self.using).prepared_cursor(self.sql) as cursor:
            cursor.execute(self.sql, params)
            return cursor.fetchone()

    def fetch_all(self, params: tuple[Any, ...]) -> list[Any]:
        """All rows that the statement answers for `params`."""
        with wrapper_for(self.using).prepared_cursor(self.sql) as cursor:
            cursor.execute(self.sql, params)
            rows: list[Any] = cursor.fetchall()
        return rows


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement and where the ids of a request go among its parameters."""

    statement: Statement
    user_places: frozenset[int]
    key_places: frozenset[int]

    def params(self, user_id: int, key: int = 0) -> tuple[Any, ...]:
        """The parameters for one request."""
        return tuple(
            user_id if place in self.user_places else key if place in self.key_places else value
            for place, value in enumerate(self.statement.params)
        )


def compiled(build: Callable[[int, int], Statement]) -> Compiled:
    """The statement that `build(user_id, key)` makes, ready for any user and key.

    It is built twice, by different stand-ins for both: whatever then differs beside them (a point
    in time, say) must not be frozen, and raises `ImproperlyConfigured`.
    """
    first, second = (build(user_id, key) for user_id, key in STAND_INS)
    user_places, key_places = (
        frozenset(place for place, value in enumerate(first.params) if value == stand_in)
        for stand_in in STAND_INS[0]
    )
    found = Compiled(first, user_places, key_places)
    if first.sql != second.sql or found.params(*STAND_INS[1]) != second.params:
        raise ImproperlyConfigured("This depends on more than the user and the key.")
    return found


class CompiledGet:
    """`queryset.get(pk=key)` for a queryset that depends on the user alone."""

    def __init__(self, queryset_for: Callable[[int], QuerySet[Any]]) -> None:
        self.queryset_for = queryset_for
        self._compiled: Compiled | None = None
        self._model: type[Model] = Model

    def __call__(self, *, user_id: int, key: int) -> Any:
        """The instance, or None where the user has no such row."""
        if self._compiled is None:
            self._compiled = compiled(self._build)
        statement = self._compiled.statement
        row = statement.fetch_one(self._compiled.params(user_id, key))
        return None if row is None else _instance(self._model, statement, row)

    def _build(self, user_id: int, key: int) -> Statement:
        queryset = self.queryset_for(user_id).filter(pk=key).order_by()
        self._model = queryset.model
        names = [field.attname for field in queryset.model._meta.concrete_fields]
        return Statement(*queryset.values_list(*names).query.sql_with_params(), queryset.db)


def _instance(model: type[Row], statement: Statement, row: tuple[Any, ...]) -> Row:
    connection = wrapper_for(statement.using)
    names, converters = _columns(model)
    values = [
        convert(value, None, connection) if convert else value
        for convert, value in zip(converters, row, strict=True)
    ]
    return model.from_db(statement.using, names, values)


@cache
def _columns(model: type[Model]) -> tuple[list[str], list[Callable[..., Any] | None]]:
    fields = model._meta.concrete_fields
    return (
        [field.attname for field in fields],
        [getattr(field, "from_db_value", None) for field in fields],
    )


def insert(instance: Model) -> None:
    """`instance.save(force_insert=True)` for a model without parents, its SQL built once.

    Raises what `save` raises; sends no signals, of which the product's own models have none.
    """
    model = type(instance)
    using = router.db_for_write(model, instance=instance)
    connection = wrapper_for(using)
    params = [
        field.get_db_prep_save(field.pre_save(instance, add=True), connection)
        for field in model._meta.concrete_fields
        if not field.primary_key
    ]
    statement = _insert_sql(model)
    with connection.prepared_cursor(statement) as cursor:
        cursor.execute(statement, params)
        (instance.pk,) = cursor.fetchone() or (None,)
    instance._state.adding = False
    instance._state.db = using


@cache
def _insert_sql(model: type[Model]) -> str:
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    values = ", ".join(["%s"] * len(fields))
    key = model._meta.pk.column
    table = model._meta.db_table
    return f'INSERT INTO "{table}" ({columns}) VALUES ({values}) RETURNING "{key}"'  # noqa: S608
