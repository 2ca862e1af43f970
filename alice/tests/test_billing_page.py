"""The way of a newcomer without keys: from an account to Pro and back, in a browser."""

import re

import pytest
from playwright.sync_api import expect, sync_playwright

from accounts.tests.factories import PASSWORD, make_user
from alice.tests.browser import FLAGS, forget_problems
from alice.tests.whole import whole_alice

LIMIT = """fetch("/api/auth/me", {headers: {Authorization: `Bearer ${sessionStorage.token}`}})
    .then((answer) => answer.headers.get("X-RateLimit-Limit"))"""


def test_the_page_is_for_everybody_and_runs_no_foreign_script(client, db):
    page = client.get("/billing")

    assert page.status_code == 200
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self';" in policy
    assert re.findall(r"<script[^>]*>", page.content.decode()) == [
        '<script src="/static/billing/page.js" type="module">'
    ]


def test_the_page_is_only_read(client, db):
    answer = client.post("/billing")

    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")


def sign_in(page, name, button):
    page.goto("/billing")
    page.get_by_label("Username").fill(name)
    page.get_by_label("E-mail address").fill(f"{name}@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name=button).click()


def leave(page):
    """End what the page goes on asking, then forget the refusals that were expected."""
    page.goto("about:blank")
    forget_problems(page)


def test_without_keys_the_page_says_which_setting_is_missing(browser_page, shoot):
    page = browser_page
    make_user("ada")

    sign_in(page, "ada", "Sign in")

    expect(page.get_by_role("alert")).to_contain_text("STRIPE_SECRET_KEY")
    expect(page.locator("#tier")).to_have_text("free")
    shoot("billing-off")
    leave(page)


def test_a_wrong_password_is_said_and_lets_nobody_in(browser_page):
    page = browser_page

    sign_in(page, "nobody", "Sign in")

    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.locator("#signed-in")).to_be_hidden()
    leave(page)


@pytest.fixture
def whole():
    with whole_alice(
        ALICE_FAKE_STRIPE="1",
        WEB_WORKERS="1",
        REQUESTS_PER_MINUTE_FREE="1000000",
        REQUESTS_PER_MINUTE_PRO="2000000",
    ) as alice:
        yield alice


@pytest.fixture
def visitor(chromium, whole):
    """A page that may go to both: Alice, and the stand-in beside it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(base_url=whole.base_url)
        page.set_default_timeout(20_000)
        page.faults = []
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        yield page
        browser.close()
    assert page.faults == []


def press(page, name):
    page.get_by_role("button", name=name).click()


@pytest.mark.live
@pytest.mark.browser
@pytest.mark.enable_socket
@pytest.mark.xdist_group("browser")
def test_a_newcomer_pays_cancels_comes_back_and_loses_pro_without_paying(visitor):
    page, tier, course = visitor, visitor.locator("#tier"), visitor.locator("#course")
    sign_in(page, "newcomer", "Create account")
    expect(tier).to_have_text("free")
    assert page.evaluate(LIMIT) == "1000000"

    page.get_by_role("button", name="Upgrade", exact=True).click()
    expect(page.get_by_role("note")).to_contain_text("no money moves")
    press(page, "Have it declined")
    expect(page.get_by_role("alert")).to_have_text("Your card was declined.")
    press(page, "Pay $49.99")
    expect(tier).to_have_text("pro")
    assert page.evaluate(LIMIT) == "2000000"

    press(page, "Cancel at period end")
    expect(course).to_contain_text("Ends on")
    press(page, "Keep the subscription")
    expect(course).to_contain_text("Renews on")

    press(page, "Card and invoices")
    press(page, "Decline the next payment")
    press(page, "To the end of the period")
    page.get_by_role("link", name="Back to Alice").click()
    expect(page.locator("#standing")).to_contain_text("Pro stays until")
    expect(tier).to_have_text("pro")

    press(page, "Card and invoices")
    for _ in range(3):
        press(page, "To the next attempt")
    expect(page.get_by_text("canceled")).to_be_visible()
    page.get_by_role("link", name="Back to Alice").click()
    expect(tier).to_have_text("free")
    assert page.evaluate(LIMIT) == "1000000"
