import pytest


@pytest.fixture
def regular(alice):
    """alice after her first request: that one looked her session up."""
    alice.get("/api/items")
    return alice
