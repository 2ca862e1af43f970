from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAdminUser
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.requests import SignedInRequest
from alice.common.idempotency import idempotent
from alice.common.openapi import STAFF_ONLY
from alice.common.serializing import checked, json_response, shown
from notifications.serializers import BroadcastJobSerializer, BroadcastSerializer
from notifications.services import broadcasts


class BroadcastView(APIView):
    request: SignedInRequest
    permission_classes = [IsAdminUser]

    @extend_schema(
        operation_id="notify_broadcast",
        summary="Tell every active user something; for staff",
        description="A job: GET /api/jobs/{job_id} says how far it is and how many it reached.",
        request=BroadcastSerializer,
        responses={202: BroadcastJobSerializer, **STAFF_ONLY},
    )
    @idempotent
    def post(self, request: Request) -> HttpResponseBase:
        content = checked(BroadcastSerializer, request.data)
        job = broadcasts.request_broadcast(actor=self.request.user, **content)
        return json_response(
            shown(BroadcastJobSerializer, job),
            status=202,
            headers={"Location": f"/api/jobs/{job.pk}"},
        )
