"""The chat page when it is cut off, refused or signed out: nothing is lost or there twice."""

import pytest
from playwright.sync_api import expect

from accounts.models import EndReason, Session
from accounts.services.sessions import end_sessions
from accounts.tests.factories import PASSWORD, make_user
from alice.common.realtime.close_codes import RESTARTING, SIGNED_OUT
from alice.common.realtime.groups import room_group
from alice.common.realtime.push import close_group
from alice.common.tests.kit import wait_until
from alice.tests.chat_page.kit import said
from collaboration.models import Message, Room


@pytest.fixture
def cut_off(ada):
    """`cut_off()` closes ada's sockets, and lets her reach the server no more."""

    def cut(code=RESTARTING):
        # First no new connection, then the end of this one: offline, it might not hear of it.
        ada.page.route("**/api/auth/ticket", lambda route: route.abort("internetdisconnected"))
        close_group(room_group(Room.objects.get(room_id="garden").pk), code, "test")
        expect(ada.page.locator("#connection")).to_be_visible()
        ada.page.context.set_offline(True)
        ada.page.unroute("**/api/auth/ticket")

    yield cut
    # Only what could not be reached while she was.
    others = [one for one in ada.page.problems if "ERR_INTERNET_DISCONNECTED" not in one]
    assert others == []
    ada.forget_problems()


def test_after_a_cut_nothing_is_missing_and_nothing_is_there_twice(ada, cut_off, shoot):
    make_user("bob")
    ada.enter("ada")
    ada.say("before")
    expect(ada.page.locator(".is-pending")).to_have_count(0)

    cut_off()
    ada.say("from me")
    first = said("bob", "from bob", "and more")
    first.reactions.create(user=first.author, emoji="👍")
    Message.objects.filter(seq=1).update(message="changed", edited_at="2030-01-01T00:00:00Z")
    expect(ada.page.locator(".is-pending")).to_contain_text("Sending")
    shoot("offline")
    ada.page.context.set_offline(False)

    ada.expect_texts(["changed (edited)", "from bob", "and more", "from me"])
    expect(ada.page.locator("#connection")).to_be_hidden()
    expect(ada.page.locator(".is-pending")).to_have_count(0)
    expect(ada.page.locator(".chip")).to_have_text("👍 1")
    assert Message.objects.filter(message="from me").count() == 1


@pytest.mark.parametrize("missed", [499, 700])
def test_far_behind_all_is_read_in_pages(ada, cut_off, missed):
    make_user("bob")
    said("bob", "first")
    ada.enter("ada")
    expect(ada.messages).to_have_count(1)

    cut_off()
    said("bob", *(f"number {number}" for number in range(missed)))
    ada.page.context.set_offline(False)

    expect(ada.messages).to_have_count(missed + 1)
    ada.expect_texts(["first", *(f"number {number}" for number in range(missed))])


def test_a_session_that_goes_on_connects_again_with_new_tokens(ada):
    ada.enter("ada")
    before = Session.objects.get().refresh_id

    close_group(room_group(Room.objects.get().pk), SIGNED_OUT, "test")

    wait_until(lambda: Session.objects.get().refresh_id != before)
    ada.say("still here")
    expect(ada.page.locator(".is-pending")).to_have_count(0)
    expect(ada.page.locator("#connection")).to_be_hidden()


def test_a_session_that_has_ended_leads_to_signing_in_and_what_was_unsent_goes_out(ada):
    ada.enter("ada")
    user = Session.objects.get().user
    ada.page.route("**/api/chat/send", lambda route: route.abort())
    ada.say("unsent")
    expect(ada.page.locator(".is-pending")).to_be_visible()

    end_sessions(owner_id=user.pk, reason=EndReason.STAFF)
    expect(ada.page.get_by_text("Your session has ended. Sign in again.")).to_be_visible()
    ada.page.unroute("**/api/chat/send")
    form = ada.page.locator("#sign-in")
    form.get_by_label("Username").fill("ada")
    form.get_by_label("Password").fill(PASSWORD)
    form.get_by_role("button", name="Sign in").click()

    ada.expect_texts(["unsent"])
    wait_until(lambda: Message.objects.count() == 1)
    ada.forget_problems()


def test_an_answer_that_was_lost_makes_no_second_message(ada):
    ada.enter("ada")
    lost = []

    def lose(route):
        route.fetch()
        lost.append(route)
        route.abort()

    ada.page.route("**/api/chat/send", lose, times=1)
    ada.say("once")

    expect(ada.messages).to_have_count(1)
    expect(ada.page.locator(".is-pending")).to_have_count(0)
    ada.say("twice")
    wait_until(lambda: Message.objects.count() == 2)
    ada.expect_texts(["once", "twice"])
    assert len(lost) == 1
    ada.forget_problems()


def test_what_is_refused_says_why_and_can_be_tried_again(ada, shoot):
    ada.enter("ada")
    no = {"detail": "Not like this.", "code": "refused"}
    ada.page.route("**/api/chat/send", lambda route: route.fulfill(status=409, json=no), times=1)

    ada.say("stubborn")
    expect(ada.page.locator(".is-failed")).to_contain_text("Not sent. Not like this.")
    shoot("failed")
    ada.page.get_by_role("button", name="Try again").click()

    expect(ada.page.locator(".is-failed")).to_have_count(0)
    ada.expect_texts(["stubborn"])
    wait_until(lambda: Message.objects.count() == 1)
    ada.forget_problems()


def test_somebody_too_fast_waits_and_goes_on_by_themselves(ada, settings):
    settings.CHAT_MESSAGES_PER_WINDOW = 2
    settings.CHAT_WINDOW_SECONDS = 2
    ada.enter("ada")

    for number in range(3):
        ada.say(f"number {number}")

    ada.expect_texts([f"number {number}" for number in range(3)])
    wait_until(lambda: Message.objects.count() == 3)
    ada.forget_problems()
