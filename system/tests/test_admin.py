"""The admin of jobs and of the audit log: to look at, and two buttons."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from system.models import AuditEntry, IdempotencyRecord, Job, JobStatus
from system.services import audit, jobs

pytestmark = pytest.mark.django_db

JOBS, ENTRIES = "/admin/system/job/", "/admin/system/auditentry/"
SUBMITTED = {"_form_submitted": "True"}
KIND = "test"


@pytest.fixture(autouse=True)
def kind(monkeypatch):
    monkeypatch.setitem(jobs._kinds, KIND, jobs.JobKind(KIND, lambda run: {}))


@pytest.fixture
def clerk_page():
    """Staff who may look at everything here and change nothing."""
    clerk = get_user_model().objects.create_user("clerk", "clerk@example.com", is_staff=True)
    rights = Permission.objects.filter(codename__startswith="view_")
    clerk.user_permissions.set(rights.filter(content_type__app_label="system"))
    page = Client()
    page.force_login(clerk)
    return page


def make_job(status=JobStatus.QUEUED, **fields):
    fields = {"kind": KIND, "due_at": timezone.now(), "status": status} | fields
    return Job.objects.create(**fields)


def make_failed_job(**fields):
    now = timezone.now()
    ended = {"attempts": 3, "progress": 40, "error": "No.", "started_at": now, "finished_at": now}
    return make_job(JobStatus.FAILED, **(ended | fields))


def press(page, job, button):
    return page.post(f"{JOBS}{job.pk}/{button}/", SUBMITTED, follow=True)


def shown(response):
    return [str(message) for message in response.context["messages"]]


def found(response):
    return list(response.context["cl"].queryset)


@pytest.mark.parametrize("rows", [1, 20])
@pytest.mark.parametrize("address", [JOBS, ENTRIES])
def test_a_list_costs_the_same_however_many_rows(
    admin_page, django_assert_num_queries, rows, address
):
    for _ in range(rows):
        make_job()
        audit.record(action="test.done")

    with django_assert_num_queries(4):
        assert admin_page.get(address).status_code == 200


@pytest.mark.parametrize("step", ["add/", "{}/change/", "{}/delete/"])
@pytest.mark.parametrize("address", [JOBS, ENTRIES])
def test_nothing_is_written_by_hand(admin_page, address, step):
    rows = {JOBS: make_job(), ENTRIES: audit.record(action="test.done", target="user:7")}
    row = rows[address]
    before = type(row).objects.filter(pk=row.pk).values().get()

    body = {"post": "yes", "status": "completed", "action": "x"}
    response = admin_page.post(address + step.format(row.pk), body)

    assert response.status_code == 403
    assert type(row).objects.values().get() == before


def test_idempotency_records_have_no_page(admin_page):
    address = f"/admin/system/{IdempotencyRecord._meta.model_name}/"

    assert admin_page.get(address).status_code == 404


# Jobs


def test_jobs_are_filtered_and_searched(admin_page):
    failed, queued = make_failed_job(owner_id=7), make_job(kind="media.transcode")

    assert found(admin_page.get(JOBS, {"status__exact": "failed"})) == [failed]
    assert found(admin_page.get(JOBS, {"kind__icontains": "media"})) == [queued]
    assert found(admin_page.get(JOBS, {"created_at_to": "2000-01-01"})) == []
    assert found(admin_page.get(JOBS, {"q": "7"})) == [failed]


def test_cancelling_ends_a_queued_job_and_names_who_did_it(admin_page, staff):
    job = make_job()

    response = press(admin_page, job, "cancel_one")

    assert shown(response) == ["The job is to stop."]
    job.refresh_from_db()
    assert job.status == JobStatus.CANCELLED
    entry = AuditEntry.objects.get(action="job.cancelled_by_staff")
    assert (entry.actor_id, entry.target) == (staff.user.pk, f"job:{job.pk}")


def test_retrying_queues_a_failed_job_as_new(admin_page, staff):
    job = make_failed_job(is_cancel_requested=True)

    response = press(admin_page, job, "retry_one")

    assert shown(response) == ["The job is queued again."]
    job.refresh_from_db()
    assert (job.status, job.attempts, job.progress, job.error) == (JobStatus.QUEUED, 0, 0, "")
    assert (job.started_at, job.finished_at, job.is_cancel_requested) == (None, None, False)
    assert jobs.claim_job(job_id=job.pk) is not None
    assert AuditEntry.objects.get(action="job.retried_by_staff").actor_id == staff.user.pk


@pytest.mark.parametrize("status", [s for s in JobStatus if s != JobStatus.FAILED])
def test_only_a_failed_job_is_retried(admin_page, status):
    job = make_job(status)

    response = press(admin_page, job, "retry_one")

    assert shown(response) == ["Only a failed job can be tried again."]
    job.refresh_from_db()
    assert (job.status, AuditEntry.objects.count()) == (status, 0)


def test_a_job_whose_twin_is_active_is_not_retried(admin_page):
    failed = make_failed_job(twin_key="7")
    make_job(twin_key="7")

    response = press(admin_page, failed, "retry_one")

    assert shown(response) == ["The same work is already queued or running."]
    failed.refresh_from_db()
    assert (failed.status, AuditEntry.objects.count()) == (JobStatus.FAILED, 0)


def test_a_job_of_an_unknown_kind_is_not_retried(admin_page):
    job = make_failed_job(kind="gone")

    response = press(admin_page, job, "retry_one")

    assert shown(response) == ["This version has no workers for jobs of this kind."]
    job.refresh_from_db()
    assert job.status == JobStatus.FAILED


def test_bulk_actions_do_what_can_be_done_and_say_what_cannot(admin_page):
    failed, done = make_failed_job(), make_job(JobStatus.COMPLETED)
    body = {"action": "retry", "_selected_action": [failed.pk, done.pk], "index": 0}

    response = admin_page.post(JOBS, body, follow=True)

    assert shown(response) == [
        f"{done}: Only a failed job can be tried again.",
        "1 job queued again.",
    ]


@pytest.mark.parametrize("button", ["cancel_one", "retry_one"])
def test_who_may_only_look_presses_no_button(clerk_page, button):
    job = make_failed_job() if button == "retry_one" else make_job()

    response = clerk_page.post(f"{JOBS}{job.pk}/{button}/", SUBMITTED)

    assert response.status_code == 403
    assert Job.objects.get().status == job.status


@pytest.mark.parametrize(
    ("status", "buttons"),
    [
        (JobStatus.QUEUED, ["Cancel"]),
        (JobStatus.RUNNING, ["Cancel"]),
        (JobStatus.FAILED, ["Retry"]),
        (JobStatus.COMPLETED, []),
        (JobStatus.CANCELLED, []),
    ],
)
def test_a_job_shows_the_button_it_has_a_use_for(admin_page, status, buttons):
    response = admin_page.get(f"{JOBS}{make_job(status).pk}/change/")

    assert [button["title"] for button in response.context["actions_detail"]] == buttons


def test_hostile_text_in_a_job_is_escaped(admin_page):
    text = "<script>alert(1)</script>"
    job = make_failed_job(error=text, arguments={"name": text}, result={text: text})

    html = admin_page.get(f"{JOBS}{job.pk}/change/").content.decode()

    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html


# The audit log


def test_the_audit_log_is_searched_by_target_actor_and_request(admin_page):
    one = audit.record(action="user.done", target="user:7", actor_name="ada")
    AuditEntry.objects.bulk_create([AuditEntry(action="job.done", target="user:77")])
    other = AuditEntry.objects.bulk_create(
        [AuditEntry(action="job.done", target="user:78", request_id="abcdefgh1234")]
    )[0]

    assert found(admin_page.get(ENTRIES, {"q": "user:7"})) == [one]
    assert found(admin_page.get(ENTRIES, {"q": "ada"})) == [one]
    assert found(admin_page.get(ENTRIES, {"q": "abcdefgh1234"})) == [other]


def test_the_audit_log_is_filtered_by_action_and_day(admin_page):
    entry = audit.record(action="user.done")
    audit.record(action="job.done")
    today = timezone.now().date().isoformat()

    by_both = {"action__icontains": "user.", "created_at_from": today, "created_at_to": today}
    assert found(admin_page.get(ENTRIES, by_both)) == [entry]
    assert found(admin_page.get(ENTRIES, {"created_at_to": "2000-01-01"})) == []


def test_details_are_shown_as_escaped_json(admin_page):
    entry = audit.record(action="user.done", name="<script>alert(1)</script>", groups=["a"])

    html = admin_page.get(f"{ENTRIES}{entry.pk}/change/").content.decode()

    assert "&quot;name&quot;: &quot;&lt;script&gt;alert(1)&lt;/script&gt;&quot;" in html
    assert "<script>alert" not in html


def test_the_overview_shows_jobs_by_status(admin_page):
    make_failed_job()
    make_job()

    cards = {card.title: card for card in admin_page.get("/admin/").context["cards"]}

    assert cards["Jobs"].figure == 1
    assert cards["Jobs"].summary == (
        "Queued: 1, Running: 0, Completed: 0, Failed: 1, Cancelled: 0"
    )
