"""What a plan allows and how much of it is used, told in one answer."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from alice.common import gate, usage
from alice.common.tests.kit import entitle
from billing.models import Standing
from system.models import Meter
from system.services import metering

pytestmark = pytest.mark.django_db

URL = "/api/billing/usage"


def make_pro(user):
    now = timezone.now()
    Standing.objects.create(
        user=user, tier="pro", status="active", pro_until=now + timedelta(days=9), changed_at=now
    )
    gate.change_tier(user.pk, "pro")


def keep(client, content):
    file = SimpleUploadedFile("note.txt", content)
    answer = client.post("/api/files/upload", {"file": file}, format="multipart")
    assert answer.status_code == 201


def test_a_new_user_is_shown_what_free_allows(alice, monkeypatch):
    now = datetime(2026, 12, 31, 23, 59, tzinfo=UTC)
    monkeypatch.setattr(usage.timezone, "now", lambda: now)

    assert alice.get(URL).json() == {
        "tier": "free",
        "period": {"start": "2026-12-01T00:00:00.000000Z", "end": "2027-01-01T00:00:00.000000Z"},
        "requests": {"limit_per_minute": 100_000, "remaining": 99_999},
        "upload_size_bytes": {"limit": 104_857_600},
        "storage_bytes": {"used": 0, "limit": 1_073_741_824},
        "transcode_minutes": {"used": 0, "limit": 60},
        "ai_tokens": {"used": 0, "limit": 100_000},
    }


def test_a_pro_user_is_shown_what_pro_allows(alice):
    make_pro(alice.user)

    body = alice.get(URL).json()

    assert (body["tier"], body["requests"]["limit_per_minute"]) == ("pro", 200_000)
    assert body["upload_size_bytes"] == {"limit": 1_073_741_824}
    limits = [body[name]["limit"] for name in ("storage_bytes", "transcode_minutes", "ai_tokens")]
    assert limits == [107_374_182_400, 3000, 5_000_000]


def test_what_is_used_is_what_the_apps_count(alice, bob):
    keep(alice, b"12345")
    keep(bob, b"more of it")
    metering.spend_or_refuse(
        owner_id=alice.user.pk, meter=Meter.TRANSCODE_SECONDS, amount=61, limit=999
    )

    body = alice.get(URL).json()

    assert (body["storage_bytes"]["used"], body["transcode_minutes"]["used"]) == (5, 2)


def test_requests_are_told_as_in_the_headers(alice):
    alice.get(URL)

    response = alice.get(URL)

    told = response.json()["requests"]
    assert told["limit_per_minute"] == int(response["X-RateLimit-Limit"])
    assert told["remaining"] == int(response["X-RateLimit-Remaining"]) == 99_998


def test_who_has_more_than_the_plan_allows_is_shown_both(alice, settings):
    keep(alice, b"12345")
    entitle(settings, free={"storage_bytes": 2})

    assert alice.get(URL).json()["storage_bytes"] == {"used": 5, "limit": 2}


def test_it_costs_one_query_for_each_thing_that_is_counted(alice, django_assert_num_queries):
    make_pro(alice.user)
    alice.get(URL)

    with django_assert_num_queries(2):
        assert alice.get(URL).json()["tier"] == "pro"


def test_nobody_else_is_told(anonymous):
    assert anonymous.get(URL).status_code == 401


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_it_is_only_read(alice, method):
    assert getattr(alice, method)(URL).status_code == 405
