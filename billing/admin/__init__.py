"""The admin of billing; Django loads it by this name."""

from billing.admin import charts, customers, events, invoices, standings, subscriptions

__all__ = ["charts", "customers", "events", "invoices", "standings", "subscriptions"]
