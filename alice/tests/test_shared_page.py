"""The page of a share, as people see it who have no account."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from accounts.tests.factories import make_user
from alice.tests.browser import forget_problems
from alice.tests.sharing import KINDS, Thing, make_thing, share
from collaboration.models import Room
from content.models import Item
from content.selectors import blocks_of
from content.tests.factories import make_item
from files.models import File
from files.tests.factories import PNG, make_file
from media.models import Media
from media.services.jobs import POSTER
from media.tests import clips
from media.tests.factories import make_media, run_all

SCRIPT = "<script>alert('seen')</script>"
STYLE = '"><img src=x onerror=alert(1)>'
POST = {
    "blocks": [
        {"type": "heading", "text": "How it began"},
        {"type": "text", "text": "It began with paint.\nThen came the lights."},
        {"type": "paragraph", "data": {"text": "In the form of Editor.js."}},
        {"type": "list", "items": ["black", "white"]},
        {"type": "quote", "text": "Look both ways."},
        {"type": "code", "text": "walk()"},
        {"type": "map", "center": [48.2, 16.4]},
    ],
    "source": {"city": "Vienna"},
}


def page_of(client, made):
    return client.get(f"/shared/{made.token}")


def links_in(page):
    """The addresses that a page refers to, but for its icon and its styles."""
    found = re.findall(r'(?:src|href|poster)="([^"]+)"', page.content.decode())
    return [link.replace("&amp;", "&") for link in found if not link.startswith("/static/")]


@pytest.mark.django_db
def test_an_item_is_there_to_be_read(alice, anonymous):
    item = make_item(
        alice.user, description="About streets.", content=POST, tags=["streets"], metadata={"x": 1}
    )

    page = page_of(anonymous, share(alice.user, Thing("item", item.pk, ""), expires_in_days=7))

    text = page.content.decode()
    for words in (
        "<h1>Zebra crossing</h1>",
        "<h2>How it began</h2>",
        "It began with paint.",
        "In the form of Editor.js.",
        "<li>black</li>",
        "Look both ways.",
        "<pre>walk()</pre>",
        "&quot;center&quot;",
        "Vienna",
        "<li>streets</li>",
        "Shared by alice, until ",
    ):
        assert words in text
    assert links_in(page) == []


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["file", "media"])
def test_bytes_are_fetched_by_signed_links_of_the_page_s_own_host(alice, anonymous, kind):
    thing = make_thing(kind, alice.user)
    if kind == "media":
        run_all(POSTER)

    links = links_in(page_of(anonymous, share(alice.user, thing)))

    assert len(links) == {"file": 1, "media": 2}[kind]
    for link in links:
        assert not urlsplit(link).netloc
        answer = anonymous.get(link)
        assert answer.status_code == 200
        assert b"".join(answer)
        assert anonymous.get(link.partition("?")[0]).status_code == 401


@pytest.mark.django_db
def test_a_picture_among_files_is_shown_and_other_files_are_not(alice, anonymous):
    picture, vector = make_file(alice.user, PNG, "dot.png"), make_file(alice.user, b"<svg/>", "x")

    shown, other = (
        page_of(anonymous, share(alice.user, Thing("file", file.pk, ""))).content.decode()
        for file in (picture, vector)
    )

    assert '<img class="seen" src="/api/files/' in shown
    assert "<img" not in other
    assert "Download" in other


@pytest.mark.django_db
def test_a_room_shows_its_name_and_nothing_that_was_said(alice, anonymous):
    thing = make_thing("room", alice.user)
    alice.post("/api/chat/send", {"room_id": "cellar", "message": "between us"})

    made = share(alice.user, thing)

    page = page_of(anonymous, made)

    assert "<h1>cellar</h1>" in page.content.decode()
    assert "between us" not in page.content.decode()
    assert links_in(page) == [f"/chat/cellar#share={made.token}"]


HOSTILE = {
    "item": lambda key: Item.objects.filter(pk=key).update(
        title=SCRIPT + STYLE,
        description=SCRIPT + STYLE,
        tags=[SCRIPT, STYLE],
        content={
            SCRIPT: STYLE,
            "text": SCRIPT,
            "blocks": [
                SCRIPT,
                {"type": SCRIPT, "text": STYLE},
                {"type": "heading", "text": SCRIPT},
                {"type": "list", "items": [SCRIPT]},
                {"type": "code", "code": SCRIPT},
                {"type": "image", "url": "https://elsewhere.example/x.png", "alt": SCRIPT},
                [SCRIPT],
            ],
        },
    ),
    "file": lambda key: File.objects.filter(pk=key).update(
        original_filename=SCRIPT + STYLE, description=SCRIPT + STYLE, tags=[SCRIPT]
    ),
    "media": lambda key: Media.objects.filter(pk=key).update(
        original_filename=SCRIPT + STYLE, description=SCRIPT + STYLE, tags=[SCRIPT]
    ),
    "room": lambda key: Room.objects.filter(pk=key).update(title=SCRIPT + STYLE),
}


@pytest.mark.django_db
@pytest.mark.parametrize("kind", KINDS)
def test_what_people_wrote_is_text_and_nothing_else(alice, anonymous, kind):
    thing = make_thing(kind, alice.user)
    HOSTILE[kind](thing.resource_id)

    page = page_of(anonymous, share(alice.user, thing))

    text = page.content.decode()
    assert page.status_code == 200
    assert "<script" not in text
    assert "onerror=alert" not in re.sub(r"&quot;&gt;&lt;img src=x onerror=alert", "", text)
    assert "&lt;script&gt;" in text
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


@pytest.mark.parametrize("bucket", ["", "kept"])
def test_bytes_from_a_bucket_may_be_shown(settings, bucket):
    from collaboration.views.pages import content_security_policy  # noqa: PLC0415

    settings.AWS_STORAGE_BUCKET_NAME = bucket

    assert ("media-src 'self' https:" in content_security_policy()) == bool(bucket)


def test_a_content_of_any_size_makes_a_page_of_a_bounded_one():
    nested: list = []
    for _ in range(60):
        nested = [nested, 1, 2, 3]
    content = {
        "blocks": [{"n": nested}] * 1000,
        "rest": ["x" * 100] * 5000,
    }

    blocks = blocks_of(content)

    assert len(blocks) == 502
    assert blocks[500].text == "And 500 more."
    assert max(len(block.text) for block in blocks) == 20_001


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"blocks": None},
        {"blocks": {"type": "text"}},
        {"blocks": [None, 1, True, [], {}, {"type": None}, {"type": ["text"], "text": "x"}]},
        {"blocks": [{"type": "list", "items": [1, None]}, {"data": "x"}, {"text": 7}]},
        {"text": 5, "body": ["x"]},
    ],
)
def test_content_of_any_form_can_be_shown(content):
    assert all(block.text or block.entries for block in blocks_of(content))


# In a browser


@pytest.fixture
def things(browser_page, tmp_path):
    """A link for each kind of thing, by its name."""
    owner = make_user("alice")
    item = make_item(
        owner,
        description="How a street learned to be polite.",
        content=POST,
        tags=["streets", "history", "a-tag-of-a-length-that-no-phone-is-wide-enough-for"],
    )
    made = {
        "item": Thing("item", item.pk, ""),
        "file": Thing("file", make_file(owner, b"%PDF-1.4\n", "contract " * 12 + ".pdf").pk, ""),
        "picture": Thing("file", make_file(owner, PNG, "dot.png").pk, ""),
        "room": make_thing("room", owner),
    }
    for name, make in (("film.mp4", clips.video), ("tone.mp3", clips.audio)):
        media = make_media(owner, make(tmp_path / name, seconds=2), name)
        made[name] = Thing("media", media.pk, "")
    still = make_media(owner, clips.image(tmp_path / "still.jpg"), "still.jpg")
    made["still.jpg"] = Thing("media", still.pk, "")
    run_all(POSTER)
    return {name: share(owner, thing, permission="edit") for name, thing in made.items()}


def test_every_kind_of_page_shows_on_a_phone_and_in_the_dark(browser_page, things, shoot):
    page = browser_page
    for width, scheme in ((390, "light"), (1280, "dark")):
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        for name, made in things.items():
            page.goto(f"/shared/{made.token}", wait_until="networkidle")
            shoot(f"{name}-{scheme}")
            wide = "document.documentElement.scrollWidth > window.innerWidth"
            assert not page.evaluate(wide), (name, width)
            expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_a_film_plays_a_picture_shows_and_a_file_downloads(browser_page, things, shoot):
    page = browser_page

    page.goto(f"/shared/{things['film.mp4'].token}")
    page.wait_for_function("document.querySelector('video').readyState >= 1")
    length = page.evaluate("document.querySelector('video').duration")
    page.goto(f"/shared/{things['still.jpg'].token}", wait_until="networkidle")
    width = page.evaluate("document.querySelector('img').naturalWidth")
    page.goto(f"/shared/{things['file'].token}")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()

    assert (round(length), width) == (2, 320)
    assert download.value.path().read_bytes() == b"%PDF-1.4\n"


def test_a_link_that_opens_nothing_says_so(browser_page, things, shoot):
    page = browser_page

    answer = page.goto("/shared/00000000-0000-4000-8000-000000000000")

    assert answer.status == 404
    expect(page.get_by_role("alert")).to_contain_text("This link opens nothing")
    shoot("closed")
    forget_problems(page)
