"""The admin of accounts; Django loads it by this name."""

from accounts.admin import cards, groups, sessions, users

__all__ = ["cards", "groups", "sessions", "users"]
