"""One at a time: whoever changes what a customer or a user has queues here."""

from django.db import connection


def lock_customer(customer_id: str) -> None:
    """Wait until nobody else works on this customer, and hold it until the transaction ends."""
    _lock(f"stripe customer {customer_id}")


def lock_buyer(user_id: int) -> None:
    """As `lock_customer`, for a user who may have no customer yet. Taken before that."""
    _lock(f"stripe buyer {user_id}")


def _lock(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 42))", [name])
