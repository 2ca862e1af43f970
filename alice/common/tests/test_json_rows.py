"""Rows as JSON that PostgreSQL writes: the same as the serializer would write."""

import datetime
import uuid

import orjson
import pytest
from django.apps import apps
from django.utils import timezone
from rest_framework import serializers

from alice.common.json_bodies import JsonRenderer
from alice.common.json_rows import json_row, json_rows

pytestmark = pytest.mark.django_db

MOMENTS = [
    datetime.datetime(2026, 1, 31, 12, 0, 0, 0, datetime.UTC),
    datetime.datetime(2026, 1, 31, 12, 0, 0, 1, datetime.UTC),
    datetime.datetime(1970, 1, 1, 0, 0, 0, 999_999, datetime.UTC),
    datetime.datetime(2026, 7, 1, 1, 30, tzinfo=datetime.timezone(datetime.timedelta(hours=5.5))),
]
RESULTS = [
    None,
    {},
    {"text": 'quote " backslash \\ tab \t ü € 😀 </script> \u2028', "n": [1, 2.5, -0.1, 1e22]},
    {"deep": [[[{"a": None}]]], "big": 2**63 - 1, "yes": True, "": ""},
]


def job_model():
    return apps.get_model("system.Job")


class RowSerializer(serializers.ModelSerializer):
    number = serializers.IntegerField(source="id")
    hidden = serializers.CharField(write_only=True)

    class Meta:
        model = apps.get_model("system.Job")
        fields = [
            "id",
            "number",
            "kind",
            "status",
            "progress",
            "result",
            "error",
            "claim",
            "is_cancel_requested",
            "created_at",
            "started_at",
            "due_at",
            "hidden",
        ]


class ComputedSerializer(serializers.Serializer):
    id = serializers.SerializerMethodField()


def make_rows(count):
    return [
        job_model().objects.create(
            kind=f"k{number}\n'%s",
            owner_id=number % 2,
            result=RESULTS[number % len(RESULTS)],
            due_at=MOMENTS[number % len(MOMENTS)],
            started_at=MOMENTS[0] if number % 2 else None,
            claim=uuid.UUID(int=number),
            progress=number,
        )
        for number in range(count)
    ]


def test_rows_equal_what_the_serializer_writes():
    make_rows(8)
    rows = job_model().objects.order_by("-pk")

    page = json_rows(rows, RowSerializer, limit=10)

    written = JsonRenderer().render(RowSerializer(rows, many=True).data)
    assert orjson.loads(page.text) == orjson.loads(written)
    assert orjson.loads(page.text)[-1]["due_at"] == "2026-01-31T12:00:00.000000Z"
    assert list(orjson.loads(page.text)[0]) == RowSerializer.Meta.fields[:-1]


def test_one_row_equals_what_the_serializer_writes():
    (row,) = make_rows(1)

    text, version = json_row(
        job_model().objects.filter(pk=row.pk), RowSerializer, extra="progress"
    )

    row.refresh_from_db()
    assert orjson.loads(text) == orjson.loads(JsonRenderer().render(RowSerializer(row).data))
    assert version == 0
    assert json_row(job_model().objects.filter(pk=-1), RowSerializer, extra="pk") is None


@pytest.mark.parametrize("count", [0, 1, 20])
def test_any_number_of_rows_is_one_query(count, django_assert_num_queries):
    make_rows(count)

    with django_assert_num_queries(1):
        page = json_rows(job_model().objects.order_by("pk"), RowSerializer, limit=100)

    assert len(orjson.loads(page.text)) == count


@pytest.mark.parametrize(
    ("limit", "shown", "has_more"), [(0, 0, True), (1, 1, True), (4, 4, True), (5, 5, False)]
)
def test_whether_more_rows_follow_is_exact(limit, shown, has_more):
    made = [row.pk for row in make_rows(5)]

    page = json_rows(job_model().objects.order_by("pk"), RowSerializer, limit=limit)

    assert [row["id"] for row in orjson.loads(page.text)] == made[:shown]
    assert page.has_more is has_more
    assert (page.first_id, page.last_id) == ((made[0], made[shown - 1]) if shown else (None, None))


def test_rows_read_upwards_are_shown_newest_first():
    made = [row.pk for row in make_rows(5)]

    rows = job_model().objects.order_by("pk")
    page = json_rows(rows, RowSerializer, limit=2, is_reversed=True)

    assert [row["id"] for row in orjson.loads(page.text)] == [made[1], made[0]]
    assert (page.first_id, page.last_id, page.has_more) == (made[1], made[0], True)


def test_a_page_that_was_cut_for_its_bytes_says_that_more_follows(monkeypatch):
    monkeypatch.setattr("alice.common.json_rows.PAGE_BYTES_MAX", 3000)
    for row in make_rows(2):
        job_model().objects.filter(pk=row.pk).update(error="ü" * 1600)

    page = json_rows(job_model().objects.order_by("pk"), RowSerializer, limit=5)

    assert (page.count, page.has_more) == (1, True)


@pytest.mark.parametrize(
    "narrow",
    [
        lambda rows: rows.none(),
        lambda rows: rows.filter(pk__in=[]),
        lambda rows: rows.filter(pk=2**70),
        lambda rows: rows.filter(progress=10**30),
    ],
)
def test_a_filter_that_nothing_can_match_gives_an_empty_list(narrow):
    make_rows(2)
    rows = narrow(job_model().objects.order_by("pk"))

    assert json_rows(rows, RowSerializer, limit=5).text == b"[]"
    assert json_row(rows, RowSerializer, extra="pk") is None


def test_columns_that_only_order_are_not_shown():
    make_rows(3)
    rows = job_model().objects.order_by("owner_id", "pk").distinct()

    page = json_rows(rows, RowSerializer, limit=5)

    assert {frozenset(row) for row in orjson.loads(page.text)} == {
        frozenset(RowSerializer.Meta.fields[:-1])
    }


def test_a_field_computed_in_python_is_refused_when_it_is_first_used():
    with pytest.raises(TypeError, match="id is computed in Python"):
        json_rows(job_model().objects.order_by("pk"), ComputedSerializer, limit=1)


def test_parameters_stay_apart_from_the_sql():
    make_rows(2)
    rows = job_model().objects.filter(kind="x'); DROP TABLE system_job; --").order_by("pk")

    assert json_rows(rows, RowSerializer, limit=5).text == b"[]"
    assert job_model().objects.count() == 2
    assert timezone.is_aware(MOMENTS[0])
