"""Telling every active user the same: a job in batches, none of which is sent twice."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from alice.common.errors import Forbidden
from notifications.models import Broadcast
from notifications.services.action_urls import require_harmless
from notifications.services.sending import Note, notify_many
from notifications.services.topics import ANNOUNCEMENT
from system.models import Job
from system.services import audit
from system.services.jobs import (
    JobFailed,
    JobKind,
    JobLost,
    JobRun,
    enqueue_job,
    register_job_kind,
)

KIND = "notifications.broadcast"
BATCH = 1000
GONE = "The broadcast was deleted."


@transaction.atomic
def request_broadcast(*, actor: User, **content: Any) -> Job:
    """Queue a notification to every active user, noted in the audit log. For staff.

    `content` is what a `Note` has beside topic and sender. Raises `Forbidden` and `Invalid`.
    """
    if not actor.is_staff:
        raise Forbidden("Only staff may tell everybody something.")
    require_harmless(content.get("action_url", ""))
    broadcast = Broadcast.objects.create(topic=ANNOUNCEMENT, sender_id=actor.pk, **content)
    job = enqueue_job(kind=KIND, owner_id=actor.pk, arguments={"broadcast_id": broadcast.pk})
    broadcast.job_id = job.pk
    broadcast.save(update_fields=["job_id"])
    audit.record(
        action="notification.broadcast",
        target=f"broadcast:{broadcast.pk}",
        actor_id=actor.pk,
        actor_name=actor.get_username(),
        title=broadcast.title,
    )
    return job


def send_broadcast(run: JobRun) -> dict[str, Any]:
    """Tell everybody, in the order of their ids; `{"reached": n}` says how many were.

    Safe to run again after any crash: how far it is, is stored with each batch.
    """
    total = max(1, User.objects.active().count())
    passed = 0
    while batch_size := _send_batch(run.arguments["broadcast_id"]):
        passed += batch_size
        run.report(min(99, passed * 100 // total))
    broadcast = _broadcast(run.arguments["broadcast_id"])
    Broadcast.objects.filter(pk=broadcast.pk, finished_at=None).update(finished_at=timezone.now())
    return {"broadcast_id": broadcast.pk, "reached": broadcast.reached_count}


def register_kinds() -> None:
    """Make the workers know how to tell everybody."""
    register_job_kind(JobKind(KIND, send_broadcast, attempts_max=8))


@transaction.atomic
def _send_batch(broadcast_id: int) -> int:
    """Tell the next users and note how far that is, in one transaction; answer how many."""
    broadcast = _broadcast(broadcast_id)
    next_ids = User.objects.active().filter(pk__gt=broadcast.last_owner_id).order_by("pk")
    owner_ids = list(next_ids.values_list("pk", flat=True)[:BATCH])
    if not owner_ids:
        return 0
    # First of all, and only by the run that saw the same: another one has gone on meanwhile.
    mine = Broadcast.objects.filter(pk=broadcast_id, last_owner_id=broadcast.last_owner_id)
    if not mine.update(last_owner_id=owner_ids[-1]):
        raise JobLost
    sent = notify_many(owner_ids=owner_ids, note=_note(broadcast))
    reached = broadcast.reached_count + len(sent)
    Broadcast.objects.filter(pk=broadcast_id).update(reached_count=reached)
    return len(owner_ids)


def _broadcast(broadcast_id: int) -> Broadcast:
    broadcast = Broadcast.objects.filter(pk=broadcast_id).first()
    if broadcast is None:
        raise JobFailed(GONE)
    return broadcast


def _note(broadcast: Broadcast) -> Note:
    return Note(
        topic=broadcast.topic,
        title=broadcast.title,
        message=broadcast.message,
        notification_type=broadcast.notification_type,
        action_url=broadcast.action_url,
        metadata=broadcast.metadata,
        sender_id=broadcast.sender_id,
        source=f"broadcast:{broadcast.pk}",
    )
