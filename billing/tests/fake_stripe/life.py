"""What happens to a subscription: it begins, is paid, renewed, declined, and ends."""

from typing import Any

from billing.tests.fake_stripe import purchase_shapes as shapes
from billing.tests.fake_stripe.calendar_steps import end_of_period
from billing.tests.fake_stripe.forms import Json
from billing.tests.fake_stripe.world import World

DAY = 24 * 3600
RETRY_DAYS = (3, 5, 7)  # after each declined attempt; then Stripe gives up
LIVE = {"active", "trialing", "past_due", "unpaid", "incomplete", "paused"}


def begin(world: World, customer: Json, price: Json, **given: Any) -> Json:
    """A new subscription with its first invoice, collected at once.

    `given`: quantity, metadata, trial_days, payment_method. Declined, it stays `incomplete`.
    """
    now, trial_days = world.now_for(customer), given.get("trial_days", 0)
    subscription_id = world.new_id("sub_")
    period_end = now + trial_days * DAY if trial_days else end_of_period(now, price)
    item = shapes.subscription_item(
        world.new_id("si_"),
        now,
        price,
        quantity=given.get("quantity", 1),
        subscription=subscription_id,
        current_period_start=now,
        current_period_end=period_end,
    )
    subscription = world.add(
        shapes.subscription(
            subscription_id,
            now,
            currency=price["currency"],
            customer=customer["id"],
            default_payment_method=given.get("payment_method"),
            items=listing_of(subscription_id, item),
            metadata=given.get("metadata", {}),
            status="trialing" if trial_days else "incomplete",
            test_clock=customer["test_clock"],
            trial_start=now if trial_days else None,
            trial_end=period_end if trial_days else None,
        )
    )
    customer["currency"] = price["currency"]
    if not trial_days and not will_be_declined(world, customer["id"]):
        subscription["status"] = "active"
    world.emit("customer.subscription.created", subscription)
    collect(world, bill(world, subscription, "subscription_create", is_free=bool(trial_days)))
    return subscription


def listing_of(subscription_id: str, item: Json) -> Json:
    url = f"/v1/subscription_items?subscription={subscription_id}"
    return {"object": "list", "data": [item], "has_more": False, "total_count": 1, "url": url}


def item_of(subscription: Json) -> Json:
    item: Json = subscription["items"]["data"][0]
    return item


def next_change(subscription: Json) -> int:
    """When the period is over, or the subscription before it."""
    end: int = item_of(subscription)["current_period_end"]
    return min(end, subscription["cancel_at"] or end)


def will_be_declined(world: World, customer_id: str) -> bool:
    return world.declines.get(customer_id, 0) > 0


# Invoices


def bill(world: World, subscription: Json, reason: str, *, is_free: bool = False) -> Json:
    """A finalized invoice for the current period of `subscription`."""
    now, item = world.now_for(subscription), item_of(subscription)
    customer = world.objects[subscription["customer"]]
    amount = 0 if is_free else item["price"]["unit_amount"] * item["quantity"]
    invoice_id = world.new_id("in_")
    line = shapes.invoice_line(
        world.new_id("il_"),
        item,
        amount,
        description=description_of(world, item),
        invoice=invoice_id,
        period={"start": item["current_period_start"], "end": item["current_period_end"]},
    )
    invoice = world.add(
        shapes.invoice(
            invoice_id,
            now,
            amount,
            billing_reason=reason,
            currency=subscription["currency"],
            customer=customer["id"],
            customer_email=customer["email"],
            customer_name=customer["name"],
            lines={
                "object": "list",
                "data": [line],
                "has_more": False,
                "total_count": 1,
                "url": f"/v1/invoices/{invoice_id}/lines",
            },
            parent={
                "quote_details": None,
                "subscription_details": {
                    "metadata": subscription["metadata"],
                    "subscription": subscription["id"],
                },
                "type": "subscription_details",
            },
            period_start=now,
            period_end=now,
            test_clock=subscription["test_clock"],
        )
    )
    subscription["latest_invoice"] = invoice_id
    world.emit("invoice.created", invoice)
    finalize(world, invoice, customer)
    return invoice


def description_of(world: World, item: Json) -> str:
    price = item["price"]
    name, interval = world.objects[price["product"]]["name"], price["recurring"]["interval"]
    return f"{item['quantity']} x {name} (at ${price['unit_amount'] / 100:.2f} / {interval})"


def finalize(world: World, invoice: Json, customer: Json) -> None:
    now, sequence = world.now_for(invoice), customer["next_invoice_sequence"]
    customer["next_invoice_sequence"] = sequence + 1
    invoice["number"] = f"{customer['invoice_prefix']}-{sequence:04}"
    invoice["hosted_invoice_url"] = f"{world.base_url}/invoice/{invoice['id']}"
    invoice["invoice_pdf"] = f"{world.base_url}/invoice/{invoice['id']}/pdf"
    invoice |= {"status": "open", "effective_at": now, "ending_balance": 0}
    invoice["status_transitions"]["finalized_at"] = now
    world.emit("invoice.finalized", invoice)


def collect(world: World, invoice: Json) -> bool:
    """Try to take the money for an open invoice; what follows for the subscription follows."""
    subscription = world.objects[invoice["parent"]["subscription_details"]["subscription"]]
    if invoice["amount_due"] and will_be_declined(world, invoice["customer"]):
        world.declines[invoice["customer"]] -= 1
        decline(world, invoice, subscription)
        return False
    pay(world, invoice)
    if subscription["status"] in {"incomplete", "past_due", "unpaid"}:
        world.change(subscription, "customer.subscription.updated", status="active")
    return True


def pay(world: World, invoice: Json) -> None:
    invoice |= {
        "amount_paid": invoice["amount_due"],
        "amount_remaining": 0,
        "attempt_count": invoice["attempt_count"] + 1,
        "attempted": True,
        "next_payment_attempt": None,
        "status": "paid",
    }
    invoice["status_transitions"]["paid_at"] = world.now_for(invoice)
    world.objects[invoice["customer"]]["delinquent"] = False
    world.emit("invoice.paid", invoice)
    world.emit("invoice.payment_succeeded", invoice)


def decline(world: World, invoice: Json, subscription: Json) -> None:
    tried = invoice["attempt_count"]
    is_first = invoice["billing_reason"] == "subscription_create"
    is_last = is_first or tried >= len(RETRY_DAYS)
    next_attempt = None if is_last else world.now_for(invoice) + RETRY_DAYS[tried] * DAY
    invoice |= {
        "attempt_count": tried + 1,
        "attempted": True,
        "auto_advance": not is_last,
        "next_payment_attempt": next_attempt,
    }
    world.objects[invoice["customer"]]["delinquent"] = True
    world.emit("invoice.payment_failed", invoice)
    if is_first:
        return
    if not is_last:
        world.change(subscription, "customer.subscription.updated", status="past_due")
    elif world.after_retries == "unpaid":
        world.change(subscription, "customer.subscription.updated", status="unpaid")
    else:
        end(world, subscription, "payment_failed")


# The ends of periods


def renew(world: World, subscription: Json) -> None:
    """The period is over: end as agreed, or begin the next one and collect for it."""
    if subscription["cancel_at"] and subscription["cancel_at"] <= world.now_for(subscription):
        end(world, subscription, "cancellation_requested")
        return
    item = item_of(subscription)
    before: Json = {"items": {"data": [dict(item)]}}
    item["current_period_start"] = item["current_period_end"]
    item["current_period_end"] = end_of_period(item["current_period_start"], item["price"])
    if subscription["status"] == "trialing":
        before["status"] = "trialing"
        subscription["status"] = "active"
    invoice = bill(world, subscription, "subscription_cycle")
    world.emit("customer.subscription.updated", subscription, before)
    if subscription["status"] in {"active", "past_due"}:
        collect(world, invoice)


def end(world: World, subscription: Json, reason: str) -> None:
    """Cancel at this moment; nothing more is collected."""
    now = world.now_for(subscription)
    subscription |= {
        "canceled_at": subscription["canceled_at"] or now,
        "cancellation_details": {**subscription["cancellation_details"], "reason": reason},
        "ended_at": now,
        "status": "canceled",
    }
    for invoice in open_invoices(world, subscription):
        invoice |= {"auto_advance": False, "next_payment_attempt": None}
    world.emit("customer.subscription.deleted", subscription)


def open_invoices(world: World, subscription: Json) -> list[Json]:
    return [
        invoice
        for invoice in world.all("invoice")
        if invoice["status"] == "open"
        and invoice["parent"]["subscription_details"]["subscription"] == subscription["id"]
    ]
