"""What happens in other apps, put into words for those whom it concerns."""

from typing import Any

from accounts.models import EndReason
from accounts.services import exports
from collaboration.models import Message, Permission, ResourceType, Share
from media.services.jobs import TRANSCODE
from notifications.models import TITLE_MAX, NotificationType
from notifications.services import broadcasts
from notifications.services.sending import Note, notify_many
from notifications.services.topics import (
    EXPORT_READY,
    JOB_COMPLETED,
    JOB_FAILED,
    MENTION,
    SECURITY,
    SHARE,
)
from system.models import Job, JobStatus

EXCERPT_MAX = 200
# What a person calls it, by the kind of job; others are just work.
NAMES = {
    exports.KIND: "export",
    TRANSCODE: "transcode",
    broadcasts.KIND: "broadcast",
}
WHAT_IS_SHARED = {
    ResourceType.ITEM.value: "an item",
    ResourceType.FILE.value: "a file",
    ResourceType.MEDIA.value: "a media object",
    ResourceType.ROOM.value: "a room",
}
WHAT_MAY_BE_DONE = {
    Permission.VIEW.value: "You may view it.",
    Permission.EDIT.value: "You may view and change it.",
}
PASSWORD_CHANGED, EMAIL_CHANGED = "password_changed", "email_changed"
# Sessions that end with a new password are no news of their own.
SECURITY_NEWS = {
    PASSWORD_CHANGED: (
        "Your password was changed",
        "All your sessions were ended. If it was not you, set a new password at once.",
    ),
    EMAIL_CHANGED: (
        "Your e-mail address was changed",
        "If it was not you, change it back and set a new password at once.",
    ),
    EndReason.REUSE.value: (
        "A session of yours was ended",
        "Its key was used twice, as if it had been copied. If that surprises you, set a new "
        "password.",
    ),
    EndReason.ROLE.value: (
        "Your role was changed",
        "Your sessions were ended, since they were made for the old one. Sign in again.",
    ),
}


def tell_mentioned(*, message_id: int, mentioned_ids: list[int]) -> int:
    """Tell those named in a chat message, as its event counts them up; return how many.

    Nobody when the message or its author is gone meanwhile.
    """
    messages = Message.objects.filter(pk=message_id, deleted_at=None)
    message = messages.select_related("room", "author").first()
    if message is None or message.author is None:
        return 0
    room_id = message.room.room_id
    note = Note(
        topic=MENTION,
        title=shortened(f"{message.author.username} mentions you in {room_id}", TITLE_MAX),
        message=shortened(message.message, EXCERPT_MAX),
        action_url=f"/chat/{room_id}",
        metadata={"room_id": room_id, "message_id": message.pk, "seq": message.seq},
        sender_id=message.author_id,
        source=f"message:{message.pk}",
    )
    return len(notify_many(owner_ids=mentioned_ids, note=note))


def tell_holder(*, share_id: int) -> int:
    """Tell whom a share was made for; nobody when it is a link or revoked meanwhile."""
    share = Share.objects.live().filter(pk=share_id).select_related("owner").first()
    if share is None or share.shared_with_id is None:
        return 0
    note = Note(
        topic=SHARE,
        title=f"{share.owner.username} shares {WHAT_IS_SHARED[share.resource_type]} with you",
        message=WHAT_MAY_BE_DONE[share.permission],
        action_url=f"/shared/{share.token}",
        metadata={
            "share_id": share.pk,
            "resource_type": share.resource_type,
            "resource_id": share.resource_id,
            "permission": share.permission,
        },
        sender_id=share.owner_id,
        source=f"share:{share.pk}",
    )
    return len(notify_many(owner_ids=[share.shared_with_id], note=note))


def tell_job_owner(*, job_id: int) -> int:
    """Tell whoever started a job that it is done or has failed; a cancelled one is no news."""
    job = Job.objects.filter(pk=job_id).first()
    if job is None or job.owner_id is None:
        return 0
    note = _job_note(job)
    return len(notify_many(owner_ids=[job.owner_id], note=note)) if note else 0


def tell_of_security(*, user_id: int, reason: str, source: str) -> int:
    """Tell a user what may be the work of somebody else: `reason` is one of SECURITY_NEWS."""
    title, message = SECURITY_NEWS[reason]
    note = Note(
        topic=SECURITY,
        title=title,
        message=message,
        notification_type=NotificationType.WARNING,
        metadata={"reason": reason},
        source=source,
    )
    return len(notify_many(owner_ids=[user_id], note=note))


def shortened(text: str, length: int) -> str:
    """At most `length` characters, with an ellipsis for what was left out."""
    return text if len(text) <= length else text[: length - 1] + "…"


def _job_note(job: Job) -> Note | None:
    name = NAMES.get(job.kind, "work")
    about: dict[str, Any] = {
        "metadata": {"job_id": job.pk, "kind": job.kind, "status": job.status},
        # A failed job can be tried again, and end again.
        "source": f"job:{job.pk}:{int(job.finished_at.timestamp()) if job.finished_at else 0}",
    }
    if job.status == JobStatus.FAILED:
        return Note(
            topic=JOB_FAILED,
            title=f"Your {name} has failed",
            message=shortened(job.error, EXCERPT_MAX),
            notification_type=NotificationType.ERROR,
            **about,
        )
    if job.status == JobStatus.COMPLETED:
        topic = EXPORT_READY if job.kind == exports.KIND else JOB_COMPLETED
        title = f"Your {name} is ready" if topic == EXPORT_READY else f"Your {name} is done"
        kind = NotificationType.SUCCESS
        return Note(topic=topic, title=title, notification_type=kind, **about)
    return None
