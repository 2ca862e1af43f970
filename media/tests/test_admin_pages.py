"""The admin of files and media as people see it, in a real browser."""

import pytest
from playwright.sync_api import expect

from accounts.tests.factories import PASSWORD, make_user
from files.models import File
from files.tests.factories import PNG, make_file
from media.services.jobs import POSTER
from media.tests.factories import make_media, run_all

HAS_PICTURE = "image => image.complete && image.naturalWidth > 0"
SEEK = """video => new Promise(resolve => {
    video.onseeked = () => resolve(video.currentTime);
    video.currentTime = 1.5;
})"""


@pytest.fixture
def page(browser_page):
    """A browser in which a superuser is signed in."""
    make_user("chief", is_staff=True, is_superuser=True)
    browser_page.goto("/admin/login/?next=/admin/")
    browser_page.get_by_label("Username or e-mail address").fill("chief")
    browser_page.get_by_label("Password").fill(PASSWORD)
    browser_page.get_by_role("button", name="Log in").click()
    browser_page.wait_for_url("**/admin/")
    return browser_page


@pytest.mark.parametrize("width", [1280, 390])
def test_posters_load_and_a_film_plays_and_seeks(page, sample, width):
    page.set_viewport_size({"width": width, "height": 900})
    name = "a very long name without an end " * 7 + "x" * 30
    film = make_media(make_user("ada"), sample("film.mp4"), name)
    run_all(POSTER)

    page.goto("/admin/media/media/")
    poster = page.locator("#result_list img")
    expect(poster).to_be_visible()
    page.wait_for_function(HAS_PICTURE, arg=poster.element_handle())
    page.goto(f"/admin/media/media/{film.pk}/change/")

    assert page.locator("video").evaluate(SEEK) == 1.5
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_a_rendition_is_asked_for_in_a_dialog(page, sample):
    film = make_media(make_user("ada"), sample("film.mp4"))

    page.goto(f"/admin/media/media/{film.pk}/change/")
    page.get_by_role("link", name="Transcode").click()
    page.get_by_label("Format").select_option("webm")
    page.get_by_role("button", name="Transcode").click()

    expect(page.get_by_text("makes the rendition.")).to_be_visible()
    page.get_by_role("link", name="Job", exact=False).last.click()
    expect(page.get_by_text("media.transcode").first).to_be_visible()


def test_a_picture_is_previewed_and_files_chosen_in_the_list_are_deleted(page):
    ada = make_user("ada")
    picture = make_file(ada, PNG, "a.png")
    make_file(ada)

    page.goto(f"/admin/files/file/{picture.pk}/change/")
    shown = page.get_by_role("img", name="a.png")
    expect(shown).to_be_visible()
    page.wait_for_function(HAS_PICTURE, arg=shown.element_handle())
    page.goto("/admin/files/file/")
    page.locator("#action-toggle").check()
    page.locator("select[name=action]").select_option("delete_selected")
    page.get_by_role("button", name="Run").click()
    page.get_by_role("button", name="Yes, I’m sure").click()

    expect(page.get_by_text("2 files deleted.")).to_be_visible()
    assert not File.objects.exists()


def test_the_overview_draws_the_used_storage(page):
    make_file(make_user("ada"), b"x" * 2048)

    page.goto("/admin/")

    expect(page.get_by_role("img", name="ada: 2048")).to_be_visible()
