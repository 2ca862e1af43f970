"""What becomes of an account: changed, verified, deactivated, deleted."""

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core import signing
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.events import EmailChanged, UserDeleted, UserRegistered
from accounts.models import EndReason, User
from accounts.services import mails
from accounts.services.passwords import LinkInvalid, require_mail_allowance, require_password
from accounts.services.sessions import end_sessions
from accounts.services.sign_in import (
    normalize,
    require_free_names,
    require_good_password,
    require_valid_names,
    save_unique,
)
from alice.common import windows
from alice.common.errors import DomainError, Forbidden, TooManyRequests
from alice.common.events import publish
from system.services import audit
from system.services.jobs import delete_jobs_of
from system.services.metering import delete_usage_of

HOUR_SECONDS = 3600

_erasers: list[Callable[[int], None]] = []


class LastAdmin(DomainError):
    code = "last_admin"
    detail = "This is the last administrator. Make somebody else one first."


class AccountInactive(DomainError):
    code = "account_inactive"
    detail = "This account is deactivated. Activate it first."


class AlreadyVerified(DomainError):
    code = "already_verified"
    detail = "This e-mail address is already verified."


def register_eraser(eraser: Callable[[int], None]) -> None:
    """Have `eraser(user_id)` remove what the database does not remove with the user's row.

    It runs in the transaction of the deletion: what cannot be undone must wait for the commit.
    """
    if eraser not in _erasers:
        _erasers.append(eraser)


def update_profile(
    *,
    owner_id: int,
    username: str | None = None,
    email: str | None = None,
    current_password: str = "",
    peer: str = "",
) -> User:
    """Change a user's own name or address; what is None stays.

    A new address needs the present password (it is the key to a password reset), is unverified
    until its mailed link is followed, and the old address is told. Raises `Invalid`.
    """
    owner = User.objects.get(pk=owner_id)
    old_address = owner.email
    is_new_address = email is not None and normalize(email).lower() != old_address.lower()
    if is_new_address:
        require_password(owner=owner, password=current_password, peer=peer)
        owner.email_verified_at = None
    owner.username = owner.username if username is None else normalize(username)
    owner.email = owner.email if email is None else normalize(email)
    require_valid_names(owner)
    require_free_names(owner)
    with transaction.atomic():
        save_unique(owner, update_fields=["username", "email", "email_verified_at"])
        entry = audit.record(
            action="user.profile_changed",
            target=f"user:{owner.pk}",
            actor_id=owner.pk,
            actor_name=owner.username,
        )
        if is_new_address:
            mails.send_verification(owner=owner)
            mails.send_email_changed(owner=owner, old_address=old_address)
            publish(EmailChanged(user_id=owner.pk, audit_id=entry.pk))
    return owner


def resend_verification(*, owner_id: int) -> None:
    """Mail the verification link again. Raises `AlreadyVerified` or `TooManyRequests`."""
    owner = User.objects.get(pk=owner_id)
    if owner.email_verified_at:
        raise AlreadyVerified
    window = windows.spend(
        f"verify:{owner.pk}", limit=settings.MAILS_PER_ADDRESS_PER_HOUR, seconds=HOUR_SECONDS
    )
    if window.is_exceeded:
        raise TooManyRequests(retry_after=window.reset_seconds)
    mails.send_verification(owner=owner)


def verify_email(*, token: str) -> User:
    """Note that the token's address is its user's. Following a link twice is no error.

    Raises `LinkInvalid` for a forged or expired token, or when the address was changed since.
    """
    try:
        claims = signing.loads(
            token, salt=mails.VERIFICATION_SALT, max_age=settings.EMAIL_VERIFICATION_SECONDS
        )
    except signing.BadSignature as error:
        raise LinkInvalid from error
    user = User.objects.active().filter(pk=claims["user"], email=claims["email"]).first()
    if user is None:
        raise LinkInvalid
    if user.email_verified_at is None:
        user.email_verified_at = timezone.now()
        user.save(update_fields=["email_verified_at"])
    return user


@transaction.atomic
def delete_account(*, owner_id: int, actor: User | None = None) -> None:
    """Erase a user and all they own. Their sessions end at once.

    Without an `actor` it is the user's own wish. Staff may not do it to themselves nor, unless
    they are one, to a superuser: `Forbidden`. Raises `LastAdmin` for the only active superuser,
    without whom nobody could let others in.
    """
    owner = _locked(owner_id)
    if actor is not None:
        _require_power_over(actor, owner)
    _require_another_admin(owner)
    end_sessions(owner_id=owner.pk, reason=EndReason.STAFF if actor else EndReason.REVOKED)
    audit.record(
        action="user.deleted",
        target=f"user:{owner.pk}",
        actor_id=(actor or owner).pk,
        actor_name=(actor or owner).username,
        username=owner.username,
    )
    for erase in _erasers:
        erase(owner.pk)
    delete_jobs_of(owner_id=owner.pk)
    delete_usage_of(owner_id=owner.pk)
    publish(UserDeleted(user_id=owner.pk))
    owner.delete()


@transaction.atomic
def set_active(*, user_id: int, is_active: bool, actor: User) -> User:
    """Let a user sign in, or not any more, which ends their sessions. For staff.

    Raises `Forbidden` on oneself or, for other staff, on a superuser; `LastAdmin`.
    """
    user = _locked(user_id)
    _require_power_over(actor, user)
    if not is_active:
        _require_another_admin(user)
        end_sessions(owner_id=user.pk, reason=EndReason.STAFF)
    user.is_active = is_active
    user.save(update_fields=["is_active"])
    audit.record(
        action="user.activated" if is_active else "user.deactivated",
        target=f"user:{user.pk}",
        actor_id=actor.pk,
        actor_name=actor.username,
    )
    return user


@transaction.atomic
def set_role(*, user_id: int, is_staff: bool, is_superuser: bool, actor: User) -> User:
    """Make somebody staff or superuser, or neither. Only superusers may, and not on themselves.

    Their sessions end: a token says which role it was made for.
    """
    user = _locked(user_id)
    if not actor.is_superuser:
        raise Forbidden("Only a superuser may change roles.")
    _require_power_over(actor, user)
    if user.is_superuser and not is_superuser:
        _require_another_admin(user)
    user.is_staff, user.is_superuser = is_staff, is_superuser
    user.save(update_fields=["is_staff", "is_superuser"])
    end_sessions(owner_id=user.pk, reason=EndReason.ROLE)
    audit.record(
        action="user.role_changed",
        target=f"user:{user.pk}",
        actor_id=actor.pk,
        actor_name=actor.username,
        is_staff=is_staff,
        is_superuser=is_superuser,
    )
    return user


@transaction.atomic
def set_groups(*, user_id: int, group_ids: list[int], actor: User) -> User:
    """Give a user the rights of these groups and of no others. Only superusers may.

    Raises `Forbidden`, on oneself too.
    """
    user = _locked(user_id)
    if not actor.is_superuser:
        raise Forbidden("Only a superuser may change rights.")
    _require_power_over(actor, user)
    user.groups.set(group_ids)
    audit.record(
        action="user.groups_changed",
        target=f"user:{user.pk}",
        actor_id=actor.pk,
        actor_name=actor.username,
        groups=list(user.groups.order_by("name").values_list("name", flat=True)),
    )
    return user


def require_good_account(*, username: str, email: str, password: str) -> User:
    """The account of these, not stored. Raises `Invalid` for a bad or taken name or password."""
    user = User(username=normalize(username), email=normalize(email))
    require_valid_names(user)
    require_good_password(password, user)
    require_free_names(user)
    return user


def create_user_as_staff(*, username: str, email: str, password: str, actor: User) -> User:
    """Make an account for somebody else, its address unverified, without a mail. For staff.

    Raises `Invalid`.
    """
    user = require_good_account(username=username, email=email, password=password)
    user.password = make_password(password)
    with transaction.atomic():
        save_unique(user)
        audit.record(
            action="user.created_by_staff",
            target=f"user:{user.pk}",
            actor_id=actor.pk,
            actor_name=actor.username,
        )
        publish(UserRegistered(user_id=user.pk))
    return user


def mail_password_reset(*, user_id: int, actor: User) -> None:
    """Mail a user the link that sets a new password. For staff.

    Raises `AccountInactive`, and `TooManyRequests` after some mails to the same address.
    """
    user = User.objects.get(pk=user_id)
    if not user.is_active:
        raise AccountInactive
    require_mail_allowance(user.email)
    with transaction.atomic():
        mails.send_password_reset(address=user.email)
        audit.record(
            action="user.password_reset_mailed",
            target=f"user:{user.pk}",
            actor_id=actor.pk,
            actor_name=actor.username,
        )


@transaction.atomic
def end_sessions_as_staff(*, user_id: int, session_ids: list[int] | None, actor: User) -> int:
    """End sessions of a user, all of them with None; return how many were open. For staff.

    Raises `Forbidden` for staff who would sign a superuser out.
    """
    if not actor.is_superuser and User.objects.filter(pk=user_id, is_superuser=True).exists():
        raise Forbidden("Only a superuser may do this to a superuser.")
    ended = end_sessions(owner_id=user_id, session_ids=session_ids, reason=EndReason.STAFF)
    audit.record(
        action="session.ended_by_staff",
        target=f"user:{user_id}",
        actor_id=actor.pk,
        actor_name=actor.username,
        ended=ended,
    )
    return ended


def _require_power_over(actor: User, user: User) -> None:
    if actor.pk == user.pk:
        raise Forbidden("Somebody else must do this to your account.")
    if user.is_superuser and not actor.is_superuser:
        raise Forbidden("Only a superuser may do this to a superuser.")


def _locked(user_id: int) -> User:
    """The user, locked together with every superuser and always in one order.

    So two superusers who leave at the same moment neither wait for each other for ever nor both
    count on the other.
    """
    involved = User.objects.filter(Q(pk=user_id) | Q(is_superuser=True))
    users = {user.pk: user for user in involved.order_by("pk").select_for_update()}
    if user_id not in users:
        raise User.DoesNotExist
    return users[user_id]


def _require_another_admin(user: User) -> None:
    others = User.objects.active().filter(is_superuser=True).exclude(pk=user.pk)
    if user.is_superuser and user.is_active and not others.exists():
        raise LastAdmin
