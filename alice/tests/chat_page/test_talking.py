"""The chat page, in Chromium against the whole application: two who talk."""

from playwright.sync_api import expect

from accounts.tests.factories import make_user
from alice.common.tests.kit import entitle, wait_until
from alice.tests.chat_page.kit import said
from collaboration.models import Member, Message
from files.models import File

# Two who talk


def test_two_browsers_chat_with_each_other(ada, bob, shoot):
    ada.enter("ada")
    expect(ada.page.locator("#here")).to_have_text("1 here")
    bob.enter("bob")
    expect(ada.page.locator("#here")).to_have_text("2 here")

    bob.box.press_sequentially("Hello @ada")
    expect(ada.page.locator("#typing")).to_have_text("bob is typing …")
    bob.box.press("Enter")
    expect(ada.message("Hello @ada")).to_be_visible()
    expect(ada.page.locator("#typing")).to_have_text("")
    expect(ada.page.locator(".mention.is-me")).to_have_text("@ada")
    ada.say("Hello bob")
    expect(bob.message("Hello bob")).to_be_visible()
    expect(ada.page.locator(".is-pending")).to_have_count(0)
    shoot("two")

    ada.expect_texts(["Hello @ada", "Hello bob"])
    bob.expect_texts(["Hello @ada", "Hello bob"])
    bob.page.close()
    expect(ada.page.locator("#here")).to_have_text("1 here")


def test_what_becomes_of_a_message_is_seen_by_the_other(ada, bob, shoot):
    ada.enter("ada")
    bob.enter("bob")
    ada.say("Tulips?")
    bob.choose("Tulips?", "Reply")
    bob.say("In spring")
    ada.choose("In spring", "React with 🎉")
    ada.choose("Tulips?", "Edit")
    expect(ada.box).to_have_value("Tulips?")
    ada.say("Roses?")
    shoot("edited")

    bob.expect_texts(["Roses? (edited)", "In spring"])
    expect(bob.page.locator(".quote")).to_have_text("ada Roses?")
    chip = bob.page.locator(".chip")
    expect(chip).to_have_text("🎉 1")
    chip.click()
    expect(ada.page.locator(".chip")).to_have_text("🎉 2")
    expect(ada.page.locator(".chip")).to_have_attribute("aria-pressed", "true")

    ada.choose("Roses?", "Delete")
    ada.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(bob.page.locator(".gone")).to_have_text("This message was deleted.")
    expect(bob.page.locator(".text")).to_have_text(["In spring"])
    assert list(Message.objects.order_by("seq").values_list("message", flat=True)) == [
        "",
        "In spring",
    ]


def test_only_what_one_may_do_is_offered(ada, bob):
    ada.enter("ada")
    bob.enter("bob")
    ada.say("mine")

    bob.message("mine").hover()
    bob.message("mine").get_by_role("button", name="More about").click()

    expect(bob.page.get_by_role("menuitem", name="Reply")).to_be_visible()
    expect(bob.page.get_by_role("menuitem", name="Edit")).to_have_count(0)
    expect(bob.page.get_by_role("menuitem", name="Delete")).to_have_count(0)


def test_what_is_unread_is_counted_marked_and_then_read(ada, shoot):
    make_user("bob")
    said("ada", "in the garden")
    said("ada", "in the attic", room_id="attic")
    ada.enter("ada", "attic")

    said("bob", "one", "two")
    expect(ada.room("garden").locator(".badge")).to_have_text("2")
    expect(ada.page).to_have_title("(2) attic - Alice")
    shoot("unread")
    ada.room("garden").click()

    expect(ada.page.locator(".new")).to_have_text("New messages")
    expect(ada.page.locator(".new + .message")).to_contain_text("one")
    expect(ada.page).to_have_title("garden - Alice")
    mine = Member.objects.filter(user__username="ada", room__room_id="garden")
    wait_until(lambda: mine.get().read_seq == 3)
    ada.room("attic").click()
    expect(ada.page).to_have_title("attic - Alice")
    expect(ada.room("garden").locator(".badge")).to_have_count(0)


def test_what_comes_while_one_reads_further_up_is_not_read(ada, shoot):
    make_user("bob")
    said("ada", *(f"line {number}" for number in range(60)))
    ada.enter("ada")
    expect(ada.message("line 59")).to_be_in_viewport()
    ada.page.locator("#timeline").evaluate("it => it.scrollTop = it.scrollHeight / 2")
    seen = ada.messages.filter(visible=True).all_inner_texts()

    said("bob", "news")

    expect(ada.page.locator(".new + .message")).to_contain_text("news")
    assert ada.messages.filter(visible=True).all_inner_texts()[:-1] == seen
    assert Member.objects.get(user__username="ada").read_seq == 60
    ada.page.get_by_role("button", name="Newest").click()
    wait_until(lambda: Member.objects.get(user__username="ada").read_seq == 61)


# History


def test_older_messages_load_above_and_the_reader_keeps_their_place(ada, shoot):
    said("ada", *(f"line {number:03}" for number in range(130)))
    Message.objects.filter(seq__lte=90).update(created_at="2024-02-29T12:00:00Z")
    ada.enter("ada")
    expect(ada.messages).to_have_count(50)
    expect(ada.message("line 129")).to_be_in_viewport()

    top = ada.messages.first
    assert "line 080" in top.inner_text()
    ada.page.locator("#timeline").evaluate("it => it.scrollTop = 10")
    expect(ada.messages).to_have_count(100)
    expect(ada.message("line 080")).to_be_in_viewport()
    shoot("older")
    ada.page.locator("#timeline").evaluate("it => it.scrollTop = 0")
    expect(ada.messages).to_have_count(130)

    ada.expect_texts([f"line {number:03}" for number in range(130)])
    expect(ada.page.locator(".day")).to_have_count(2)
    expect(ada.page.locator(".day").first).to_contain_text("2024")
    expect(ada.page.get_by_role("button", name="Load older")).to_be_hidden()


# Files


def test_files_are_sent_and_seen_by_the_other(ada, bob, shoot, tmp_path):
    (tmp_path / "notes.txt").write_bytes(b"plain notes")
    picture = ada.page.screenshot(path=tmp_path / "view.png")
    ada.enter("ada")
    bob.enter("bob")

    ada.page.locator("#files").set_input_files([tmp_path / "notes.txt", tmp_path / "view.png"])
    expect(ada.page.locator("#uploads small")).to_have_count(2)
    shoot("uploads")
    ada.page.get_by_role("button", name="Send").click()

    expect(ada.page.locator("#uploads li")).to_have_count(0)
    with bob.page.expect_download() as download:
        bob.messages.get_by_role("link", name="notes.txt").click()
    assert download.value.path().read_bytes() == b"plain notes"
    shown = bob.page.get_by_role("img", name="view.png")
    bob.page.wait_for_function("document.querySelector('.attachment img').naturalWidth > 0")
    expect(shown).to_be_visible()
    assert File.objects.get(original_filename="view.png").blob.size_bytes == len(picture)


def test_an_upload_can_be_taken_back_and_one_that_is_refused_says_why(ada, tmp_path, settings):
    (tmp_path / "a.txt").write_bytes(b"x" * 100)
    ada.enter("ada")
    ada.page.locator("#files").set_input_files(tmp_path / "a.txt")
    ada.page.get_by_role("button", name="Remove a.txt").click()
    expect(ada.page.get_by_role("button", name="Send")).to_be_disabled()

    entitle(settings, free={"upload_size_bytes": 10})
    ada.page.locator("#files").set_input_files(tmp_path / "a.txt")

    expect(ada.page.locator("#toast")).to_contain_text("a.txt: ")
    expect(ada.page.locator("#uploads li")).to_have_count(0)
    assert Message.objects.count() == 0
    ada.forget_problems()
