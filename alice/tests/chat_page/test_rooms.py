"""The chat page: coming in, going out, and the rooms there are."""

import re

from playwright.sync_api import expect

from accounts.models import EndReason, Session, User
from accounts.tests.factories import PASSWORD, make_user
from alice.common.tests.kit import wait_until
from alice.tests.chat_page.kit import said
from alice.tests.sharing import Thing, share
from collaboration.models import Message, Room
from collaboration.services import rooms

# Coming in and going out


def test_a_wrong_password_is_said_and_the_right_one_opens(ada, shoot):
    ada.sign_in("ada", password="wrong-Horse-9-battery")

    problem = ada.page.locator("#sign-in").get_by_role("alert")
    expect(problem).to_have_text("The name or the password is wrong.")
    shoot("wrong")
    assert Session.objects.count() == 0
    ada.enter("ada")
    expect(problem).to_be_hidden()
    ada.forget_problems()


def test_too_many_attempts_say_how_long_to_wait(ada, settings):
    settings.LOGIN_FAILURES_PER_ACCOUNT = 1
    for _ in range(2):
        ada.sign_in("ada", password="wrong-Horse-9-battery")
        problem = ada.page.locator("#sign-in").get_by_role("alert")
        expect(problem).to_be_visible()

    expect(problem).to_have_text(re.compile(r"Try again in \d+ minutes\.$"))
    ada.forget_problems()


def test_without_a_connection_signing_in_says_so(ada):
    ada.page.goto("/chat")
    form = ada.page.locator("#sign-in")
    form.get_by_label("Username").fill("ada")
    form.get_by_label("Password").fill(PASSWORD)
    ada.page.context.set_offline(True)
    form.get_by_role("button", name="Sign in").click()

    expect(form.get_by_role("alert")).to_contain_text("Check your connection.")
    ada.forget_problems()


def test_somebody_new_makes_an_account_and_is_in(browser_page, shoot):
    page = browser_page
    page.goto("/chat/garden")
    page.get_by_role("button", name="Make an account").click()
    form = page.locator("#register")
    form.get_by_label("Username").fill("eve")
    form.get_by_label("E-mail address").fill("eve@example.com")
    form.get_by_label("Password").fill(PASSWORD)
    shoot("register")
    form.get_by_role("button", name="Make an account").click()

    expect(page.locator("#me")).to_have_text("eve")
    expect(page.get_by_role("heading", level=1)).to_have_text("garden")
    assert Session.objects.get().user.username == "eve"


def test_a_reload_keeps_the_session_and_signing_out_ends_it(ada):
    ada.enter("ada")
    ada.page.reload()
    expect(ada.page.locator("#here")).to_have_text("1 here")
    assert ada.page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
    assert ada.page.evaluate("Object.keys(sessionStorage)") == ["alice.refresh_token"]

    ada.page.get_by_role("button", name="Sign out").click()

    expect(ada.page.get_by_text("You are signed out.")).to_be_visible()
    assert Session.objects.get().end_reason == EndReason.LOGOUT
    assert ada.page.evaluate("sessionStorage.length") == 0


def test_a_copied_tab_and_its_original_both_stay_signed_in(ada, settings):
    ada.enter("ada")
    old = ada.page.evaluate("sessionStorage.getItem('alice.refresh_token')")
    with ada.page.context.new_page() as copy:
        copy.goto("/livez")
        copy.evaluate("old => sessionStorage.setItem('alice.refresh_token', old)", old)
        copy.goto("/chat/garden")
        expect(copy.locator("#here")).to_be_visible()

        new = copy.evaluate("sessionStorage.getItem('alice.refresh_token')")
        kept = "token => sessionStorage.getItem('alice.refresh_token') === token"
        ada.page.wait_for_function(kept, arg=new)
    assert new != old


# Rooms


def test_a_private_room_is_not_there_for_a_stranger(ada, bob, shoot):
    rooms.create_room(
        creator_id=User.objects.get(username="bob").pk, room_id="cellar", is_private=True
    )
    said("bob", "between us", room_id="cellar")
    ada.sign_in("ada", "cellar")

    expect(ada.page.get_by_role("alert")).to_have_text(
        "There is no such room, or it is private and you are not in it."
    )
    expect(ada.page.locator("#composer")).to_be_hidden()
    expect(ada.page.locator("#show-people")).to_be_hidden()
    shoot("stranger")
    assert "between us" not in ada.page.content()
    bob.enter("bob", "cellar")
    expect(bob.message("between us")).to_be_visible()


def test_a_private_room_is_made_entered_and_left(ada, bob, shoot):
    ada.sign_in("ada", room="")
    expect(ada.page.get_by_role("heading", name="Where shall we talk?")).to_be_visible()
    shoot("welcome")
    ada.page.get_by_role("button", name="New room").click()
    form = ada.page.locator("#new-room")
    form.get_by_label("Name", exact=True).fill("The gardén")
    form.get_by_label("Private").check()
    form.get_by_label("Members, by username").fill("bob, nobody")
    form.get_by_role("button", name="Make it").click()
    expect(form.get_by_role("alert")).to_have_text("members: There is no user nobody.")
    shoot("new-room")
    form.get_by_label("Members, by username").fill("bob")
    form.get_by_role("button", name="Make it").click()

    expect(ada.page.get_by_role("heading", level=1)).to_have_text("The gardén")
    expect(ada.page).to_have_url(re.compile("/chat/the-garden$"))
    bob.sign_in("bob", room="")
    bob.room("The gardén").click()
    expect(ada.page.locator("#here")).to_have_text("2 here")
    ada.page.locator("#show-people").click()
    shoot("people")
    expect(ada.page.locator("#people li")).to_have_count(2)
    ada.page.get_by_role("button", name="Remove bob").click()
    expect(bob.page.get_by_role("alert")).to_contain_text("There is no such room")
    expect(bob.page.locator("#no-rooms")).to_be_visible()
    ada.page.get_by_role("button", name="Leave the room").click()
    expect(ada.page.locator("#welcome")).to_be_visible()
    assert not Room.objects.filter(room_id="the-garden").exists()
    ada.forget_problems()


def test_an_open_room_is_opened_by_its_name_and_back_leads_back(ada):
    ada.enter("ada")
    find = ada.page.get_by_label("Open a room by its name")
    find.fill("two words")
    find.press("Enter")
    expect(ada.page.locator("#find-room").get_by_role("alert")).to_contain_text("Use 1 to 100")
    find.fill("attic:1")
    find.press("Enter")

    expect(ada.page).to_have_url(re.compile("/chat/attic%3A1$"))
    expect(ada.page.get_by_role("heading", level=1)).to_have_text("attic:1")
    ada.say("up here")
    wait_until(lambda: Message.objects.filter(room__room_id="attic:1").exists())
    ada.page.go_back()
    expect(ada.page.get_by_role("heading", level=1)).to_have_text("garden")
    expect(ada.page.get_by_text("Nothing was said here yet.")).to_be_visible()


def test_a_link_to_a_room_leads_to_the_chat_of_whoever_signs_in(ada, shoot):
    bob = make_user("bob")
    room = rooms.create_room(creator_id=bob.pk, room_id="cellar", is_private=True)
    said("bob", "for those with the link", room_id="cellar")
    made = share(bob, Thing("room", room.pk, ""))
    ada.page.goto(f"/shared/{made.token}")
    shoot("room")
    ada.page.get_by_role("link", name="Open the chat").click()
    form = ada.page.locator("#sign-in")
    form.get_by_label("Username").fill("ada")
    form.get_by_label("Password").fill(PASSWORD)
    form.get_by_role("button", name="Sign in").click()

    expect(ada.message("for those with the link")).to_be_visible()
    expect(ada.page.get_by_text("You can read this room, but not write")).to_be_visible()
    expect(ada.page.locator("#composer")).to_be_hidden()
    expect(ada.page).to_have_url(re.compile("/chat/cellar$"))
