"""Shares: an owner lets one user, or whoever has the link, see or change one thing."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from alice.common.database import wrapper_for
from alice.common.errors import DomainError, Invalid, NotFound
from alice.common.events import publish
from collaboration.events import ShareMade, ShareRevoked
from collaboration.models import (
    Attachment,
    Permission,
    Redemption,
    ResourceType,
    Share,
    ShareQuerySet,
)
from collaboration.selectors import LiveShare, live_share
from collaboration.services.rights import OwnerOnly
from collaboration.services.shareables import Description, shareable_of
from system.services import audit

LIVE_PER_RESOURCE = 200
LIVE_PER_OWNER = 5000
ENDED_KEPT = timedelta(days=90)
DELETED_AT_ONCE = 1000
ATTACHABLE = frozenset({ResourceType.FILE, ResourceType.MEDIA})
COUNT_MAX = 2**31 - 1
# Who opens a link never waits for others who do: while its row is locked, none is counted.
COUNT_OPENING = """
    UPDATE collaboration_share SET open_count = open_count + 1 WHERE id IN (
        SELECT id FROM collaboration_share WHERE id = %s AND open_count < %s
        FOR NO KEY UPDATE SKIP LOCKED
    )
"""
# As `str` writes a UUID. PostgreSQL would also read braces and capitals.
TOKEN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
HOLDER = "shared_with_user_id"
NO_SUCH_USER = "There is no such user."
SELF = "This is yours already. Choose somebody else, or nobody for a link."


class NotYoursToShare(OwnerOnly):
    detail = "Only its owner may share this."


class TooManyShares(DomainError):
    code = "share_limit_reached"


@dataclass(frozen=True, slots=True)
class Opened:
    """A share that opens, and what is to be seen there."""

    share: LiveShare
    description: Description


@transaction.atomic
def create_share(
    *,
    owner_id: int,
    resource_type: str,
    resource_id: int,
    shared_with_user_id: int | None = None,
    permission: str = Permission.VIEW,
    expires_in_days: int | None = None,
) -> Share:
    """Share a thing with a user, or by a link with whoever has it; announced by `ShareMade`.

    Each call makes a share of its own, so that each can end by itself. Raises `NotFound` for what
    the caller does not see, `NotYoursToShare` for what others show the caller, `Invalid` for a
    user who is not there or is the owner, and `TooManyShares`.
    """
    users = _locked_users(owner_id, shared_with_user_id)
    _require_owned(owner_id, resource_type, resource_id)
    _require_holder(users, owner_id, shared_with_user_id)
    _require_room_for_more(owner_id, resource_type, resource_id)
    now = timezone.now()
    share = Share.objects.create(
        owner_id=owner_id,
        resource_type=resource_type,
        resource_id=resource_id,
        shared_with_id=shared_with_user_id,
        permission=permission,
        created_at=now,
        expires_at=now + timedelta(days=expires_in_days) if expires_in_days else None,
    )
    _note("share.made", share, users[owner_id])
    publish(
        ShareMade(
            share_id=share.pk,
            owner_id=owner_id,
            holder_id=shared_with_user_id,
            resource_type=resource_type,
            resource_id=resource_id,
        )
    )
    return share


@transaction.atomic
def revoke_share(*, shares: ShareQuerySet, share_id: int, actor: User) -> Share:
    """End one of `shares` now; announced by `ShareRevoked`. Once ended it stays as it is.

    Raises `NotFound`.
    """
    share = shares.select_for_update(no_key=True, of=("self",)).filter(pk=share_id).first()
    if share is None:
        raise NotFound
    if share.revoked_at is not None:
        return share
    share.revoked_at = timezone.now()
    share.save(update_fields=["revoked_at"])
    _note("share.revoked", share, actor)
    publish(
        ShareRevoked(
            share_id=share.pk,
            holder_ids=_holder_ids(share),
            resource_type=share.resource_type,
            resource_id=share.resource_id,
        )
    )
    return share


def open_share(*, token: str, viewer_id: int | None, is_counted: bool) -> Opened:
    """What a share's link shows, to the viewer or, with None, to somebody without an account.

    A share with one user opens to that user and its owner alone. Raises `NotFound`, the same for
    a token that never was, a share that ended, a thing that is gone and an owner who is.
    """
    share = _live_share(token, viewer_id)
    opened = Opened(share, _described(share))
    if is_counted:
        _count_opening(share.id)
    return opened


def redeem_share(*, token: str, user_id: int) -> int:
    """Put what a link shows among what is shared with the user, and return the share's id.

    Doing so again changes nothing. Raises `NotFound` as `open_share` does.
    """
    share = _live_share(token, user_id)
    _described(share)
    if share.shared_with_id is None and share.owner_id != user_id:
        redemption = Redemption(share_id=share.id, user_id=user_id)
        Redemption.objects.bulk_create([redemption], ignore_conflicts=True)
    return share.id


def forget(resource_type: str, resource_ids: Collection[int]) -> None:
    """Delete all shares of things that are deleted for good, and their places in messages.

    For the transaction that deletes them: there is never a share of nothing.
    """
    gone = Q(resource_type=resource_type, resource_id__in=resource_ids)
    Share.objects.filter(gone).delete()
    if resource_type in ATTACHABLE:
        Attachment.objects.filter(gone).delete()


def delete_ended_shares() -> int:
    """Delete shares that ended 90 days ago or earlier; return how many."""
    moment = timezone.now() - ENDED_KEPT
    deleted = 0
    while batch := _delete_ended_before(moment):
        deleted += batch
    return deleted


@transaction.atomic
def _delete_ended_before(moment: object) -> int:
    ended = Share.objects.filter(Q(revoked_at__lte=moment) | Q(expires_at__lte=moment))
    batch = list(ended.values_list("pk", flat=True)[:DELETED_AT_ONCE])
    Share.objects.filter(pk__in=batch).delete()
    return len(batch)


def _locked_users(owner_id: int, holder_id: int | None) -> dict[int, User]:
    """Owner and holder, locked in one order: the caps hold, and the holder is not deleted."""
    wanted = User.objects.filter(pk__in={owner_id, holder_id} - {None})
    return {user.pk: user for user in wanted.order_by("pk").select_for_update(no_key=True)}


def _require_owned(owner_id: int, resource_type: str, resource_id: int) -> None:
    shareable = shareable_of(resource_type)
    if shareable.is_owned(owner_id, resource_id):
        return
    raise NotYoursToShare if shareable.is_visible(owner_id, resource_id) else NotFound


def _require_holder(users: dict[int, User], owner_id: int, holder_id: int | None) -> None:
    if holder_id is None:
        return
    holder = users.get(holder_id)
    if holder_id == owner_id:
        raise Invalid(f"{HOLDER}: {SELF}", errors={HOLDER: [SELF]})
    if holder is None or not holder.is_active:
        # One sentence for both: whether an account is switched off is nobody's business.
        raise Invalid(f"{HOLDER}: {NO_SUCH_USER}", errors={HOLDER: [NO_SUCH_USER]})


def _require_room_for_more(owner_id: int, resource_type: str, resource_id: int) -> None:
    live = Share.objects.live().filter(owner_id=owner_id)
    if live.count() >= LIVE_PER_OWNER:
        sentence = f"You have {LIVE_PER_OWNER} shares. Revoke one first."
        raise TooManyShares(sentence, limit=LIVE_PER_OWNER)
    if live.of(resource_type).filter(resource_id=resource_id).count() >= LIVE_PER_RESOURCE:
        sentence = f"This is shared {LIVE_PER_RESOURCE} times. Revoke a share first."
        raise TooManyShares(sentence, limit=LIVE_PER_RESOURCE)


def _live_share(token: str, viewer_id: int | None) -> LiveShare:
    share = live_share(UUID(token)) if TOKEN.fullmatch(token) else None
    if share is None:
        raise NotFound
    is_for_one = share.shared_with_id is not None
    if is_for_one and viewer_id not in {share.shared_with_id, share.owner_id}:
        raise NotFound
    return share


def _described(share: LiveShare) -> Description:
    description = shareable_of(share.resource_type).describe(share.resource_id)
    if description is None:
        raise NotFound
    return description


def _count_opening(share_id: int) -> None:
    with wrapper_for(DEFAULT_DB_ALIAS).prepared_cursor(COUNT_OPENING) as cursor:
        cursor.execute(COUNT_OPENING, (share_id, COUNT_MAX))


def _holder_ids(share: Share) -> tuple[int, ...]:
    if share.shared_with_id is not None:
        return (share.shared_with_id,)
    return tuple(share.redemptions.order_by("pk").values_list("user_id", flat=True))


def _note(action: str, share: Share, actor: User) -> None:
    audit.record(
        action=action,
        target=f"share:{share.pk}",
        actor_id=actor.pk,
        actor_name=actor.username,
        shared=f"{share.resource_type}:{share.resource_id}",
        shared_with=share.shared_with_id,
        permission=share.permission,
    )
