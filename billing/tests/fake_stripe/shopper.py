"""What a customer of Stripe's hosted pages does."""

from billing.tests.fake_stripe import life
from billing.tests.fake_stripe.forms import Json
from billing.tests.fake_stripe.handlers import customers, payment_methods
from billing.tests.fake_stripe.world import World

GOOD_CARD = "4242424242424242"


class NotOpen(Exception):
    """The checkout session was paid already, or has expired."""


def pay(world: World, session_id: str, card: str = GOOD_CARD) -> None:
    """Complete a checkout session: card, subscription, invoice.

    Raises `NotOpen`, or `Refused` (402) when the card is declined; the session stays open then.
    """
    session = world.find("checkout.session", session_id)
    if session["status"] != "open":
        raise NotOpen(f"This checkout session is {session['status']}.")
    owner = owner_of(world, session)
    method = payment_methods.new_card(world, owner, card.replace(" ", ""))
    extra, line = session["_subscription_data"], session["_lines"][0]
    subscription = life.begin(
        world,
        owner,
        line["price"],
        payment_method=method["id"],
        quantity=line["quantity"],
        metadata=extra.get("metadata", {}),
        trial_days=extra.get("trial_period_days", 0),
    )
    session |= {
        "customer_details": {
            "address": None,
            "email": owner["email"],
            "name": owner["name"],
            "phone": None,
            "tax_exempt": "none",
            "tax_ids": [],
        },
        "invoice": subscription["latest_invoice"],
        "payment_status": "paid",
        "status": "complete",
        "subscription": subscription["id"],
        "url": None,
    }
    world.emit("checkout.session.completed", session)


def owner_of(world: World, session: Json) -> Json:
    if session["customer"] is None:
        email = {"email": session["customer_email"]} if session["customer_email"] else {}
        session["customer"] = customers.create(world, email)["id"]
    owner = customers.existing(world, session["customer"])
    return owner


def set_subscription(world: World, subscription_id: str, **fields: object) -> None:
    """Make Stripe hold `fields` of a subscription, periods included, and say it was updated."""
    subscription = world.find("subscription", subscription_id)
    item = dict(life.item_of(subscription))
    item |= {name: fields.pop(name) for name in list(fields) if name in item and name != "id"}
    items = {**subscription["items"], "data": [item]}
    world.change(subscription, "customer.subscription.updated", items=items, **fields)
