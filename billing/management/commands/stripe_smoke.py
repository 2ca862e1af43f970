"""One subscription's life at Stripe itself, by a test key."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import stripe
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.models import User
from alice.common.errors import DomainError
from alice.common.tiers import tiers_of
from billing.services import checkout, invoices, plans, portal, subscriptions
from billing.services.mirroring import mirror_customer, mirror_subscription
from billing.stripe_api import secret_key

A_MONTH_AND_A_DAY = 32 * 24 * 3600
CLOCK_SECONDS, CLOCK_POLL_SECONDS = 180, 1.0


class Command(BaseCommand):
    help = (
        "Walk through a subscription at Stripe with a test key: customer, checkout, payment,"
        " renewal, cancellation, and away with it all. Nothing stays in the database."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.key = test_key()
            # What the services store meanwhile is rolled back, and no effect of it runs.
            with transaction.atomic():
                self.walk()
                transaction.set_rollback(True)
        except (DomainError, stripe.StripeError) as error:
            raise CommandError(told(error)) from error
        self.stdout.write(self.style.SUCCESS("All of it works."))

    def walk(self) -> None:
        """Every step in its order; what was made at Stripe is deleted in any case."""
        self.say("Account", stripe.Account.retrieve(api_key=self.key).id)
        offered = plans.plans()
        self.say("Plans", ", ".join(f"{p.plan} {p.price} {p.currency}" for p in offered))
        user = throw_away_user()
        with self.test_clock() as clock:
            customer = self.make_customer(user, clock)
            self.check_out(user)
            subscription_id = self.buy(customer, offered[0].price_id)
            self.read_back(user, subscription_id, status="active", tier="pro")
            self.change_mind(user)
            self.renew(user, clock, subscription_id)
            subscriptions.cancel(owner_id=user.pk, is_immediate=True)
            self.read_back(user, subscription_id, status="canceled", tier="free")

    def say(self, step: str, result: object) -> None:
        self.stdout.write(f"{step + ':':<22}{result}")

    @contextmanager
    def test_clock(self) -> Iterator[stripe.test_helpers.TestClock]:
        """A clock at Stripe; deleting it deletes its customers and their subscriptions."""
        clock = stripe.test_helpers.TestClock.create(
            frozen_time=int(time.time()), name="Alice smoke test", api_key=self.key
        )
        self.say("Test clock", clock.id)
        try:
            yield clock
        finally:
            stripe.test_helpers.TestClock.delete(clock.id, api_key=self.key)
            self.say("Cleaned up", clock.id)

    def make_customer(self, user: User, clock: stripe.test_helpers.TestClock) -> stripe.Customer:
        customer = stripe.Customer.create(
            email=user.email,
            test_clock=clock.id,
            metadata={settings.DJSTRIPE_SUBSCRIBER_CUSTOMER_KEY: str(user.pk)},
            api_key=self.key,
        )
        mirror_customer(customer, self.key)
        self.say("Customer", customer.id)
        return customer

    def check_out(self, user: User) -> None:
        """A session is made and not paid: only a person can do that, in a browser."""
        back = f"{settings.PUBLIC_URL}/billing"
        wish = checkout.Wish(owner_id=user.pk, success_url=back, cancel_url=back)
        made = checkout.open_checkout(wish)
        self.say("Checkout session", f"{made.session_id[:16]}... {made.url[:48]}...")
        portal_url = portal.open_portal(owner_id=user.pk, return_url=back)
        self.say("Portal", f"{portal_url[:48]}...")
        stripe.checkout.Session.expire(made.session_id, api_key=self.key)

    def buy(self, customer: stripe.Customer, price_id: str) -> str:
        """What Stripe does once a session is paid, with the card that always works."""
        card = stripe.PaymentMethod.attach("pm_card_visa", customer=customer.id, api_key=self.key)
        subscription = stripe.Subscription.create(
            customer=customer.id,
            items=[{"price": price_id}],
            default_payment_method=card.id,
            api_key=self.key,
        )
        self.say("Subscription", f"{subscription.id} {subscription.status}")
        return subscription.id

    def read_back(self, user: User, subscription_id: str, *, status: str, tier: str) -> None:
        """Mirror the subscription and ask our own services what they make of it."""
        answer = stripe.Subscription.retrieve(subscription_id, api_key=self.key)
        mirror_subscription(answer, self.key)
        facts, found = subscriptions.subscription_of(user.pk), tiers_of([user.pk])[user.pk]
        self.say("Read back", f"{facts.status}, tier {found}, until {facts.current_period_end}")
        if (facts.status, found) != (status, tier) or facts.current_period_end is None:
            raise CommandError(f"Expected {status} and tier {tier}, with the end of a period.")

    def change_mind(self, user: User) -> None:
        ending = subscriptions.cancel(owner_id=user.pk)
        kept = subscriptions.reactivate(owner_id=user.pk)
        self.say("Cancelled, taken back", f"{ending.ends_at}, {kept.ends_at}")
        if ending.ends_at is None or kept.ends_at is not None:
            raise CommandError("Expected an end, and then none.")

    def renew(
        self, user: User, clock: stripe.test_helpers.TestClock, subscription_id: str
    ) -> None:
        later = clock.frozen_time + A_MONTH_AND_A_DAY
        stripe.test_helpers.TestClock.advance(clock.id, frozen_time=later, api_key=self.key)
        self.await_clock(clock.id)
        self.read_back(user, subscription_id, status="active", tier="pro")
        paid = [each.status for each in invoices.invoices_of(owner_id=user.pk, limit=10)]
        self.say("Invoices", ", ".join(map(str, paid)))
        if paid != ["paid", "paid"]:
            raise CommandError("Expected two paid invoices: of the start, and of the renewal.")

    def await_clock(self, clock_id: str) -> None:
        deadline = time.monotonic() + CLOCK_SECONDS
        while True:
            clock = stripe.test_helpers.TestClock.retrieve(clock_id, api_key=self.key)
            if clock.status == "ready":
                return
            if clock.status != "advancing" or time.monotonic() > deadline:
                raise CommandError(f"The test clock did not get there: {clock.status}.")
            time.sleep(CLOCK_POLL_SECONDS)


def test_key() -> str:
    """The key of the settings; raises `BillingOff` without one, `CommandError` for a live one."""
    key = secret_key()
    if not key.startswith(("sk_test_", "rk_test_")):
        raise CommandError("This is not a test key, so nothing was called. Use one of a sandbox.")
    return key


def throw_away_user() -> User:
    name = f"stripe-smoke-{secrets.token_hex(4)}"
    return User.objects.create_user(name, f"{name}@example.com")


def told(error: DomainError | stripe.StripeError) -> str:
    """What went wrong, without what may hold a key."""
    if isinstance(error, DomainError):
        return error.detail
    if isinstance(error, stripe.AuthenticationError):
        return "Stripe does not know this key."
    return f"Stripe: {error.user_message or type(error).__name__}"
