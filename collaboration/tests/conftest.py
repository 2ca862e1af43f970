import pytest

from accounts.tests.factories import make_user
from alice.common.tests.conftest import redis_switch  # noqa: F401 - for these tests too


@pytest.fixture(autouse=True)
def talkative(settings):
    """Nobody is stopped for saying much, unless the test is about that."""
    settings.CHAT_MESSAGES_PER_WINDOW = 100_000


@pytest.fixture
def carol(alice):
    """A third one."""
    return type(alice)().sign_in(make_user("carol"))


@pytest.fixture
def events(monkeypatch):
    """What is published, as it is published."""
    published = []
    for module in ("messages", "rooms", "edits", "presence"):
        monkeypatch.setattr(f"collaboration.services.{module}.publish", published.append)
    return published
