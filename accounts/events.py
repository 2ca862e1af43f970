from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class UserRegistered:
    user_id: int


@dataclass(frozen=True, kw_only=True)
class SessionsEnded:
    """Tokens of these sessions are worth nothing any more; their sockets are to be closed."""

    user_id: int
    session_ids: tuple[int, ...]
    reason: str


@dataclass(frozen=True, kw_only=True)
class PasswordChanged:
    """A user has another password; the entry of the audit log tells this change from others."""

    user_id: int
    audit_id: int


@dataclass(frozen=True, kw_only=True)
class EmailChanged:
    """A user has another address, not verified yet; `audit_id` as of `PasswordChanged`."""

    user_id: int
    audit_id: int


@dataclass(frozen=True, kw_only=True)
class UserDeleted:
    user_id: int
