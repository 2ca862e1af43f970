"""Django's PostgreSQL backend with a free health check and an end to every wait."""

import select
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self, TypeVar, cast

import psycopg
from django.conf import settings
from django.db.backends.postgresql import base
from psycopg.abc import PQGen

Answer = TypeVar("Answer")

# Over the server's own limit for a statement: only a server that hangs takes this long.
SECONDS_OVER_STATEMENT_TIMEOUT = 2


class BoundedConnection(psycopg.Connection[Any]):
    """Gives up on a server that neither answers nor closes the connection."""

    answer_seconds: float | None = None
    prepared_cursors: "dict[str, PreparedCursor]"

    def wait(
        self, gen: PQGen[Answer], interval: float = 0.1, timeout: float | None = None
    ) -> Answer:
        try:
            return super().wait(gen, interval, timeout or self.answer_seconds)
        except psycopg.errors._WaitTimeout as error:  # noqa: SLF001 - the only name it has
            # An answer may still arrive and must not be taken for that of a later question.
            self.pgconn.finish()
            raise psycopg.OperationalError("The server did not answer in time.") from error


class PreparedCursor(psycopg.Cursor[Any]):
    """Executes one statement again and again.

    The server parses and plans it once; the parameters go apart from it, encoded by what the
    first execution learned of their types.
    """

    def close(self) -> None:
        """Let go of the rows, and be ready for the next execution."""
        self._reset()
        self._tx.set_pgresult(None)

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        return super().execute(query, params, prepare=True, **options)


class DatabaseWrapper(base.DatabaseWrapper):
    """Keeps connections for good and still notices that the server has gone or hangs.

    Django's own check is a `SELECT 1` before the first query of each request (0.18 ms). An idle
    connection has nothing to read; when it has, the server closed it or said that it will.
    """

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connection = super().get_new_connection(conn_params)
        connection.__class__ = BoundedConnection
        connection.prepared_cursors = {}
        limit = settings.STATEMENT_TIMEOUT_MS
        if limit:
            connection.answer_seconds = limit / 1000 + SECONDS_OVER_STATEMENT_TIMEOUT
        return connection

    def is_usable(self) -> bool:
        if self.connection is None or self.connection.closed:
            return False
        socket = select.poll()
        socket.register(self.connection.fileno(), select.POLLIN)
        return not socket.poll(0) or super().is_usable()

    def prepared_cursor(self, statement: str) -> Any:
        """As `cursor()`, to execute `statement`, one of few, and the very same string each time.

        Half as dear as a cursor that writes the parameters into the text of its statement.
        """
        self.close_if_health_check_failed()
        self.ensure_connection()
        with self.wrap_database_errors:
            connection = cast("BoundedConnection", self.connection)
            cursor = connection.prepared_cursors.get(statement)
            if cursor is None:
                cursor = connection.prepared_cursors[statement] = PreparedCursor(connection)
            return self._prepare_cursor(cursor)  # type: ignore[attr-defined]  # as cursor() does

    @contextmanager
    def answering_within(self, seconds: float) -> Iterator[None]:
        """Give the server `seconds` for each answer inside the block."""
        self.ensure_connection()
        connection = self.connection
        usual, connection.answer_seconds = connection.answer_seconds, seconds
        try:
            yield
        finally:
            connection.answer_seconds = usual
