"""Fixtures that drive a real Chromium against the product's own ASGI application.

A test that asks for `browser_page` is marked `browser` and runs in one group with the others.
"""

import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
import uvicorn
from django.db import connections
from playwright.sync_api import Page, sync_playwright

from alice.common.tests.kit import wait_until
from alice.runtime.web import web_config

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser_page" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium: `CHROMIUM`, or the first of the usual names on PATH."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"no Chromium: CHROMIUM is not set and PATH has none of {', '.join(NAMES)}")
    return found


def forget_problems(page: Page) -> None:
    """Have what a test provoked not count: also what Chromium told and nobody has read yet."""
    page.evaluate("0")
    page.problems.clear()


@pytest.fixture(scope="session")
def web_server(django_db_setup) -> Iterator[str]:
    """The address of uvicorn as in production, in a thread, serving from the test database."""
    from alice import asgi  # noqa: PLC0415, its threads are for those who need them
    from alice.common.realtime.threads import threads  # noqa: PLC0415, as it needs Django's apps

    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    server = uvicorn.Server(web_config())
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    wait_until(lambda: server.started)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    # Its threads hold connections, with which the test database could not be dropped.
    asgi.bridge.shutdown()
    threads.shutdown()


@pytest.fixture
def browser_page(chromium, web_server, transactional_db, settings, monkeypatch) -> Iterator[Page]:
    """A page of a fresh Chromium; relative addresses are the server's, mailed links lead there.

    The test fails for errors in the console, for uncaught exceptions, and for a request to any
    other host. `page.problems` lists them; a test that expects some clears it.
    """
    settings.PUBLIC_URL = web_server
    # Playwright's loop counts as running in this thread until the end of the fixture, although
    # the test's own code and its queries are never called from it.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        context = browser.new_context(base_url=web_server, viewport={"width": 1280, "height": 900})
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.problems = watch(page, web_server)
        yield page
        browser.close()
        # While a loop counts as running, Django keeps connections apart from the thread's own.
        connections.close_all()
    assert page.problems == []


@pytest.fixture
def shoot(browser_page, tmp_path) -> Callable[[str], None]:
    """`shoot(name)` keeps a picture of the page in the test's temporary folder."""

    def keep(name: str) -> None:
        browser_page.screenshot(path=tmp_path / f"{name}.png", full_page=True)

    return keep


def watch(page: Page, own_address: str) -> list[str]:
    """A list that grows with all that goes wrong on `page`."""
    problems: list[str] = []

    def note_console(message) -> None:
        if message.type == "error":
            problems.append(f"console: {message.text} ({message.location.get('url')})")

    def note_request(request) -> None:
        if not request.url.startswith((own_address, "data:", "blob:")):
            problems.append(f"another host: {request.url}")

    page.on("console", note_console)
    page.on("pageerror", lambda error: problems.append(f"exception: {error} ({page.url})"))
    page.on("request", note_request)
    return problems
