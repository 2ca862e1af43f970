"""The admin of notifications; Django loads it by this name."""

from notifications.admin import broadcasts, deliveries, endpoints, notifications

__all__ = ["broadcasts", "deliveries", "endpoints", "notifications"]
