"""The database connection: kept, and replaced when the server has gone."""

import psycopg
import pytest
from django.db import OperationalError, connection, connections
from django.test.utils import CaptureQueriesContext

from alice.common.postgresql.base import DatabaseWrapper
from alice.common.tests.kit import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


def server_pid():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]


def terminate(pid):
    """End the server's side of the connection, as a restart of the server does."""
    own = connection.copy()
    with own.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    own.close()


def begin_request():
    """What Django does with kept connections when a request begins."""
    for kept in connections.all(initialized_only=True):
        kept.health_check_done = False
        kept.close_if_unusable_or_obsolete()


@pytest.fixture(autouse=True)
def kept():
    connection.ensure_connection()
    connection.health_check_enabled = True
    yield
    connection.health_check_enabled = False


def test_it_is_the_backend_of_the_product():
    assert isinstance(connections["default"], DatabaseWrapper)


def test_a_connection_whose_server_went_is_replaced_before_it_is_used():
    first = server_pid()
    terminate(first)
    wait_until(lambda: not connection.is_usable())
    begin_request()

    assert server_pid() != first


def test_a_connection_lost_in_a_request_is_replaced_for_the_next():
    first = server_pid()
    terminate(first)

    with pytest.raises(OperationalError), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    begin_request()

    assert server_pid() != first


def test_an_idle_connection_is_found_good_without_a_query(monkeypatch):
    first = server_pid()
    asked = []
    monkeypatch.setattr(psycopg.Connection, "execute", lambda *_: asked.append(1))
    monkeypatch.setattr(psycopg.Cursor, "execute", lambda *_: asked.append(1))

    assert connection.is_usable() is True
    monkeypatch.undo()

    assert asked == []
    with CaptureQueriesContext(connection) as captured:
        begin_request()
    assert len(captured) == 0
    assert server_pid() == first


def test_a_closed_connection_is_not_usable():
    connection.close()

    assert connection.is_usable() is False
    assert server_pid() > 0


def test_a_notice_that_waits_to_be_read_does_not_cost_the_connection():
    first = server_pid()
    with connection.cursor() as cursor:
        cursor.execute("LISTEN something")
    own = connection.copy()
    with own.cursor() as cursor:
        cursor.execute("NOTIFY something")
    own.close()
    begin_request()

    assert connection.is_usable()
    assert server_pid() == first
