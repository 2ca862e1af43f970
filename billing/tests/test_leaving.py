"""A user who leaves Alice leaves Stripe too, however long Stripe is away."""

import pytest
from django.test import TestCase
from django.utils import timezone
from djstripe.models import Customer, Subscription

from accounts.models import User
from accounts.services.exports import _sources
from accounts.services.profile import delete_account
from billing.models import Standing
from billing.tests.kit import CHECKOUT, URLS, customer_id_of, subscribed
from system.models import Job, JobStatus
from system.services import jobs

pytestmark = pytest.mark.django_db


def leave(client):
    with TestCase.captureOnCommitCallbacks(execute=True):
        delete_account(owner_id=client.user.pk)


def work():
    """Run what is owed, as a worker would."""
    Job.objects.filter(status=JobStatus.QUEUED).update(due_at=timezone.now())
    for job in Job.objects.filter(kind="billing.leave", status=JobStatus.QUEUED):
        jobs.run_claimed(jobs.claim_job(job_id=job.pk))
    return Job.objects.get(kind="billing.leave")


def test_the_subscription_of_who_leaves_is_cancelled(alice, stripe, deliver):
    stripe_id = subscribed(alice, stripe, deliver)

    leave(alice)
    job = work()

    assert (job.status, job.result) == (JobStatus.COMPLETED, {"cancelled": 1})
    assert stripe.get(stripe_id)["status"] == "canceled"
    assert Standing.objects.count() == User.objects.filter(pk=alice.user.pk).count() == 0
    assert Subscription.objects.get().stripe_data["status"] == "canceled"


def test_a_checkout_left_open_is_closed(alice, stripe):
    session = alice.post(CHECKOUT, URLS).json()["session_id"]

    leave(alice)
    work()

    assert stripe.get(session)["status"] == "expired"


def test_it_is_tried_until_stripe_answers(alice, stripe, deliver):
    stripe_id = subscribed(alice, stripe, deliver)
    leave(alice)
    stripe.fail(times=9)

    waiting = work()
    stripe.faults.clear()
    done = work()

    assert waiting.status == JobStatus.QUEUED
    assert done.status == JobStatus.COMPLETED
    assert stripe.get(stripe_id)["status"] == "canceled"


def test_a_customer_that_is_gone_needs_no_end(alice, stripe, deliver):
    subscribed(alice, stripe, deliver)
    customer = customer_id_of(alice)
    leave(alice)
    stripe.delete_customer(customer)

    assert work().status == JobStatus.COMPLETED


def test_later_messages_about_who_left_are_taken(alice, bob, stripe, deliver):
    stripe_id = subscribed(alice, stripe, deliver)
    leave(alice)

    answers = deliver(bob, *stripe.end_period(stripe_id))
    answers += deliver(bob, *stripe.delete_customer(Customer.objects.get().id))

    assert {answer.status_code for answer in answers} == {200}
    assert Customer.objects.get().subscriber is None


def test_who_never_bought_leaves_nothing_to_do(alice, stripe):
    leave(alice)

    assert Job.objects.filter(kind="billing.leave").count() == 0
    assert stripe.requests == []


def test_an_export_tells_of_subscriptions(alice, stripe, deliver):
    stripe_id = subscribed(alice, stripe, deliver)

    (row,) = _sources["subscriptions"](alice.user.pk)

    assert (row["stripe_id"], row["status"], row["price"]) == (stripe_id, "active", 49.99)
