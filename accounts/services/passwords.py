"""New passwords, by the old one or by a mailed link."""

from contextlib import suppress

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.tokens import default_token_generator
from django.core import signing
from django.db import transaction

from accounts.events import PasswordChanged
from accounts.models import EndReason, User
from accounts.services import mails
from accounts.services.sessions import end_sessions, open_session
from accounts.services.sign_in import (
    CredentialsWrong,
    check_credentials,
    normalize,
    require_good_password,
)
from accounts.services.tokens import TokenPair, mint_pair
from alice.common import windows
from alice.common.errors import DomainError, Invalid, TooManyRequests
from alice.common.events import publish
from system.services import audit

HOUR_SECONDS = 3600


class LinkInvalid(DomainError):
    code = "link_invalid"
    status = 400
    detail = "This link is not valid any more. Ask for a new one."


def require_password(*, owner: User, password: str, peer: str) -> None:
    """Raise `Invalid` unless `password` is the user's present one; guesses count as logins do."""
    try:
        check_credentials(name_or_email=owner.username, password=password, peer=peer)
    except CredentialsWrong as error:
        sentence = "This is not your present password."
        errors = {"current_password": [sentence]}
        raise Invalid(f"current_password: {sentence}", errors=errors) from error


def change_password(
    *, owner: User, current_password: str, new_password: str, device: str, peer: str
) -> TokenPair:
    """Set a new password, end every session, and sign this device in anew.

    Raises `Invalid` for a wrong present or a poor new password, `TooManyAttempts` for guessing.
    """
    require_password(owner=owner, password=current_password, peer=peer)
    require_good_password(new_password, owner)
    with transaction.atomic():
        _set_password(owner, new_password, action="user.password_changed")
        session = open_session(owner=owner, device=device, peer=peer)
    return mint_pair(session)


def request_password_reset(*, email: str) -> None:
    """Mail a link to whoever has this address; the caller learns nothing about who that is."""
    address = normalize(email)
    with suppress(TooManyRequests):
        require_mail_allowance(address)
        mails.send_password_reset(address=address)


def require_mail_allowance(address: str) -> None:
    """Count one reset mail to `address`. Raises `TooManyRequests` when it got its share."""
    window = windows.spend(
        f"reset:{address.lower()}", limit=settings.MAILS_PER_ADDRESS_PER_HOUR, seconds=HOUR_SECONDS
    )
    if window.is_exceeded:
        raise TooManyRequests(retry_after=window.reset_seconds)


def owner_of_reset_token(token: str) -> User:
    """Whose password a mailed token may set. Raises `LinkInvalid` for a used or expired one."""
    try:
        claims = signing.loads(
            token, salt=mails.RESET_SALT, max_age=settings.PASSWORD_RESET_TIMEOUT
        )
        owner = User.objects.active().get(pk=claims["user"])
    except (signing.BadSignature, User.DoesNotExist) as error:
        raise LinkInvalid from error
    if not default_token_generator.check_token(owner, claims["secret"]):
        raise LinkInvalid
    return owner


def reset_password(*, token: str, new_password: str) -> None:
    """Set a new password by a mailed token and end every session.

    Raises `LinkInvalid`, or `Invalid` for a poor password, after which the link is still good.
    """
    owner = owner_of_reset_token(token)
    require_good_password(new_password, owner)
    with transaction.atomic():
        # Locked and asked again: of two uses of one link at the same moment one is too late.
        User.objects.select_for_update().get(pk=owner.pk)
        owner = owner_of_reset_token(token)
        _set_password(owner, new_password, action="user.password_reset")


def set_password_by_operator(*, owner: User, new_password: str) -> None:
    """Set a password from the command line of the server and end every session.

    Raises `Invalid` for a poor password.
    """
    require_good_password(new_password, owner)
    with transaction.atomic():
        _set_password(owner, new_password, action="user.password_set")


def _set_password(owner: User, password: str, *, action: str) -> None:
    User.objects.filter(pk=owner.pk).update(password=make_password(password))
    end_sessions(owner_id=owner.pk, reason=EndReason.PASSWORD)
    entry = audit.record(
        action=action, target=f"user:{owner.pk}", actor_id=owner.pk, actor_name=owner.username
    )
    publish(PasswordChanged(user_id=owner.pk, audit_id=entry.pk))
