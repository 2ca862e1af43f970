from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesCheckboxFilter, FieldTextFilter

from alice.common import admin_site
from alice.common.admin_cards import Card, register_dashboard_card
from alice.common.admin_site import (
    DayRangeFilter,
    ReadOnlyAdmin,
    attempt,
    confirmed_action,
    labelled,
    pretty_json,
)
from system.models import ACTIVE_STATUSES, AuditEntry, Job, JobStatus, UsageMonth
from system.services import jobs

admin_site.install()

STATUS_LABELS = {
    JobStatus.QUEUED.label: "info",
    JobStatus.RUNNING.label: "primary",
    JobStatus.COMPLETED.label: "success",
    JobStatus.FAILED.label: "danger",
    JobStatus.CANCELLED.label: "warning",
}
STATUS_COLOURS = {
    JobStatus.QUEUED: "#3b82f6",
    JobStatus.RUNNING: "#a855f7",
    JobStatus.COMPLETED: "#22c55e",
    JobStatus.FAILED: "#ef4444",
    JobStatus.CANCELLED: "#f97316",
}


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin[Job]):
    menu_group, menu_icon = "System", "work_history"
    list_display = [
        "__str__",
        "owner_id",
        "status_label",
        "progress_bar",
        "attempts",
        "created_at",
        "duration",
    ]
    list_filter = [
        ("status", ChoicesCheckboxFilter),
        ("kind", FieldTextFilter),
        ("created_at", DayRangeFilter),
    ]
    search_fields = ["=id", "=owner_id", "kind"]
    fieldsets = [
        (None, {"fields": [("kind", "owner_id"), ("status_label", "progress_bar"), "error"]}),
        (
            "Time",
            {"fields": [("created_at", "due_at"), ("started_at", "finished_at"), "duration"]},
        ),
        ("Run", {"fields": ["attempts", "is_cancel_requested", "arguments_json", "result_json"]}),
    ]
    readonly_fields = [
        "status_label",
        "progress_bar",
        "duration",
        "arguments_json",
        "result_json",
    ]
    actions = ["cancel", "retry"]
    actions_detail = ["cancel_one", "retry_one"]

    @labelled("status", STATUS_LABELS, ordering="status")
    def status_label(self, job: Job) -> str:
        return job.get_status_display()

    @admin.display(description="progress", ordering="progress")
    def progress_bar(self, job: Job) -> SafeString:
        return format_html(
            '<div class="flex items-center gap-2"><div class="bg-base-200 dark:bg-base-700 h-1.5'
            ' overflow-hidden rounded-default w-24"><div class="bg-primary-600 h-1.5"'
            ' style="width: {0}%"></div></div><span>{0} %</span></div>',
            job.progress,
        )

    @admin.display(description="duration")
    def duration(self, job: Job) -> str:
        if job.started_at is None:
            return "-"
        ended = job.finished_at or timezone.now()
        return str(timedelta(seconds=max(0, round((ended - job.started_at).total_seconds()))))

    @admin.display(description="arguments")
    def arguments_json(self, job: Job) -> SafeString:
        return pretty_json(job.arguments)

    @admin.display(description="result")
    def result_json(self, job: Job) -> SafeString:
        return pretty_json(job.result)

    @admin.action(description="Cancel", permissions=["operate"])
    def cancel(self, request: HttpRequest, rows: QuerySet[Job]) -> None:
        self.for_each(request, rows, lambda job: self.cancel_as(request, job), "cancelled")

    @admin.action(description="Retry failed jobs", permissions=["operate"])
    def retry(self, request: HttpRequest, rows: QuerySet[Job]) -> None:
        self.for_each(request, rows, lambda job: self.retry_as(request, job), "queued again")

    @confirmed_action(
        "Cancel", "A running job stops at its next step.", icon="cancel", is_dangerous=True
    )
    def cancel_one(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        job = self.row_or_404(request, object_id)
        if attempt(request, lambda: self.cancel_as(request, job)):
            messages.success(request, "The job is to stop.")
        return self.back(request, object_id)

    @confirmed_action("Retry", "The job is queued again, its attempts anew.", icon="replay")
    def retry_one(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        job = self.row_or_404(request, object_id)
        if attempt(request, lambda: self.retry_as(request, job)):
            messages.success(request, "The job is queued again.")
        return self.back(request, object_id)

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        """Only the button that the job's state has a use for."""
        status = Job.objects.filter(pk=object_id).values_list("status", flat=True).first()
        useful = "_cancel_one" if status in ACTIVE_STATUSES else "_retry_one"
        if status in {JobStatus.COMPLETED, JobStatus.CANCELLED}:
            return []
        buttons = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        return [button for button in buttons if button.action_name.endswith(useful)]

    def cancel_as(self, request: HttpRequest, job: Job) -> Job:
        return jobs.cancel_job_as_staff(job_id=job.pk, **_actor(request))

    def retry_as(self, request: HttpRequest, job: Job) -> Job:
        return jobs.retry_failed_job(job_id=job.pk, **_actor(request))


def _actor(request: HttpRequest) -> dict[str, Any]:
    return {"actor_id": request.user.pk, "actor_name": request.user.get_username()}


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin[AuditEntry]):
    menu_group, menu_icon = "System", "policy"
    list_display = ["created_at", "action", "target", "actor_name", "peer", "request_id"]
    list_filter = [("action", FieldTextFilter), ("created_at", DayRangeFilter)]
    search_fields = ["target__exact", "actor_name", "request_id__exact"]
    search_help_text = "A target such as user:7, a name, or a request id"
    fields = [
        ("action", "target"),
        ("actor_name", "actor_id"),
        ("peer", "request_id"),
        "created_at",
        "details_json",
    ]
    readonly_fields = ["details_json"]

    @admin.display(description="details")
    def details_json(self, entry: AuditEntry) -> SafeString:
        return pretty_json(entry.details)


@admin.register(UsageMonth)
class UsageMonthAdmin(ReadOnlyAdmin[UsageMonth]):
    menu_group, menu_icon = "Billing", "speed"
    list_display = ["owner_id", "month", "meter", "amount"]
    list_filter = [("meter", ChoicesCheckboxFilter)]
    search_fields = ["=owner_id"]
    search_help_text = "The id of a user"
    fields = [("owner_id", "month"), ("meter", "amount")]


@register_dashboard_card
def jobs_by_status(request: HttpRequest) -> Card | None:
    if not request.user.has_perm("system.view_job"):
        return None
    counts = dict(Job.objects.order_by().values_list("status").annotate(count=Count("pk")))
    return Card(
        title="Jobs",
        figure=sum(counts.get(status, 0) for status in ACTIVE_STATUSES),
        note="queued or running",
        chart="bar",
        labels=[status.label for status in JobStatus],
        values=[counts.get(status.value, 0) for status in JobStatus],
        colours=[STATUS_COLOURS[status] for status in JobStatus],
        href=reverse("admin:system_job_changelist"),
    )
