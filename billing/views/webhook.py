from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.views import APIView

from alice.common.errors import PayloadTooLarge
from alice.common.serializing import json_response
from billing.serializers import ReceivedSerializer
from billing.services import webhooks

BODY_MAX_BYTES = 1024 * 1024
SIGNATURE = OpenApiParameter(
    "Stripe-Signature", str, OpenApiParameter.HEADER, required=True, description="By Stripe."
)
ERROR = {"$ref": "#/components/schemas/Error"}


class WebhookView(APIView):
    # Stripe has no account here: its signature is looked at, over the body as it came. Nor may
    # its deliveries be counted against anybody's window.
    authentication_classes = []
    permission_classes = [AllowAny]
    parser_classes = []

    @extend_schema(
        operation_id="billing_webhook",
        summary="For Stripe: what has happened",
        description=(
            "Answers 200 when what the event is about is stored, when it was before, and for"
            " events that nothing here depends on. Stripe delivers again after anything else."
        ),
        parameters=[SIGNATURE],
        request={"application/json": OpenApiTypes.OBJECT},
        responses={
            200: ReceivedSerializer,
            400: OpenApiResponse(ERROR, "Not signed by Stripe, too old, or no event."),
            503: OpenApiResponse(ERROR, "Not set up, or Stripe does not answer."),
        },
    )
    def post(self, request: Request) -> HttpResponseBase:
        django_request = request._request
        if int(django_request.META.get("CONTENT_LENGTH") or 0) > BODY_MAX_BYTES:
            raise PayloadTooLarge(f"An event has at most {BODY_MAX_BYTES} bytes.")
        webhooks.receive(
            body=django_request.body,
            signature=django_request.META.get("HTTP_STRIPE_SIGNATURE", ""),
        )
        return json_response({"received": True})
