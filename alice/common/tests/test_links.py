"""Signed links among the fields of a row, written by PostgreSQL and by `shown` alike."""

import orjson
import pytest
from django.apps import apps
from django.utils import timezone
from rest_framework import serializers

from alice.common.conditional import etag_of
from alice.common.json_rows import json_row, json_rows
from alice.common.links import LinkField, row_etag
from alice.common.serializing import shown
from alice.common.signed_urls import signed_url

pytestmark = pytest.mark.django_db
NOW = 1_800_000_000


class LinkedSerializer(serializers.ModelSerializer):
    file_url = LinkField(route="accounts:export-file", verb="download")
    owner_url = LinkField(route="accounts:export-file", verb="peek", source="owner_id")

    class Meta:
        model = apps.get_model("system.Job")
        fields = ["id", "kind", "file_url", "owner_url", "due_at"]


class PlainSerializer(serializers.ModelSerializer):
    class Meta:
        model = apps.get_model("system.Job")
        fields = ["id"]


def jobs():
    return apps.get_model("system.Job").objects.order_by("pk")


@pytest.fixture
def rows(alice, time_machine):
    """A job of alice and one of nobody, at a fixed time."""
    time_machine.move_to(NOW, tick=False)
    kind = 'k"\n\\ ü☂ "file_url":7'
    make = jobs().model.objects.create
    return [make(kind=kind, owner_id=who, due_at=timezone.now()) for who in (alice.user.pk, None)]


def link(job, verb):
    return signed_url(f"/api/auth/export/{job.pk}", verb=verb)


def test_a_link_is_that_of_the_row_and_null_where_its_column_is(rows):
    written = orjson.loads(json_rows(jobs(), LinkedSerializer, limit=9).text)

    assert [row["file_url"] for row in written] == [link(job, "download") for job in rows]
    assert [row["owner_url"] for row in written] == [link(rows[0], "peek"), None]
    assert [row["kind"] for row in written] == [job.kind for job in rows]


def test_one_row_an_instance_and_the_serializer_show_the_same(rows):
    for job in rows:
        text, _ = json_row(jobs().filter(pk=job.pk), LinkedSerializer, extra="progress")

        assert orjson.loads(text) == shown(LinkedSerializer, job)
        assert orjson.loads(text)["file_url"] == LinkedSerializer(job).data["file_url"]
    assert json_row(jobs().filter(pk=-1), LinkedSerializer, extra="progress") is None


def test_links_cost_no_query(rows, django_assert_num_queries):
    with django_assert_num_queries(1):
        json_rows(jobs(), LinkedSerializer, limit=9)


def test_only_rows_with_links_have_a_digest_in_their_tag():
    assert row_etag(LinkedSerializer, 3, b"{}") == etag_of(3, body=b"{}") != '"3"'
    assert row_etag(PlainSerializer, 3, b"{}") == '"3"'
