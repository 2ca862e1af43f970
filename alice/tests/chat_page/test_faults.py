"""The chat page while web processes are killed: nothing is lost, and nothing is there twice."""

import signal

import httpx
import pytest
from playwright.sync_api import expect, sync_playwright

from alice.tests.browser import FLAGS, watch
from alice.tests.chat_page.kit import Talker
from alice.tests.whole import ADMIN, wait_until, whole_alice

pytestmark = [
    pytest.mark.live,
    pytest.mark.browser,
    pytest.mark.enable_socket,
    pytest.mark.xdist_group("faults"),
]
EXPECTED = ("net::ERR_", "WebSocket connection to", "status of 503")


@pytest.fixture(scope="module")
def alice():
    with whole_alice(CHAT_MESSAGES_PER_WINDOW="1000000") as alice:
        yield alice


@pytest.fixture
def talker(alice, chromium):
    """Somebody at the page of a whole server; complaints about the cut connection are expected."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(base_url=alice.base_url)
        page.set_default_timeout(30_000)
        problems = watch(page, alice.base_url)
        yield Talker(page)
        browser.close()
    assert [one for one in problems if not any(part in one for part in EXPECTED)] == []


def send(client, text):
    """Say it, as often as it takes until it is acknowledged."""
    body = {"room_id": "garden", "message": text, "client_id": text}

    def is_stored():
        try:
            return client.post("/api/chat/send", json=body).status_code in (200, 201)
        except httpx.TransportError:
            return False

    wait_until(is_stored, what=text)


def test_killed_web_processes_cost_the_page_no_message(alice, talker):
    credentials = {"username": "ada", "password": ADMIN["password"]}
    account = {**credentials, "email": "ada@example.com"}
    httpx.post(f"{alice.base_url}/api/auth/register", json=account)
    talker.sign_in("ada", password=ADMIN["password"])
    expect(talker.page.locator("#here")).to_have_text("1 here", timeout=30_000)

    with alice.client() as client:
        for turn in range(3):
            talker.say(f"mine {turn} before")
            for name in ("web-1", "web-2"):
                alice.signal(name, signal.SIGKILL)
            talker.say(f"mine {turn} after")
            send(client, f"theirs {turn}")
        wait_until(alice.is_ready)
        expect(talker.page.locator(".is-pending")).to_have_count(0, timeout=60_000)
        stored = client.get("/api/chat/garden?limit=500").json()[::-1]

    texts = [message["message"] for message in stored]
    mine = [f"mine {turn} {when}" for turn in range(3) for when in ("before", "after")]
    assert [text for text in texts if text.startswith("mine")] == mine
    assert len(texts) == 9
    expect(talker.page.locator("#messages .text")).to_have_text(texts, timeout=60_000)
