"""The admin of collaboration; Django loads it by this name."""

from collaboration.admin import messages, rooms, shares

__all__ = ["messages", "rooms", "shares"]
