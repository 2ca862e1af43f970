import pytest
from playwright.sync_api import expect

from accounts.tests.factories import make_user
from alice.tests.browser import watch
from alice.tests.chat_page.kit import Talker


@pytest.fixture(autouse=True)
def talkative(settings):
    """Nobody is stopped for saying much, unless the test is about that."""
    settings.CHAT_MESSAGES_PER_WINDOW = 100_000


@pytest.fixture(autouse=True)
def patient():
    """The machine may be slow: what is expected may take its time."""
    expect.set_options(timeout=15_000)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture
def ada(browser_page):
    """Somebody at the first browser."""
    make_user("ada")
    return Talker(browser_page)


@pytest.fixture
def bob(browser_page, web_server):
    """Somebody at a second browser, which knows nothing of the first."""
    make_user("bob")
    options = {"base_url": web_server, "viewport": {"width": 1280, "height": 900}}
    with browser_page.context.browser.new_context(**options) as context:
        page = context.new_page()
        page.set_default_timeout(15_000)
        problems = watch(page, web_server)
        yield Talker(page)
        page.close()
    assert problems == []
