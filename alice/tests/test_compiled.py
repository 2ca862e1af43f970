"""Statements built once: the same rows as the ORM's, for every user, and nothing frozen."""

import time

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection
from django.utils import timezone

from accounts.models import Session, User
from alice.common import json_rows
from alice.common.compiled import CompiledGet, Statement, compiled, insert
from alice.common.database import answering_within, wrapper_for
from alice.common.tests.kit import wait_until
from system.models import AuditEntry, Job
from system.serializers import JobSerializer

pytestmark = pytest.mark.django_db


def statement_of(queryset):
    return Statement(*queryset.values_list("pk").query.sql_with_params(), queryset.db)


def test_the_ids_of_each_request_take_the_places_of_the_stand_ins(alice, bob):
    sessions = compiled(
        lambda user_id, key: statement_of(Session.objects.filter(user_id=user_id, pk__lte=key))
    )

    found = [
        sessions.statement.fetch_all(sessions.params(client.user.pk, client.signed_in.pk))
        for client in (alice, bob)
    ]

    assert found == [[(alice.signed_in.pk,)], [(bob.signed_in.pk,)]]


def test_a_constant_stays_and_a_moment_is_refused():
    constant = compiled(lambda user_id, key: statement_of(Job.objects.filter(kind="x", pk=key)))
    assert constant.params(1, 7) == ("x", 7)

    with pytest.raises(ImproperlyConfigured, match="more than the user and the key"):
        compiled(lambda user_id, key: statement_of(Job.objects.filter(due_at__lt=timezone.now())))


def test_what_depends_on_the_value_of_an_id_is_refused():
    def build(user_id, key):
        rows = Job.objects.filter(owner_id=user_id)
        return statement_of(rows if user_id % 4 == 1 else rows.filter(kind="x"))

    with pytest.raises(ImproperlyConfigured):
        compiled(build)


def test_a_compiled_get_answers_what_the_orm_gets(alice, bob):
    own_session = CompiledGet(lambda user_id: Session.objects.filter(user_id=user_id))

    found = own_session(user_id=alice.user.pk, key=alice.signed_in.pk)

    expected = Session.objects.get(pk=alice.signed_in.pk)
    names = [field.attname for field in Session._meta.concrete_fields]
    assert [getattr(found, n) for n in names] == [getattr(expected, n) for n in names]
    assert own_session(user_id=bob.user.pk, key=alice.signed_in.pk) is None


def test_an_insert_stores_what_a_save_stores():
    entry = AuditEntry(action="a", details={"quote": "'\"%s", "n": [1, None, True]})
    insert(entry)

    stored = AuditEntry.objects.get()
    assert (stored.pk, stored.details) == (entry.pk, entry.details)
    assert stored.created_at == entry.created_at
    assert not entry._state.adding


def test_a_page_ends_before_it_fills_the_memory(monkeypatch):
    monkeypatch.setattr(json_rows, "PAGE_BYTES_MAX", 3000)

    now = timezone.now()
    for _ in range(5):
        Job.objects.create(kind="x", result={"text": "x" * 1000}, due_at=now)
    jobs = Job.objects.order_by("-pk")

    first = json_rows.json_rows(jobs, JobSerializer, limit=100)
    rest = json_rows.json_rows(jobs, JobSerializer, limit=100, skip=first.count)

    assert (first.count, first.has_more) == (3, True)
    assert (rest.count, rest.has_more) == (2, False)


def test_a_row_larger_than_a_page_is_a_page_of_its_own(monkeypatch):
    monkeypatch.setattr(json_rows, "PAGE_BYTES_MAX", 10)

    Job.objects.create(kind="x", due_at=timezone.now())

    page = json_rows.json_rows(Job.objects.order_by("-pk"), JobSerializer, limit=5)

    assert page.count == 1


def sleepers():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(1)'")
        return cursor.fetchone()[0]


@pytest.mark.django_db(transaction=True)
def test_a_server_that_hangs_loses_the_connection_and_the_next_question_a_new_one():
    started = time.monotonic()
    with (
        pytest.raises(OperationalError, match="in time"),
        answering_within(0.05),
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT pg_sleep(1)")
    assert time.monotonic() - started < 1

    assert wrapper_for("default").connection.closed
    connection.close()
    assert not User.objects.exists()
    wait_until(lambda: sleepers() == 0)
