from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.requests import SignedInRequest
from alice.common.conditional import conditional_json, etag_of
from alice.common.errors import NotFound
from alice.common.json_rows import json_row
from alice.common.serializing import checked, json_response, shown
from alice.common.views import ListRows
from notifications.models import Delivery, DeliveryQuerySet, Endpoint, EndpointQuerySet
from notifications.serializers import (
    DeliverySerializer,
    EndpointChangesSerializer,
    EndpointSerializer,
    EndpointWithSecretSerializer,
)
from notifications.services import deliveries, endpoints

ENDPOINT_ID = OpenApiParameter("endpoint_id", int, OpenApiParameter.PATH)
DELIVERY_ID = OpenApiParameter("delivery_id", int, OpenApiParameter.PATH)


def with_secret(endpoint: Endpoint, *, status: int = 200, **headers: str) -> HttpResponse:
    """The one answer in which a secret is shown: the one that made it."""
    body = shown(EndpointSerializer, endpoint)
    body["secret"] = endpoint.secret.reveal() if endpoint.secret else None
    headers |= {"Cache-Control": "no-store"}
    return json_response(body, status=status, headers=headers)


class EndpointViewSet(ListRows, GenericViewSet[Endpoint]):
    request: SignedInRequest
    serializer_class = EndpointSerializer
    lookup_url_kwarg = "endpoint_id"
    queryset = Endpoint.objects.none()

    def get_queryset(self) -> EndpointQuerySet:
        return Endpoint.objects.visible_to(self.request.user).order_by("-pk")

    @extend_schema(operation_id="notify_webhooks", summary="Where notifications are posted to")
    def list(self, request: Request, **kwargs: Any) -> HttpResponseBase:
        return super().list(request, **kwargs)

    @extend_schema(
        operation_id="notify_webhooks_create",
        summary="Have your notifications posted to an address",
        description="As Standard Webhooks has it (https://www.standardwebhooks.com): signed with"
        " the secret, which is shown this once. Answer 2xx; 410 disables the endpoint; anything"
        " else is tried again for a day.",
        responses={201: EndpointWithSecretSerializer},
    )
    def create(self, request: Request) -> HttpResponse:
        url = checked(EndpointSerializer, request.data)["url"]
        endpoint = endpoints.add_endpoint(owner_id=self.request.user.pk, url=url)
        location = f"{settings.API_PREFIX}notify/webhooks/{endpoint.pk}"
        return with_secret(endpoint, status=201, Location=location)

    @extend_schema(operation_id="notify_webhooks_get", summary="One endpoint")
    def retrieve(self, request: Request, endpoint_id: int) -> HttpResponseBase:
        row = self.get_queryset().filter(pk=endpoint_id)
        found = json_row(row, EndpointSerializer, extra="id")
        if found is None:
            raise NotFound
        body, pk = found
        return conditional_json(request._request, body, etag_of(pk, body=body))

    @extend_schema(
        operation_id="notify_webhooks_update",
        summary="Change an endpoint, or enable it again",
        request=EndpointChangesSerializer,
        responses=EndpointSerializer,
    )
    def partial_update(self, request: Request, endpoint_id: int) -> HttpResponse:
        endpoint = endpoints.change_endpoint(
            endpoints=self.get_queryset(),
            endpoint_id=endpoint_id,
            **checked(EndpointChangesSerializer, request.data),
        )
        return json_response(shown(EndpointSerializer, endpoint))

    @extend_schema(
        operation_id="notify_webhooks_delete",
        summary="Delete an endpoint",
        description="Calls that are still owed to it go with it.",
        responses={204: None},
    )
    def destroy(self, request: Request, endpoint_id: int) -> Response:
        endpoints.delete_endpoint(endpoints=self.get_queryset(), endpoint_id=endpoint_id)
        return Response(status=204)

    @extend_schema(
        operation_id="notify_webhooks_rotate",
        summary="Give an endpoint a new secret",
        description="It is shown this once. For 24 hours calls are signed with both.",
        request=None,
        responses=EndpointWithSecretSerializer,
    )
    def rotate(self, request: Request, endpoint_id: int) -> HttpResponse:
        mine = self.get_queryset()
        return with_secret(endpoints.rotate_secret(endpoints=mine, endpoint_id=endpoint_id))

    @extend_schema(
        operation_id="notify_webhooks_test",
        summary="Have an endpoint called with a test",
        description="The call has the type `webhook.test`; look among the deliveries how it went.",
        request=None,
        responses={202: DeliverySerializer},
    )
    def test(self, request: Request, endpoint_id: int) -> HttpResponse:
        mine = self.get_queryset()
        delivery = endpoints.try_endpoint(endpoints=mine, endpoint_id=endpoint_id)
        return json_response(shown(DeliverySerializer, delivery), status=202)


class DeliveryViewSet(ListRows, GenericViewSet[Delivery]):
    request: SignedInRequest
    serializer_class = DeliverySerializer
    lookup_url_kwarg = "delivery_id"
    default_limit = 50
    queryset = Delivery.objects.none()

    def get_queryset(self) -> DeliveryQuerySet:
        mine = Endpoint.objects.visible_to(self.request.user)
        endpoint_id = self.kwargs["endpoint_id"]
        if not mine.filter(pk=endpoint_id).exists():
            raise NotFound
        return Delivery.objects.filter(endpoint_id=endpoint_id).order_by("-pk")

    @extend_schema(
        operation_id="notify_webhooks_deliveries",
        summary="Calls of an endpoint and how they went, newest first",
        parameters=[ENDPOINT_ID],
    )
    def list(self, request: Request, **kwargs: Any) -> HttpResponseBase:
        return super().list(request, **kwargs)

    @extend_schema(
        operation_id="notify_webhooks_redeliver",
        summary="Make a call again",
        description="Under the same webhook-id. 409 while it is still being tried.",
        request=None,
        responses={202: DeliverySerializer},
        parameters=[ENDPOINT_ID, DELIVERY_ID],
    )
    def redeliver(self, request: Request, endpoint_id: int, delivery_id: int) -> HttpResponse:
        endpoints.count_try(self.request.user.pk)
        delivery = deliveries.redeliver(deliveries=self.get_queryset(), delivery_id=delivery_id)
        return json_response(shown(DeliverySerializer, delivery), status=202)
