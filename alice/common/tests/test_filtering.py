"""Filters of lists: applied when named, refused when wrong, free when absent."""

from types import SimpleNamespace

import django_filters
import pytest
from django.apps import apps
from django.utils import timezone
from rest_framework.exceptions import ValidationError

from alice.common.filtering import QueryFilterBackend

JOBS = "/api/jobs"

pytestmark = pytest.mark.django_db


class RangeFilter(django_filters.FilterSet):
    progress = django_filters.RangeFilter()

    class Meta:
        model = apps.get_model("system.Job")
        fields = ["progress"]


def rows_for(query, filterset_class=RangeFilter):
    rows = apps.get_model("system.Job").objects.order_by("pk")
    request = SimpleNamespace(query_params=query)
    view = SimpleNamespace(filterset_class=filterset_class)
    return QueryFilterBackend().filter_queryset(request, rows, view)


def make_jobs(owner, *kinds):
    job = apps.get_model("system.Job")
    for number, kind in enumerate(kinds):
        job.objects.create(kind=kind, owner_id=owner.pk, due_at=timezone.now(), progress=number)


def kinds(response):
    assert response.status_code == 200
    return [row["kind"] for row in response.json()]


def test_a_filter_narrows_the_list(alice):
    make_jobs(alice.user, "a", "b", "a")

    assert kinds(alice.get(JOBS, {"kind": "a"})) == ["a", "a"]
    assert kinds(alice.get(JOBS, {"kind": "b", "status": "queued"})) == ["b"]
    assert kinds(alice.get(JOBS, {"kind": "a", "status": "failed"})) == []


@pytest.mark.parametrize("value", ["gone", "QUEUED", "queued ", "0", "queued,failed"])
def test_an_unknown_value_of_an_enumerated_filter_is_400(alice, value):
    response = alice.get(JOBS, {"status": value})

    assert response.status_code == 400
    assert response.json()["errors"].keys() == {"status"}


@pytest.mark.parametrize("value", ["'; DROP TABLE system_job; --", "%", "_", "é" * 5000, "\\"])
def test_any_text_is_only_a_text(alice, value):
    make_jobs(alice.user, "a")

    assert kinds(alice.get(JOBS, {"kind": value})) == []


def test_an_unknown_parameter_filters_nothing(alice):
    make_jobs(alice.user, "a", "b")

    assert kinds(alice.get(JOBS, {"colour": "red"})) == ["b", "a"]


def test_a_filter_that_goes_by_a_suffix_is_applied(alice):
    make_jobs(alice.user, "a", "b", "c")

    assert rows_for({"progress_min": "1"}).count() == 2
    with pytest.raises(ValidationError):
        rows_for({"progress_max": "many"})


def test_without_a_parameter_of_its_own_no_form_is_built(alice, monkeypatch):
    monkeypatch.setattr(RangeFilter, "__init__", lambda *_, **__: pytest.fail("was built"))

    assert rows_for({"skip": "1", "limit": "2"}).count() == 0
    assert rows_for({"kind": "a"}, filterset_class=None).count() == 0
