from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.requests import SignedInRequest
from alice.common.idempotency import idempotent
from alice.common.pagination import boolean_parameter, integer_parameter
from alice.common.serializing import checked, json_response, shown
from billing.serializers import (
    CheckoutRequestSerializer,
    CheckoutSerializer,
    InvoiceSerializer,
    PlanSerializer,
    PortalRequestSerializer,
    PortalSerializer,
    SubscriptionSerializer,
)
from billing.services import checkout, invoices, plans, portal, subscriptions

INVOICES, INVOICES_MAX = 10, 100
CANCEL_NOW = OpenApiParameter(
    "cancel_immediately", bool, description="End it now, not with its period.", default=False
)
LIMIT = OpenApiParameter(
    "limit",
    {"type": "integer", "minimum": 1, "maximum": INVOICES_MAX, "default": INVOICES},
    description="How many at most.",
)


def refusal(sentence: str) -> OpenApiResponse:
    return OpenApiResponse({"$ref": "#/components/schemas/Error"}, sentence)


# `dict[Any, Any]`: the type that extend_schema wants.
NONE_RUNNING: dict[Any, Any] = {404: refusal("There is no subscription that runs.")}
STRIPE_SAYS_NO: dict[Any, Any] = {
    402: refusal("The payment was refused."),
    503: refusal("Billing is not set up (`billing_off`), or Stripe does not answer."),
}


def request_key_of(request: HttpRequest) -> str:
    key: str = request.META.get("HTTP_IDEMPOTENCY_KEY", "")
    return key


class CheckoutView(APIView):
    request: SignedInRequest

    @extend_schema(
        operation_id="billing_checkout",
        summary="Subscribe: a page of Stripe's on which to pay",
        description=(
            "Checkouts left open before are closed. 409 when you have a subscription. URLs must"
            " be of an allowed origin; `{CHECKOUT_SESSION_ID}` in them is filled in by Stripe."
        ),
        request=CheckoutRequestSerializer,
        responses={200: CheckoutSerializer, **STRIPE_SAYS_NO},
    )
    @idempotent
    def post(self, request: Request) -> HttpResponseBase:
        wish = checkout.Wish(
            owner_id=self.request.user.pk,
            request_key=request_key_of(request._request),
            **checked(CheckoutRequestSerializer, request.data),
        )
        return json_response(shown(CheckoutSerializer, checkout.open_checkout(wish)))


class PlansView(APIView):
    @extend_schema(
        operation_id="billing_plans",
        summary="What can be subscribed to, the default first",
        responses={200: PlanSerializer(many=True), **STRIPE_SAYS_NO},
    )
    def get(self, request: Request) -> HttpResponseBase:
        return json_response([shown(PlanSerializer, plan) for plan in plans.plans()])


class SubscriptionView(APIView):
    request: SignedInRequest

    @extend_schema(
        operation_id="billing_subscription",
        summary="Your subscription",
        description="The one that counts; one that has ended only when there is no other.",
        responses={200: SubscriptionSerializer, 404: refusal("You never subscribed.")},
    )
    def get(self, request: Request) -> HttpResponseBase:
        facts = subscriptions.subscription_of(self.request.user.pk)
        return json_response(shown(SubscriptionSerializer, facts))


class CancelView(APIView):
    request: SignedInRequest

    @extend_schema(
        operation_id="billing_subscription_cancel",
        summary="Cancel your subscription",
        description="It runs on to the end of its period and can be reactivated until then.",
        parameters=[CANCEL_NOW],
        request=None,
        responses={200: SubscriptionSerializer, **NONE_RUNNING, **STRIPE_SAYS_NO},
    )
    @idempotent
    def post(self, request: Request) -> HttpResponseBase:
        facts = subscriptions.cancel(
            owner_id=self.request.user.pk,
            is_immediate=boolean_parameter(request._request.GET, "cancel_immediately"),
        )
        return json_response(shown(SubscriptionSerializer, facts))


class ReactivateView(APIView):
    request: SignedInRequest

    @extend_schema(
        operation_id="billing_subscription_reactivate",
        summary="Let a subscription go on that was set to end",
        request=None,
        responses={
            200: SubscriptionSerializer,
            **NONE_RUNNING,
            409: refusal("It is not set to end."),
            **STRIPE_SAYS_NO,
        },
    )
    @idempotent
    def post(self, request: Request) -> HttpResponseBase:
        facts = subscriptions.reactivate(owner_id=self.request.user.pk)
        return json_response(shown(SubscriptionSerializer, facts))


class InvoicesView(APIView):
    request: SignedInRequest

    @extend_schema(
        operation_id="billing_invoices",
        summary="Your invoices, newest first",
        parameters=[LIMIT],
        responses={200: InvoiceSerializer(many=True), **STRIPE_SAYS_NO},
    )
    def get(self, request: Request) -> HttpResponseBase:
        limit = integer_parameter(
            request._request.GET, "limit", INVOICES, minimum=1, maximum=INVOICES_MAX
        )
        found = invoices.invoices_of(owner_id=self.request.user.pk, limit=limit)
        return json_response([shown(InvoiceSerializer, invoice) for invoice in found])


class PortalView(APIView):
    request: SignedInRequest

    @extend_schema(
        operation_id="billing_portal",
        summary="Stripe's pages for your card, plan and invoices",
        request=PortalRequestSerializer,
        responses={
            200: PortalSerializer,
            404: refusal("You never bought anything."),
            **STRIPE_SAYS_NO,
        },
    )
    @idempotent
    def post(self, request: Request) -> HttpResponseBase:
        wanted = checked(PortalRequestSerializer, request.data)
        url = portal.open_portal(owner_id=self.request.user.pk, **wanted)
        return json_response({"url": url})
