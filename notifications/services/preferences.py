"""Where a user wants to be told of what."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from alice.common.errors import Invalid
from notifications.models import (
    Channel,
    Delivery,
    DeliveryStatus,
    Digest,
    MailSettings,
    Preference,
)
from notifications.services.topics import Topic, topics

DAILY_HOUR = 8  # UTC

Wishes = dict[Channel, bool]


@dataclass(frozen=True, slots=True)
class TopicWishes:
    """What a user gets of one topic."""

    topic: Topic
    channels: Wishes


def wanted_channels(*, owner_ids: Collection[int], topic: Topic) -> dict[int, frozenset[Channel]]:
    """Per owner the channels on which they are told of `topic`. One query."""
    wishes: defaultdict[int, dict[str, bool]] = defaultdict(dict)
    rows = Preference.objects.filter(owner_id__in=owner_ids, topic=topic.name)
    for owner_id, channel, is_wanted in rows.values_list("owner_id", "channel", "is_wanted"):
        wishes[owner_id][channel] = is_wanted
    return {
        owner_id: frozenset(
            channel
            for channel in Channel
            if topic.is_wanted(channel, wishes[owner_id].get(channel))
        )
        for owner_id in owner_ids
    }


def wishes_of(owner_id: int) -> list[TopicWishes]:
    """Every registered topic with its channels, as they are for this user."""
    rows = Preference.objects.filter(owner_id=owner_id)
    stored = {(row.topic, row.channel): row.is_wanted for row in rows}
    return [
        TopicWishes(
            topic,
            {
                channel: topic.is_wanted(channel, stored.get((topic.name, channel)))
                for channel in Channel
            },
        )
        for topic in topics()
    ]


def digest_of(owner_id: int) -> Digest:
    """How a user's mails are gathered."""
    found = MailSettings.objects.filter(owner_id=owner_id).values_list("digest", flat=True)
    return Digest(found.first() or Digest.NONE)


@transaction.atomic
def change_preferences(
    *, owner_id: int, changes: Mapping[str, Wishes], digest: Digest | None = None
) -> None:
    """Store what `changes` names, topic by topic and channel by channel; the rest stays.

    Mails that wait for a digest go by the new one. Raises `Invalid` for an unknown topic or when
    a mandatory channel would be switched off, and then nothing is stored.
    """
    _require_possible(changes)
    Preference.objects.bulk_create(
        [
            Preference(owner_id=owner_id, topic=topic, channel=channel, is_wanted=is_wanted)
            for topic, wishes in changes.items()
            for channel, is_wanted in wishes.items()
        ],
        update_conflicts=True,
        unique_fields=["owner", "topic", "channel"],
        update_fields=["is_wanted"],
    )
    if digest is not None:
        _change_digest(owner_id, digest)


def mail_due_at(digest: Digest, now: datetime) -> datetime:
    """When a mail owed from `now` on goes: at once, at the full hour, or at eight (UTC)."""
    if digest == Digest.HOURLY:
        return now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    if digest == Digest.DAILY:
        today = now.replace(hour=DAILY_HOUR, minute=0, second=0, microsecond=0)
        return today if now < today else today + timedelta(days=1)
    return now


def _require_possible(changes: Mapping[str, Wishes]) -> None:
    known = {topic.name: topic for topic in topics()}
    for name, wishes in changes.items():
        if name not in known:
            raise _invalid(f"There is no topic {name!r}.")
        switched_off = {channel for channel, is_wanted in wishes.items() if not is_wanted}
        if refused := known[name].mandatory & switched_off:
            raise _invalid(f"{name} cannot be switched off for {', '.join(sorted(refused))}.")


def _invalid(sentence: str) -> Invalid:
    return Invalid(f"topics: {sentence}", errors={"topics": [sentence]})


def _change_digest(owner_id: int, digest: Digest) -> None:
    # Written first: whoever gathers this user's mails waits for its lock.
    MailSettings.objects.update_or_create(owner_id=owner_id, defaults={"digest": digest})
    waiting = Delivery.objects.filter(
        owner_id=owner_id, channel=Channel.EMAIL, status=DeliveryStatus.PENDING, message_id=None
    )
    waiting.update(due_at=mail_due_at(digest, timezone.now()))
