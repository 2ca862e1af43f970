"""Time put forward: whatever falls due on the way happens, in its order."""

from billing.tests.fake_stripe import life
from billing.tests.fake_stripe.forms import Json
from billing.tests.fake_stripe.world import World

RENEWING = {"active", "trialing", "past_due", "unpaid"}


def advance(world: World, until: int, clock: str | None = None) -> None:
    """Let the time of `clock`, or of the account, run to the Unix second `until`."""
    while due := next_due(world, until, clock):
        moment, subject = due
        set_time(world, moment, clock)
        if subject["object"] == "invoice":
            life.collect(world, subject)
        else:
            life.renew(world, subject)
    set_time(world, until, clock)


def next_due(world: World, until: int, clock: str | None) -> tuple[int, Json] | None:
    """The first thing to happen up to `until`; a retry goes before a renewal."""
    retries = [
        (invoice["next_payment_attempt"], invoice)
        for invoice in world.all("invoice")
        if invoice["next_payment_attempt"] and invoice["test_clock"] == clock
    ]
    renewals = [
        (life.next_change(subscription), subscription)
        for subscription in world.all("subscription")
        if subscription["status"] in RENEWING and subscription["test_clock"] == clock
    ]
    due = [each for each in [*retries, *renewals] if each[0] <= until]
    return min(due, key=lambda each: each[0]) if due else None


def set_time(world: World, moment: int, clock: str | None) -> None:
    if clock is None:
        world.offset_seconds += max(0, moment - world.now())
    else:
        world.objects[clock]["frozen_time"] = moment
