"""Telling everybody: who may, whom it reaches, and that a crash tells nobody twice."""

import pytest

from accounts.tests.factories import make_user
from notifications.models import Broadcast, Delivery, Notification
from notifications.services import broadcasts
from notifications.tests.factories import NOTE, make_endpoint, wish
from system.models import AuditEntry, Job
from system.services import jobs
from system.tasks import run_job

pytestmark = pytest.mark.django_db
URL = "/api/notify/broadcast"


@pytest.fixture
def batches_of_two(monkeypatch):
    monkeypatch.setattr(broadcasts, "BATCH", 2)


def run(job_id=None):
    job = Job.objects.get(pk=job_id) if job_id else Job.objects.get(kind=broadcasts.KIND)
    run_job(job.pk)
    job.refresh_from_db()
    return job


def told():
    return sorted(Notification.objects.values_list("owner_id", flat=True))


def test_staff_tell_everybody_by_a_job(staff, alice, bob):
    response = staff.post(URL, NOTE)
    job = run(response.json()["job_id"])

    assert response.status_code == 202
    assert response.headers["Location"] == f"/api/jobs/{job.pk}"
    assert (job.status, job.result["reached"], job.owner_id) == ("completed", 3, staff.user.pk)
    (received,) = alice.get("/api/notify/history").json()
    assert {name: received[name] for name in NOTE} == NOTE
    assert (received["topic"], received["sender_id"]) == ("announcement", staff.user.pk)
    broadcast = Broadcast.objects.get()
    assert (broadcast.reached_count, broadcast.job_id) == (3, job.pk)
    assert broadcast.finished_at is not None


def test_it_is_noted_in_the_audit_log(staff):
    staff.post(URL, NOTE)

    entry = AuditEntry.objects.get(action="notification.broadcast")
    assert (entry.actor_id, entry.actor_name) == (staff.user.pk, "staff")
    assert entry.target == f"broadcast:{Broadcast.objects.get().pk}"


@pytest.mark.parametrize(("who", "status"), [("alice", 403), ("anonymous", 401)])
def test_nobody_else_may(request, who, status):
    assert request.getfixturevalue(who).post(URL, NOTE).status_code == status
    assert not Broadcast.objects.exists()
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    "change", [{"title": ""}, {"action_url": "javascript:x"}, {"notification_type": "x"}]
)
def test_what_is_not_as_described_is_refused(staff, change):
    assert staff.post(URL, NOTE | change).status_code == 400
    assert not Broadcast.objects.exists()
    assert not AuditEntry.objects.exists()


def test_asking_again_with_the_same_key_tells_once(staff):
    first, second = (staff.post(URL, NOTE, HTTP_IDEMPOTENCY_KEY="k") for _ in range(2))

    assert first.json() == second.json()
    assert Job.objects.count() == Broadcast.objects.count() == 1


def test_only_active_users_are_told_as_they_wish(staff, alice, bob):
    gone = make_user("gone", is_active=False)
    wish(alice.user, "announcement", in_app=False)
    wish(bob.user, "announcement", email=True)
    make_endpoint(bob.user)

    staff.post(URL, NOTE)
    run()

    assert told() == sorted([staff.user.pk, bob.user.pk])
    assert gone.pk not in told()
    owed = Delivery.objects.values_list("owner_id", "channel")
    assert sorted(owed) == [(bob.user.pk, "email"), (bob.user.pk, "webhook")]


def test_bells_ring_for_everybody(staff, alice, frames, django_capture_on_commit_callbacks):
    staff.post(URL, NOTE)

    with django_capture_on_commit_callbacks(execute=True):
        run()

    rung = {group for group, frame in frames if frame["type"] == "notification"}
    assert rung == {f"user.{alice.user.pk}", f"user.{staff.user.pk}"}
    assert {frame["unread"] for _, frame in frames if frame["type"] == "unread"} == {1}


def test_a_crash_in_the_middle_and_a_second_run_tell_nobody_twice(
    staff, batches_of_two, monkeypatch
):
    for _ in range(6):
        make_user()
    staff.post(URL, NOTE)
    send, calls = broadcasts.notify_many, []

    def crash_in_third(**arguments):
        calls.append(arguments)
        sent = send(**arguments)
        if len(calls) == 3:
            raise MemoryError
        return sent

    monkeypatch.setattr(broadcasts, "notify_many", crash_in_third)
    crashed = run()
    assert (crashed.status, len(told())) == ("queued", 4)

    Job.objects.update(due_at=crashed.created_at)
    job = run()

    assert (job.status, job.result["reached"]) == ("completed", 7)
    assert len(told()) == len(set(told())) == 7
    assert Broadcast.objects.get().reached_count == 7


def test_running_a_finished_one_again_tells_nobody(staff, alice):
    staff.post(URL, NOTE)
    run()
    finished_at = Broadcast.objects.get().finished_at

    Job.objects.update(status="queued")
    job = run()

    assert (job.status, job.result["reached"], len(told())) == ("completed", 2, 2)
    assert Broadcast.objects.get().finished_at == finished_at


def test_a_run_that_another_has_overtaken_stops(staff, alice, monkeypatch):
    staff.post(URL, NOTE)
    stale = broadcasts._broadcast

    def overtaken(broadcast_id):
        row = stale(broadcast_id)
        Broadcast.objects.filter(pk=broadcast_id).update(last_owner_id=10**9)
        return row

    monkeypatch.setattr(broadcasts, "_broadcast", overtaken)
    with pytest.raises(jobs.JobLost):
        broadcasts._send_batch(Broadcast.objects.get().pk)

    assert told() == []


def test_a_cancelled_one_stops_between_batches(staff, batches_of_two, monkeypatch):
    for _ in range(6):
        make_user()
    job_id = staff.post(URL, NOTE).json()["job_id"]
    send = broadcasts.notify_many

    def cancel_after(**arguments):
        Job.objects.filter(pk=job_id).update(is_cancel_requested=True)
        return send(**arguments)

    monkeypatch.setattr(broadcasts, "notify_many", cancel_after)

    assert run().status == "cancelled"
    assert len(told()) == 2


def test_progress_is_told(staff, batches_of_two, monkeypatch):
    for _ in range(5):
        make_user()
    staff.post(URL, NOTE)
    seen = []
    monkeypatch.setattr(jobs.JobRun, "report", lambda self, progress: seen.append(progress))

    run()

    assert seen == [33, 66, 99]


def test_a_deleted_broadcast_fails_with_a_reason(staff):
    staff.post(URL, NOTE)
    Broadcast.objects.all().delete()

    job = run()

    assert (job.status, job.error) == ("failed", broadcasts.GONE)


@pytest.mark.parametrize("users", [1, 20])
def test_a_batch_costs_the_same_however_many_users(staff, users, django_assert_num_queries):
    for _ in range(users):
        make_endpoint(make_user())
    staff.post(URL, NOTE)
    broadcast_id = Broadcast.objects.get().pk

    with django_assert_num_queries(14):
        assert broadcasts._send_batch(broadcast_id) == users + 1
