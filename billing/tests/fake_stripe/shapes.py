"""The shapes of Stripe's objects in the API version of the SDK."""

from typing import Any

from billing.tests.fake_stripe.forms import Json

ACCOUNT = {
    "id": "acct_StandInForStripe",
    "object": "account",
    "business_profile": {"name": "Alice", "support_email": None, "url": None},
    "business_type": None,
    "capabilities": {},
    "charges_enabled": True,
    "country": "US",
    "default_currency": "usd",
    "details_submitted": True,
    "email": "owner@example.com",
    "metadata": {},
    "payouts_enabled": True,
    "settings": {
        "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
        "card_payments": {},
        "dashboard": {"display_name": "Alice", "timezone": "Etc/UTC"},
        "payments": {},
    },
    "type": "standard",
}
SELF = {"type": "self"}
NO_TAX = {"disabled_reason": None, "enabled": False, "liability": None}


def customer(customer_id: str, now: int, **given: Any) -> Json:
    return {
        "id": customer_id,
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": now,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": customer_id[-8:].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
        **given,
    }


def product(product_id: str, now: int, **given: Any) -> Json:
    return {
        "id": product_id,
        "object": "product",
        "active": True,
        "created": now,
        "default_price": None,
        "description": None,
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": {},
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "type": "service",
        "unit_label": None,
        "updated": now,
        "url": None,
        **given,
    }


def price(price_id: str, now: int, **given: Any) -> Json:
    recurring = {"interval_count": 1, "meter": None, "trial_period_days": None}
    recurring |= {"usage_type": "licensed"} | (given.pop("recurring", None) or {})
    return {
        "id": price_id,
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": now,
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": None,
        "metadata": {},
        "nickname": None,
        "recurring": recurring if "interval" in recurring else None,
        "tax_behavior": "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring" if "interval" in recurring else "one_time",
        "unit_amount_decimal": str(given["unit_amount"]),
        **given,
    }


def plan(of: Json) -> Json:
    """The older twin of a price, which subscription items still carry."""
    return {
        "id": of["id"],
        "object": "plan",
        "active": of["active"],
        "amount": of["unit_amount"],
        "amount_decimal": of["unit_amount_decimal"],
        "billing_scheme": "per_unit",
        "created": of["created"],
        "currency": of["currency"],
        "interval": of["recurring"]["interval"],
        "interval_count": of["recurring"]["interval_count"],
        "livemode": False,
        "metadata": of["metadata"],
        "meter": None,
        "nickname": of["nickname"],
        "product": of["product"],
        "tiers_mode": None,
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }


def card(payment_method_id: str, now: int, number: str, owner: str | None) -> Json:
    return {
        "id": payment_method_id,
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {
            "address": None,
            "email": None,
            "name": None,
            "phone": None,
            "tax_id": None,
        },
        "card": {
            "brand": "visa",
            "checks": None,
            "country": "US",
            "display_brand": "visa",
            "exp_month": 12,
            "exp_year": 2034,
            "fingerprint": "StandInForStripe",
            "funding": "credit",
            "generated_from": None,
            "last4": number[-4:],
            "networks": {"available": ["visa"], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
        "created": now,
        "customer": owner,
        "livemode": False,
        "metadata": {},
        "type": "card",
    }


def listing(url: str, data: list[Json], *, has_more: bool = False) -> Json:
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def portal_session(session_id: str, now: int, **given: Any) -> Json:
    return {
        "id": session_id,
        "object": "billing_portal.session",
        "configuration": "bpc_StandInForStripe",
        "created": now,
        "flow": None,
        "livemode": False,
        "locale": None,
        "on_behalf_of": None,
        "return_url": None,
        **given,
    }


def test_clock(clock_id: str, now: int, **given: Any) -> Json:
    return {
        "id": clock_id,
        "object": "test_helpers.test_clock",
        "created": now,
        "deletes_after": now + 30 * 24 * 3600,
        "livemode": False,
        "name": None,
        "status": "ready",
        "status_details": {},
        **given,
    }
