"""Registration and login."""

import unicodedata

from django.conf import settings
from django.contrib.auth import password_validation
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.events import UserRegistered
from accounts.models import User
from accounts.services import mails
from accounts.services.sessions import open_session
from accounts.services.tokens import TokenPair, mint_pair
from alice.common import windows
from alice.common.errors import DomainError, Invalid, TooManyRequests
from alice.common.events import publish
from alice.common.peers import peer_key
from system.services import audit

PASSWORD_MIN, PASSWORD_MAX = 8, 128


class CredentialsWrong(DomainError):
    code = "credentials_wrong"
    status = 401
    detail = "The name or the password is wrong."


class TooManyAttempts(TooManyRequests):
    code = "too_many_attempts"
    detail = "Too many failed attempts. Try again later."


def normalize(text: str) -> str:
    """A name or address in the form in which it is stored and compared (Unicode NFKC)."""
    return unicodedata.normalize("NFKC", text).strip()


def require_good_password(password: str, owner: User) -> None:
    """Raise `Invalid` unless `password` is long and uncommon enough, and unlike its owner.

    Its length is looked at first: nothing else is done with an overlong one.
    """
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX or password.isspace():
        sentence = f"Use {PASSWORD_MIN} to {PASSWORD_MAX} characters, and not only spaces."
        raise Invalid(f"password: {sentence}", errors={"password": [sentence]})
    try:
        password_validation.validate_password(password, owner)
    except ValidationError as error:
        errors = {"password": error.messages}
        raise Invalid(f"password: {error.messages[0]}", errors=errors) from error


def require_valid_names(user: User) -> None:
    """Raise `Invalid` unless username and address have an allowed form as they are stored."""
    try:
        user.clean_fields(exclude={"password"})
    except ValidationError as error:
        name, sentences = next(iter(error.message_dict.items()))
        raise Invalid(f"{name}: {sentences[0]}", errors=error.message_dict) from error


def require_free_names(user: User) -> None:
    """Raise `Invalid` when the username or address of `user` belongs to somebody else.

    A friendly answer for the usual case; between two at the same moment the constraints decide.
    """
    for field in ("username", "email"):
        value = getattr(user, field)
        if User.objects.exclude(pk=user.pk).filter(**{f"{field}__lower": value.lower()}).exists():
            raise taken(field)


def taken(field: str) -> Invalid:
    """The refusal of a name that somebody else has."""
    label = {"username": "username", "email": "e-mail address"}[field]
    sentence = f"This {label} is taken."
    return Invalid(f"{field}: {sentence}", errors={field: [sentence]})


def save_unique(user: User, update_fields: list[str] | None = None) -> None:
    """Save `user`; a name taken at this very moment raises `Invalid`, as a taken name does."""
    try:
        with transaction.atomic():
            user.save(update_fields=update_fields)
    except IntegrityError as error:
        field = "email" if "user_email_once" in str(error) else "username"
        raise taken(field) from error


def register(
    *, username: str, email: str, password: str, device: str = "", peer: str = ""
) -> TokenPair:
    """Make an account and sign it in. Raises `Invalid`; announces `UserRegistered`."""
    user = User(username=normalize(username), email=normalize(email))
    require_valid_names(user)
    require_good_password(password, user)
    require_free_names(user)
    # Hashed before the transaction: 35 ms of work are not to hold a connection's locks.
    user.password = make_password(password)
    with transaction.atomic():
        save_unique(user)
        session = open_session(owner=user, device=device, peer=peer)
        mails.send_verification(owner=user)
        audit.record(
            action="user.registered",
            target=f"user:{user.pk}",
            actor_id=user.pk,
            actor_name=user.username,
        )
        publish(UserRegistered(user_id=user.pk))
    return mint_pair(session)


def check_credentials(*, name_or_email: str, password: str, peer: str) -> User:
    """The active user with this name or address and password.

    Raises `CredentialsWrong` after the same work whether or not such a user exists, and
    `TooManyAttempts` after 10 failures in 10 minutes for the account or 30 for the peer, the right
    password included. The attempt is counted before the password is looked at, so that attempts
    at the same moment cannot slip through together.
    """
    name = normalize(name_or_email)[:254]
    attempts = _reserve_attempt(name, peer)
    user = User.objects.named(name).active().first() if "\x00" not in name else None
    if len(password) > PASSWORD_MAX:
        raise CredentialsWrong
    if user is None:
        make_password(password)
        raise CredentialsWrong
    if not user.check_password(password):
        raise CredentialsWrong
    windows.forget(attempts[0])
    windows.give_back(attempts[1], seconds=settings.LOGIN_WINDOW_SECONDS)
    return user


def log_in(*, name_or_email: str, password: str, device: str = "", peer: str = "") -> TokenPair:
    """Sign in with a username or an e-mail address. Raises what `check_credentials` raises."""
    user = check_credentials(name_or_email=name_or_email, password=password, peer=peer)
    with transaction.atomic():
        session = open_session(owner=user, device=device, peer=peer)
        User.objects.filter(pk=user.pk).update(last_login=timezone.now())
    return mint_pair(session)


def _reserve_attempt(name: str, peer: str) -> tuple[str, str]:
    keys = (f"login:account:{name.lower()}", f"login:peer:{peer_key(peer)}")
    limits = (settings.LOGIN_FAILURES_PER_ACCOUNT, settings.LOGIN_FAILURES_PER_PEER)
    for key, limit in zip(keys, limits, strict=True):
        window = windows.spend(key, limit=limit, seconds=settings.LOGIN_WINDOW_SECONDS)
        if window.is_exceeded:
            raise TooManyAttempts(retry_after=window.reset_seconds)
    return keys
