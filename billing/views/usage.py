from dataclasses import asdict

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.requests import SignedInRequest
from alice.common.serializing import json_response, written_time
from alice.common.tiers import entitlements, tier_of
from alice.common.usage import current_period, usage_of
from billing.serializers import UsageSerializer

METERED = ["storage_bytes", "transcode_minutes", "ai_tokens"]


class UsageView(APIView):
    request: SignedInRequest

    @extend_schema(
        operation_id="billing_usage",
        summary="What your plan allows, and how much of it is used",
        description=(
            "Minutes and tokens are those of `period`, a calendar month in UTC; a transcode"
            " counts the length of its source. `used` is above `limit` where you have more than"
            " your present plan allows: nothing of it is taken away, and nothing can be added."
        ),
        responses=UsageSerializer,
    )
    def get(self, request: Request) -> HttpResponse:
        user_id = self.request.user.pk
        tier, period = tier_of(user_id), current_period()
        window = request._request.rate_window  # type: ignore[attr-defined]  # set by the gate
        report = {
            "tier": tier,
            "period": {"start": written_time(period.start), "end": written_time(period.end)},
            "requests": {"limit_per_minute": window.limit, "remaining": window.remaining},
            "upload_size_bytes": {"limit": entitlements(tier).upload_size_bytes},
        }
        used = {name: asdict(usage_of(user_id, name)) for name in METERED}
        return json_response(report | used)
