"""What the database connection of this thread can be told."""

from contextlib import AbstractContextManager
from typing import cast

from django.db import DEFAULT_DB_ALIAS, connections

from alice.common.postgresql.base import DatabaseWrapper


def wrapper_for(using: str) -> DatabaseWrapper:
    """This thread's connection to the database `using`."""
    return cast("DatabaseWrapper", connections[using])


def answering_within(seconds: float) -> AbstractContextManager[None]:
    """Give the server `seconds` for each answer inside the block, connecting apart.

    A server that takes longer loses the connection, and `OperationalError` is raised.
    """
    return wrapper_for(DEFAULT_DB_ALIAS).answering_within(seconds)
