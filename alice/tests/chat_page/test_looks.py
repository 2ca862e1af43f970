"""The chat page for everybody: what it lets in, on a phone, by keyboard, and its headers."""

import re

import pytest
from playwright.sync_api import expect

from accounts.tests.factories import make_user
from alice.common.tests.kit import allow
from alice.tests.chat_page.kit import said
from collaboration.models import Room
from collaboration.services import rooms

HOSTILE = "<img src=x onerror=document.body.remove()><script>alert(1)</script>"
PHONE = {"width": 360, "height": 640}
WIDE = "document.documentElement.scrollWidth > window.innerWidth"

# Everywhere, and for everybody


def test_what_people_wrote_is_text_and_nothing_else(ada, shoot):
    bob = make_user("bob")
    room = {"room_id": "cellar", "title": HOSTILE}
    made = rooms.create_room(creator_id=bob.pk, members=["ada"], is_private=True, **room)
    first = said("bob", HOSTILE, f"https://example.com/{HOSTILE}", room_id="cellar")
    said("bob", f"@ada {HOSTILE}", room_id="cellar", reply_to=first.pk)
    ada.enter("ada", "cellar")

    expect(ada.page.locator(".text").first).to_have_text(HOSTILE)
    expect(ada.page.get_by_role("heading", level=1)).to_have_text(made.title)
    expect(ada.page.locator(".quote")).to_contain_text("<img")
    assert ada.page.locator("#messages img, #messages script, #rooms img").count() == 0
    assert ada.page.locator(".text a").get_attribute("href") == "https://example.com/"
    shoot("hostile")


def test_an_injected_script_would_not_run(ada):
    ada.enter("ada")

    ada.page.evaluate("""() => {
        const script = document.createElement('script');
        script.textContent = 'window.ran = true';
        document.body.append(script);
    }""")

    assert ada.page.evaluate("window.ran === undefined")
    assert "Content Security Policy" in ada.page.problems.pop()


def test_on_a_phone_rooms_are_a_drawer_and_nothing_is_too_wide(ada, shoot):
    page = ada.page
    page.set_viewport_size(PHONE)
    said("ada", "w" * 300, "https://example.com/" + "x" * 200, "A sentence.\n" * 3)
    said("ada", "x", room_id="a-room-whose-name-is-longer-than-any-phone-" * 2)
    ada.enter("ada")
    assert not page.evaluate(WIDE)
    expect(page.locator("#drawer")).not_to_be_in_viewport()
    shoot("phone")
    page.emulate_media(color_scheme="dark")
    shoot("phone-dark")

    page.get_by_role("button", name="Rooms", exact=True).click()
    expect(ada.room("a-room")).to_be_in_viewport()
    shoot("drawer")
    ada.room("a-room").click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("a-room")
    expect(page.locator("#drawer")).not_to_be_in_viewport()
    expect(ada.box).to_be_in_viewport()
    assert not page.evaluate(WIDE)
    page.set_viewport_size({"width": 360, "height": 320})  # as above a keyboard
    expect(ada.box).to_be_in_viewport()
    page.goto("/chat")
    expect(ada.room("garden")).to_be_in_viewport()
    assert not page.evaluate(WIDE)


def test_the_page_is_used_by_keyboard_and_read_aloud(ada):
    make_user("bob")
    page = ada.page
    ada.enter("ada")
    expect(ada.box).to_be_focused()
    ada.box.press_sequentially("one")
    ada.box.press("Shift+Enter")
    ada.box.press_sequentially("two")
    ada.box.press("Enter")
    expect(ada.page.locator(".text")).to_have_text("one\ntwo")
    said("bob", "spoken")
    expect(page.locator("#heard")).to_have_text("bob: spoken")

    more = ada.message("one").get_by_role("button", name="More about")
    more.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem").first).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("menuitem", name="Delete")).to_be_focused()
    page.keyboard.press("Escape")
    expect(more).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(6):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Reply to ada")).to_be_visible()
    expect(ada.box).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_text("Reply to ada")).to_be_hidden()


# The page itself


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/chat", "/chat/garden", "/chat/%3Cscript%3E", "/chat/..%2e"])
def test_the_page_is_public_the_same_for_all_and_loads_only_from_here(anonymous, path):
    page = anonymous.get(path)

    assert page.status_code == 200
    assert page.content == anonymous.get("/chat").content
    assert page.headers["Cache-Control"] == "no-cache"
    policy = dict(
        part.split(" ", 1) for part in page.headers["Content-Security-Policy"].split("; ")
    )
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self' ws://testserver",
        "img-src": "'self'",
        "media-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    text = page.content.decode()
    assert re.findall(r"<script(?![^>]* src=)|<style| style=| on[a-z]+=|https?:", text) == []


@pytest.mark.django_db
def test_behind_tls_the_page_connects_by_tls(anonymous, settings):
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

    page = anonymous.get("/chat", HTTP_X_FORWARDED_PROTO="https", HTTP_HOST="localhost")

    assert "connect-src 'self' wss://localhost;" in page.headers["Content-Security-Policy"]


@pytest.mark.django_db
def test_the_page_answers_head_and_refuses_what_would_change_something(anonymous):
    assert anonymous.head("/chat/garden").content == b""

    refused = anonymous.post("/chat/garden", {"message": "x"})

    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
    assert refused.json()["code"] == "method_not_allowed"
    assert Room.objects.count() == 0


@pytest.mark.django_db
def test_whoever_asks_for_the_page_too_often_is_told_when_to_come_back(anonymous, settings):
    allow(settings, anonymous=1)
    assert anonymous.get("/chat").headers["X-RateLimit-Remaining"] == "0"

    refused = anonymous.get("/chat")

    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert "<script" not in refused.content.decode()
    assert "Content-Security-Policy" in refused.headers
