"""What is for sale before anybody does anything."""

from billing.tests.fake_stripe import shapes
from billing.tests.fake_stripe.world import World

PRODUCT = "prod_StandInPro"
MONTHLY = "price_StandInProMonthly"
YEARLY = "price_StandInProYearly"


def stock(world: World) -> None:
    """Alice Pro at 49.99 a month or 499.00 a year, under the usual look-up keys."""
    now = world.now()
    description = "Ten times the requests and a hundred times the space."
    world.add(shapes.product(PRODUCT, now, name="Alice Pro", description=description))
    for price_id, amount, interval in [(MONTHLY, 4999, "month"), (YEARLY, 49900, "year")]:
        world.add(
            shapes.price(
                price_id,
                now,
                currency="usd",
                lookup_key=f"pro_{interval}ly",
                product=PRODUCT,
                recurring={"interval": interval},
                unit_amount=amount,
            )
        )
