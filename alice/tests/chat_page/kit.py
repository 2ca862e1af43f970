"""People at the chat page: what they do there, in the words of a test."""

from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

from accounts.models import User
from accounts.tests.factories import PASSWORD
from alice.tests.browser import forget_problems
from collaboration.models import Message
from collaboration.services.messages import Draft, send_message


@dataclass(frozen=True)
class Talker:
    """Somebody at a page of their own."""

    page: Page

    def sign_in(self, name, room="garden", password=PASSWORD):
        self.page.goto(f"/chat/{room}" if room else "/chat")
        form = self.page.locator("#sign-in")
        form.get_by_label("Username or e-mail address").fill(name)
        form.get_by_label("Password").fill(password)
        form.get_by_role("button", name="Sign in").click()
        return self

    def enter(self, name, room="garden"):
        """Sign in, and wait until the room is there."""
        self.sign_in(name, room)
        expect(self.page.locator("#here")).to_be_visible()
        return self

    @property
    def box(self) -> Locator:
        return self.page.get_by_label("Message", exact=True)

    @property
    def messages(self) -> Locator:
        return self.page.locator("#messages .message")

    def message(self, text) -> Locator:
        return self.messages.filter(has=self.page.locator(".text", has_text=text))

    def room(self, name) -> Locator:
        return self.page.get_by_label("Your rooms").get_by_role("link").filter(has_text=name)

    def say(self, text):
        self.box.fill(text)
        self.box.press("Enter")

    def choose(self, text, choice):
        """Open the menu of a message, and choose."""
        message = self.message(text)
        message.hover()
        message.get_by_role("button", name="More about").click()
        self.page.get_by_role("menuitem", name=choice).click()

    def forget_problems(self):
        forget_problems(self.page)

    def expect_texts(self, texts):
        expect(self.page.locator("#messages .text")).to_have_text(texts)


def said(author, *texts, room_id="garden", **fields):
    """Messages that are stored, and told to whoever is there."""
    author_id = User.objects.get(username=author).pk
    for text in texts:
        draft = Draft(message=text, **fields)
        message_id = send_message(author_id=author_id, room_id=room_id, draft=draft).message_id
    return Message.objects.get(pk=message_id)
