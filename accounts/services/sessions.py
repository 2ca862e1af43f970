"""Sessions: opened by a sign-in, refreshed, ended for good."""

import uuid
from collections.abc import Collection
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.events import SessionsEnded
from accounts.models import EndReason, Session, User
from accounts.services.tokens import TokenInvalid, TokenPair, mint_pair, read_refresh
from alice.common.events import publish
from alice.common.gate import SessionEnded
from system.services import audit

SEEN_EVERY = timedelta(minutes=1)
KEPT_AFTER_END = timedelta(days=30)


class RefreshTokenReused(TokenInvalid):
    code = "refresh_token_reused"
    detail = "This refresh token was used before, so its session was ended. Sign in again."


def open_session(*, owner: User, device: str = "", peer: str = "") -> Session:
    """Begin a session for somebody whose credentials were checked."""
    now = timezone.now()
    return Session.objects.create(
        user=owner,
        device=device[:200],
        peer=peer,
        refresh_id=uuid.uuid4(),
        rotated_at=now,
        last_seen_at=now,
        expires_at=now + settings.SESSION_LIFETIME,
    )


def refresh_session(*, refresh_token: str) -> TokenPair:
    """New tokens for a refresh token, which is thereby used up.

    Two requests with the same token within the grace of 10 s get the same refresh token, so that
    tabs racing each other stay signed in. Later, a used token is taken for stolen: the session
    ends and `RefreshTokenReused` is raised (RFC 9700, section 4.14.2). Raises `TokenInvalid` for
    what is no refresh token and `SessionEnded` when its session is over.
    """
    claims = read_refresh(refresh_token)
    with transaction.atomic():
        now = timezone.now()
        live = Session.objects.live(now).select_related("user").select_for_update(of=("self",))
        session = live.filter(pk=claims.session_id).first()
        if session is None:
            raise SessionEnded
        if session.refresh_id == claims.refresh_id:
            _rotate(session)
            return mint_pair(session)
        is_in_grace = now - session.rotated_at <= settings.REFRESH_GRACE
        if session.previous_refresh_id == claims.refresh_id and is_in_grace:
            return mint_pair(session)
        end_sessions(owner_id=session.user_id, session_ids=[session.pk], reason=EndReason.REUSE)
        audit.record(
            action="session.refresh_token_reused",
            target=f"session:{session.pk}",
            actor_id=session.user_id,
            actor_name=session.user.username,
        )
    # Raised outside the transaction: the end of the session must be committed.
    raise RefreshTokenReused


def _rotate(session: Session) -> None:
    session.previous_refresh_id = session.refresh_id
    session.refresh_id = uuid.uuid4()
    session.rotated_at = session.last_seen_at = timezone.now()
    session.save(update_fields=["previous_refresh_id", "refresh_id", "rotated_at", "last_seen_at"])


@transaction.atomic
def end_sessions(*, owner_id: int, reason: EndReason, session_ids: list[int] | None = None) -> int:
    """End these sessions of a user, or all of them; return how many were open until now.

    Announced with `SessionsEnded`, on which every process refuses their tokens.
    """
    open_ones = Session.objects.filter(user_id=owner_id, ended_at=None)
    if session_ids is not None:
        open_ones = open_ones.filter(pk__in=session_ids)
    ended = tuple(open_ones.select_for_update().values_list("pk", flat=True))
    if not ended:
        return 0
    Session.objects.filter(pk__in=ended).update(ended_at=timezone.now(), end_reason=reason)
    publish(SessionsEnded(user_id=owner_id, session_ids=ended, reason=reason.value))
    return len(ended)


def note_use(session_id: int, user_id: int) -> bool:
    """Whether a session is live by the database; notes, to the minute, that it is in use."""
    now = timezone.now()
    seen = Session.objects.live(now).filter(pk=session_id, user_id=user_id)
    last_seen_at = seen.values_list("last_seen_at", flat=True).first()
    if last_seen_at is None:
        return False
    if now - last_seen_at > SEEN_EVERY:
        Session.objects.filter(pk=session_id).update(last_seen_at=now)
    return True


def live_sessions(session_ids: Collection[int]) -> set[int]:
    """Which of these sessions are live by the database."""
    live = Session.objects.live(timezone.now()).filter(pk__in=session_ids)
    return set(live.values_list("pk", flat=True))


def clear_ended_sessions() -> int:
    """Delete sessions that have been over for 30 days; return how many went."""
    long_over = Session.objects.over_since(timezone.now() - KEPT_AFTER_END)
    deleted, _ = long_over.delete()
    return deleted
