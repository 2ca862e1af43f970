from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from alice.common.fields import TextField
from billing.services.return_urls import URL_MAX

SUBSCRIPTION: dict[str, Any] = {
    "id": 1,
    "status": "active",
    "current_period_start": "2026-01-01T00:00:00.000000Z",
    "current_period_end": "2026-02-01T00:00:00.000000Z",
    "cancel_at_period_end": False,
    "price": 49.99,
    "currency": "usd",
}
INVOICE: dict[str, Any] = {
    "id": "in_1Qx0aB2eZvKYlo2C",
    "amount_due": 4999,
    "amount_paid": 4999,
    "currency": "usd",
    "status": "paid",
    "created": "2026-01-01T00:00:00.000000Z",
    "invoice_pdf": "https://pay.stripe.com/invoice/acct_1/live_1/pdf",
    "hosted_invoice_url": "https://invoice.stripe.com/i/acct_1/live_1",
}
PLAN: dict[str, Any] = {
    "plan": "pro_monthly",
    "price_id": "price_1Qx0aB2eZvKYlo2C",
    "name": "Alice Pro",
    "tier": "pro",
    "price": 49.99,
    "currency": "usd",
    "interval": "month",
    "interval_count": 1,
}


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "The default plan",
            value={
                "success_url": "https://app.example/success",
                "cancel_url": "https://app.example/cancel",
            },
            request_only=True,
        )
    ]
)
class CheckoutRequestSerializer(serializers.Serializer[Any]):
    success_url = TextField(max_length=URL_MAX, help_text="Where the browser goes once paid.")
    cancel_url = TextField(max_length=URL_MAX, help_text="Where the browser goes otherwise.")
    plan = TextField(
        max_length=200, required=False, help_text="A `plan` of `GET /api/billing/plans`."
    )
    price_id = TextField(max_length=255, required=False, help_text="Or its `price_id`.")


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A checkout",
            value={
                "session_id": "cs_test_a1B2c3",
                "url": "https://checkout.stripe.com/c/pay/cs_test_a1B2c3",
            },
        )
    ]
)
class CheckoutSerializer(serializers.Serializer[Any]):
    session_id = serializers.CharField()
    url = serializers.CharField(help_text="The page on which to pay; good for a day.")


@extend_schema_serializer(examples=[OpenApiExample("Pro, monthly", value=SUBSCRIPTION)])
class SubscriptionSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    status = serializers.CharField(
        help_text="As Stripe calls it: active, trialing, past_due, canceled, unpaid, ..."
    )
    current_period_start = serializers.DateTimeField(allow_null=True)
    current_period_end = serializers.DateTimeField(allow_null=True)
    cancel_at_period_end = serializers.BooleanField(help_text="Whether it is set to end.")
    price = serializers.FloatField(help_text="In the currency's own unit: 49.99 dollars.")
    currency = serializers.CharField(help_text="ISO 4217, in small letters.")


@extend_schema_serializer(examples=[OpenApiExample("A paid invoice", value=INVOICE)])
class InvoiceSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    amount_due = serializers.IntegerField(help_text="In the smallest unit: 4999 cents.")
    amount_paid = serializers.IntegerField(help_text="In the smallest unit.")
    currency = serializers.CharField()
    status = serializers.CharField(
        allow_null=True, help_text="draft, open, paid, uncollectible or void."
    )
    created = serializers.DateTimeField()
    invoice_pdf = serializers.CharField(allow_null=True)
    hosted_invoice_url = serializers.CharField(allow_null=True)


@extend_schema_serializer(examples=[OpenApiExample("The monthly plan", value=PLAN)])
class PlanSerializer(serializers.Serializer[Any]):
    plan = serializers.CharField(help_text="What checkout takes.")
    price_id = serializers.CharField()
    name = serializers.CharField()
    tier = serializers.CharField()
    price = serializers.FloatField(help_text="In the currency's own unit.")
    currency = serializers.CharField()
    interval = serializers.CharField(help_text="day, week, month or year.")
    interval_count = serializers.IntegerField()


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Back to the app",
            value={"return_url": "https://app.example/account"},
            request_only=True,
        )
    ]
)
class PortalRequestSerializer(serializers.Serializer[Any]):
    return_url = TextField(max_length=URL_MAX, help_text="Where the portal leads back to.")


@extend_schema_serializer(
    examples=[
        OpenApiExample("A portal", value={"url": "https://billing.stripe.com/p/session/bps_1"})
    ]
)
class PortalSerializer(serializers.Serializer[Any]):
    url = serializers.CharField(help_text="Good for some minutes.")


@extend_schema_serializer(examples=[OpenApiExample("Noted", value={"received": True})])
class ReceivedSerializer(serializers.Serializer[Any]):
    received = serializers.BooleanField()


A_USAGE = OpenApiExample(
    "A free account",
    value={
        "tier": "free",
        "period": {"start": "2026-11-01T00:00:00.000000Z", "end": "2026-12-01T00:00:00.000000Z"},
        "requests": {"limit_per_minute": 600, "remaining": 599},
        "upload_size_bytes": {"limit": 104857600},
        "storage_bytes": {"used": 73400320, "limit": 1073741824},
        "transcode_minutes": {"used": 12, "limit": 60},
        "ai_tokens": {"used": 0, "limit": 100000},
    },
    response_only=True,
)


class PeriodSerializer(serializers.Serializer[Any]):
    start = serializers.DateTimeField()
    end = serializers.DateTimeField(help_text="The first moment that is no longer in it.")


class RequestWindowSerializer(serializers.Serializer[Any]):
    limit_per_minute = serializers.IntegerField()
    remaining = serializers.IntegerField(help_text="In the minute that runs, after this request.")


class LimitSerializer(serializers.Serializer[Any]):
    limit = serializers.IntegerField()


class UsedSerializer(LimitSerializer):
    used = serializers.IntegerField()


@extend_schema_serializer(examples=[A_USAGE], component_name="TierUsage")
class UsageSerializer(serializers.Serializer[Any]):
    tier = serializers.CharField()
    period = PeriodSerializer()
    requests = RequestWindowSerializer()
    upload_size_bytes = LimitSerializer(help_text="Of one file.")
    storage_bytes = UsedSerializer(help_text="Files, media and unfinished uploads.")
    transcode_minutes = UsedSerializer()
    ai_tokens = UsedSerializer()
