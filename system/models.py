from datetime import datetime
from typing import Self

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q


class JobStatus(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    COMPLETED = "completed", "Completed"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


ACTIVE_STATUSES = [JobStatus.QUEUED.value, JobStatus.RUNNING.value]


class JobQuerySet(models.QuerySet["Job"]):
    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """The jobs a user started."""
        return self.none() if user.is_anonymous else self.filter(owner_id=user.pk)

    def active(self) -> Self:
        return self.filter(status__in=ACTIVE_STATUSES)

    def with_expired_lease(self, now: datetime) -> Self:
        return self.filter(status=JobStatus.RUNNING, lease_until__lt=now)

    def due(self, now: datetime) -> Self:
        return self.filter(status=JobStatus.QUEUED, due_at__lte=now)


class Job(models.Model):
    """Long work that someone waits for: what it is, how far it is, how it ended."""

    kind = models.CharField(max_length=50)
    owner_id = models.BigIntegerField(null=True, help_text="The user who waits; null: the system.")
    status = models.CharField(max_length=9, choices=JobStatus, default=JobStatus.QUEUED)
    progress = models.PositiveSmallIntegerField(default=0, help_text="Per cent.")
    arguments = models.JSONField(default=dict, help_text="Ids and plain values, never a secret.")
    result = models.JSONField(null=True, blank=True)
    error = models.TextField(blank=True, help_text="Why it failed, for a person to read.")
    twin_key = models.CharField(
        max_length=200, blank=True, help_text="Active jobs with the same key are one job."
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    claim = models.UUIDField(null=True, editable=False, help_text="The run that holds the lease.")
    lease_until = models.DateTimeField(null=True, editable=False)
    is_cancel_requested = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    due_at = models.DateTimeField(help_text="Not started before; later after a failed attempt.")
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=JobStatus.values), name="job_status_known"
            ),
            models.CheckConstraint(condition=Q(progress__lte=100), name="job_progress_per_cent"),
            models.UniqueConstraint(
                fields=["kind", "twin_key"],
                condition=Q(status__in=ACTIVE_STATUSES) & ~Q(twin_key=""),
                name="job_one_active_twin",
            ),
        ]
        indexes = [
            models.Index(fields=["owner_id", "-id"], name="job_by_owner"),
            models.Index(
                fields=["due_at"], name="job_waiting", condition=Q(status__in=ACTIVE_STATUSES)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} #{self.pk}"


class AuditEntry(models.Model):
    """Who did what to whom. Written once; the database refuses to change it."""

    action = models.CharField(max_length=50)
    actor_id = models.BigIntegerField(null=True, help_text="Null: nobody was signed in.")
    actor_name = models.CharField(max_length=150, blank=True)
    target = models.CharField(max_length=100, blank=True, help_text="Such as user:7.")
    details = models.JSONField(default=dict)
    peer = models.CharField(max_length=45, blank=True)
    request_id = models.CharField(max_length=128, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["target", "-id"], name="audit_by_target"),
            models.Index(fields=["actor_id", "-id"], name="audit_by_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target}".strip()


class Meter(models.TextChoices):
    """What tiers allow so much of in a month, each counted in its own unit."""

    TRANSCODE_SECONDS = "transcode_seconds", "Seconds of media transcoded"
    AI_TOKENS = "ai_tokens", "Tokens of language models"


class UsageMonth(models.Model):
    """How much of a metered thing a user has spent in a calendar month (UTC)."""

    owner_id = models.BigIntegerField()
    month = models.DateField(help_text="Its first day.")
    meter = models.CharField(max_length=20, choices=Meter)
    amount = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ["-month", "owner_id", "meter"]
        verbose_name = "usage of a month"
        verbose_name_plural = "usage by month"
        constraints = [
            models.UniqueConstraint(
                fields=["owner_id", "month", "meter"], name="usage_month_once"
            ),
            models.CheckConstraint(condition=Q(amount__gte=0), name="usage_month_positive"),
            models.CheckConstraint(condition=Q(month__day=1), name="usage_month_first_day"),
            models.CheckConstraint(
                condition=Q(meter__in=Meter.values), name="usage_month_meter_known"
            ),
        ]
        indexes = [models.Index(fields=["month"], name="usage_month_by_age")]

    def __str__(self) -> str:
        return f"{self.amount} {self.meter} of user {self.owner_id} in {self.month:%Y-%m}"


class IdempotencyRecord(models.Model):
    """The answer that a request with an Idempotency-Key got."""

    user_id = models.BigIntegerField()
    route = models.CharField(max_length=200)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField(default=dict)
    body = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["user_id", "route", "key"], name="idempotency_key_once"
            ),
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotency_by_age")]

    def __str__(self) -> str:
        return f"{self.route} {self.key}"
