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
class UserDeleted:
    user_id: int
