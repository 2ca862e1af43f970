"""Secrets at rest: encrypted in their columns, hidden wherever they might be shown."""

from base64 import urlsafe_b64encode
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core import checks
from django.core.exceptions import FieldError
from django.db import models

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

PURPOSE = b"alice.common.secrets"
HIDDEN = "********"
LOOKUPS_ALLOWED = {"isnull"}


class SecretUnreadable(Exception):
    """None of the keys opens what is stored: the key it was written with is gone."""

    def __init__(self) -> None:
        super().__init__("A stored secret cannot be read: its key is not among ENCRYPTION_KEYS.")


class Secret:
    """A text that shows itself only to who asks for it by `reveal()`."""

    __slots__ = ("_sealed", "_text")

    def __init__(self, text: str) -> None:
        self._text: str | None = text
        self._sealed: str | None = None

    @classmethod
    def from_sealed(cls, sealed: str) -> "Secret":
        """What `seal()` made; it is opened when somebody reveals it."""
        secret = cls("")
        secret._text, secret._sealed = None, sealed
        return secret

    def reveal(self) -> str:
        """The text. Raises `SecretUnreadable` when no key opens it."""
        if self._text is None:
            self._text = _opened(self._sealed or "")
        return self._text

    def seal(self) -> str:
        """The text encrypted with the first key; what came sealed stays as it was."""
        if self._sealed is None:
            self._sealed = _keyring().encrypt(self.reveal().encode()).decode()
        return self._sealed

    def __repr__(self) -> str:
        return f"Secret({HIDDEN})"

    def __str__(self) -> str:
        return HIDDEN

    def __reduce__(self) -> Any:
        return Secret.from_sealed, (self.seal(),)


class EncryptedTextField(models.TextField["Secret | None", Any]):
    """A `Secret`, encrypted in its column; it cannot be searched for, nor edited in a form."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["editable"] = False
        super().__init__(*args, **kwargs)

    def from_db_value(self, value: str | None, *_: Any) -> Secret | None:
        return None if value is None else Secret.from_sealed(value)

    def to_python(self, value: Any) -> Secret | None:
        if value is not None and not isinstance(value, Secret):
            raise TypeError(f"{self.name} takes a Secret, so that no plain text passes by.")
        return value

    def get_prep_value(self, value: Any) -> str | None:
        secret = self.to_python(value)
        return None if secret is None else secret.seal()

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name not in LOOKUPS_ALLOWED:
            raise FieldError(f"{self.name} is encrypted: it cannot be searched for.")
        return super().get_lookup(lookup_name)


def _keyring() -> "MultiFernet":
    derived_from = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return _keyring_of(tuple(settings.ENCRYPTION_KEYS), derived_from)


@lru_cache(maxsize=4)
def _keyring_of(keys: tuple[str, ...], derived_from: tuple[str, ...]) -> "MultiFernet":
    from cryptography.fernet import Fernet, MultiFernet  # noqa: PLC0415 - few processes need it

    # The derived ones stay, so that secrets written before a key was given can still be read.
    return MultiFernet([Fernet(key) for key in (*keys, *map(_derived, derived_from))])


def _derived(secret_key: str) -> str:
    """A Fernet key of our own purpose from a key that signs (RFC 5869)."""
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415

    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE).derive(secret_key.encode())
    return urlsafe_b64encode(key).decode()


def _opened(sealed: str) -> str:
    from cryptography.fernet import InvalidToken  # noqa: PLC0415 - as above

    try:
        return _keyring().decrypt(sealed.encode()).decode()
    except InvalidToken:
        # Without its cause, whose frames hold what could not be opened.
        raise SecretUnreadable from None


@checks.register(checks.Tags.security)
def check_encryption_keys(**_: Any) -> list[checks.CheckMessage]:
    """Each of ENCRYPTION_KEYS must be a Fernet key; which one is not is told by its place."""
    from cryptography.fernet import Fernet  # noqa: PLC0415 - as above

    faults: list[checks.CheckMessage] = []
    for place, key in enumerate(settings.ENCRYPTION_KEYS, start=1):
        try:
            Fernet(key)
        except ValueError:
            sentence = f"Key {place} of ENCRYPTION_KEYS is not 32 bytes in url-safe base64."
            faults.append(checks.Error(sentence, id="alice.E001"))
    return faults
