"""The admin of media: thumbnails, a player, renditions, deleting and transcoding by services."""

import re

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import User
from accounts.tests.factories import make_user
from files.models import Blob, StorageUsage
from files.services.quotas import usage_of
from files.tests.factories import body_of, make_file, stored_names
from media.admin import clock
from media.models import Media
from media.services.jobs import POSTER, TRANSCODE
from media.tests.factories import make_media, run_all
from system.models import AuditEntry, Job, JobStatus

pytestmark = pytest.mark.django_db

MEDIA, USERS = "/admin/media/media/", "/admin/accounts/user/"
WEBM = {"_form_submitted": "True", "output_format": "webm", "quality": "low"}


@pytest.fixture
def clerk_page():
    """Staff who may look at everything here and change nothing."""
    clerk = make_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename="view_media"))
    page = Client()
    page.force_login(clerk)
    return page


@pytest.fixture
def committing(django_capture_on_commit_callbacks):
    """Does what waits for a commit."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


@pytest.fixture
def film(alice, sample):
    return make_media(alice.user, sample("film.mp4"), "street.mp4", tags=["sunday"])


def page_of(media, step="change"):
    return f"{MEDIA}{media.pk}/{step}/"


def found(response):
    return set(response.context["cl"].queryset)


def shown(response):
    return [str(message) for message in response.context["messages"]]


def links(html, attribute):
    return [link.replace("&amp;", "&") for link in re.findall(f'{attribute}="(/api/[^"]+)"', html)]


def rendition_of(film, page, **wanted):
    """What a transcode by staff makes of a film."""
    page.post(page_of(film, "transcode"), WEBM | wanted)
    run_all(TRANSCODE)
    return Media.objects.get(source=film, output_format=(WEBM | wanted)["output_format"])


@pytest.mark.parametrize("rows", [1, 20])
def test_the_list_costs_the_same_however_many_rows(
    admin_page, django_assert_num_queries, sample, rows
):
    for _ in range(rows):
        source = make_media(make_user(), sample("cover.png"))
        Media.objects.filter(pk=source.pk).update(source=source)

    with django_assert_num_queries(4):
        response = admin_page.get(MEDIA)

    assert response.context["cl"].result_count == rows


def test_only_staff_with_the_right_see_media(client, film):
    client.force_login(make_user("plain"))
    newcomer_page = Client()
    newcomer_page.force_login(make_user("newcomer", is_staff=True))

    for address in (MEDIA, page_of(film), page_of(film, "download"), page_of(film, "transcode")):
        assert client.get(address).status_code in {302, 403}
        assert newcomer_page.get(address).status_code == 403


def test_nothing_is_written_by_hand(admin_page, film):
    before = Media.objects.values().get()

    answers = [
        admin_page.get(f"{MEDIA}add/"),
        admin_page.post(page_of(film), {"original_filename": "x"}),
    ]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert Media.objects.values().get() == before


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ({"q": "street"}, True),
        ({"q": "alice"}, True),
        ({"q": "giraffe"}, False),
        ({"media_type__exact": "video"}, True),
        ({"media_type__exact": "audio"}, False),
        ({"origin": "upload"}, True),
        ({"origin": "rendition"}, False),
        ({"size": "small"}, True),
        ({"size": "medium"}, False),
        ({"tag": "sunday"}, True),
        ({"tag": "monday"}, False),
        ({"created_at_to": "2000-01-01"}, False),
    ],
)
def test_media_are_searched_and_filtered(admin_page, film, query, is_found):
    assert found(admin_page.get(MEDIA, query)) == ({film} if is_found else set())


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "-"), (0.4, "0:00"), (59.6, "1:00"), (125, "2:05"), (3725.2, "1:02:05")],
)
def test_a_length_is_shown_as_players_do(seconds, text):
    assert clock(seconds) == text


# Pictures and players


def test_the_list_shows_posters_by_links_to_the_same_host(admin_page, anonymous, film, settings):
    settings.PUBLIC_URL = "https://elsewhere.example"
    without = admin_page.get(MEDIA).content.decode()
    run_all(POSTER)

    html = admin_page.get(MEDIA).content.decode()

    (link,) = links(html, "src")
    assert body_of(anonymous.get(link)).startswith(b"\xff\xd8")
    assert 'loading="lazy"' in html
    assert links(without, "src") == []
    assert "elsewhere.example" not in html


def test_a_film_has_a_player_with_its_poster(admin_page, anonymous, film, sample):
    run_all(POSTER)

    html = admin_page.get(page_of(film)).content.decode()

    assert "<video controls" in html
    assert body_of(anonymous.get(links(html, "src")[0])) == sample("film.mp4").read_bytes()
    assert body_of(anonymous.get(links(html, "poster")[0])).startswith(b"\xff\xd8")
    for fact in ("h264", "aac", "64 x 48", "10 per second", "0:02", film.blob.sha256):
        assert fact in html


@pytest.mark.parametrize(("name", "element"), [("tone.mp3", "<audio"), ("cover.png", "<img")])
def test_a_sound_is_played_and_a_picture_shown(admin_page, alice, sample, name, element):
    media = make_media(alice.user, sample(name), name)

    html = admin_page.get(page_of(media)).content.decode()

    assert re.search(rf'{element}[^>]+src="/api/media/{media.pk}/stream', html)
    assert "<video" not in html


def test_the_player_of_a_long_film_may_ask_for_its_end(admin_page, film, time_machine):
    time_machine.move_to("2026-01-01T00:00:00Z", tick=False)
    Media.objects.filter(pk=film.pk).update(duration=7200)

    html = admin_page.get(page_of(film)).content.decode()

    (expires,) = re.findall(r"stream\?expires=(\d+)", html)
    assert int(expires) == 1767225600 + 7200 + 900


def test_hostile_names_are_escaped(admin_page, alice, sample):
    hostile = '"><script>x'
    media = make_media(
        alice.user, sample("film.mp4"), hostile, description=hostile, tags=[hostile]
    )

    for address in (MEDIA, page_of(media), page_of(media, "delete")):
        assert "<script>x" not in admin_page.get(address).content.decode()


def test_the_button_downloads_the_bytes_by_a_fresh_link(clerk_page, anonymous, film, sample):
    link = clerk_page.get(page_of(film, "download")).headers["Location"]

    response = anonymous.get(link)

    assert response.headers["Content-Disposition"] == 'attachment; filename="street.mp4"'
    assert body_of(response) == sample("film.mp4").read_bytes()


# Transcoding


def test_staff_asks_for_a_rendition_which_is_noted(admin_page, staff, alice, film):
    response = admin_page.post(page_of(film, "transcode"), WEBM, follow=True)

    job = Job.objects.get(kind=TRANSCODE)
    (message,) = shown(response)
    assert f'href="/admin/system/job/{job.pk}/change/">Job {job.pk}</a> makes the' in message
    assert (job.owner_id, job.arguments["output_format"]) == (alice.user.pk, "webm")
    entry = AuditEntry.objects.get(action="media.transcode_requested")
    assert (entry.actor_id, entry.target) == (staff.user.pk, f"media:{film.pk}")
    assert entry.details["job_id"] == job.pk


def test_the_form_offers_only_what_the_source_can_become(admin_page, alice, sample):
    sound = make_media(alice.user, sample("tone.mp3"))

    form = admin_page.get(page_of(sound, "transcode"))
    refused = admin_page.post(page_of(sound, "transcode"), WEBM)

    offered = re.findall(r'<option value="(\w+)"', form.content.decode())
    assert offered == ["mp3", "ogg", "wav", "low", "medium", "high"]
    assert "Select a valid choice" in refused.content.decode()
    assert not Job.objects.filter(kind=TRANSCODE).exists()


def test_what_the_service_refuses_is_shown_and_not_noted(admin_page, film, settings):
    settings.TRANSCODES_PER_USER = 0

    response = admin_page.post(page_of(film, "transcode"), WEBM, follow=True)

    assert shown(response) == ["0 transcodes are waiting. Let one finish first."]
    assert not AuditEntry.objects.exists()


def test_who_may_only_look_gets_no_rendition_made(clerk_page, film):
    response = clerk_page.post(page_of(film, "transcode"), WEBM)

    assert response.status_code == 403
    assert not Job.objects.filter(kind=TRANSCODE).exists()
    assert "Transcode" not in clerk_page.get(page_of(film)).content.decode()


def test_source_and_rendition_lead_to_each_other(admin_page, clerk_page, film):
    made = rendition_of(film, admin_page)

    assert page_of(made) in clerk_page.get(page_of(film)).content.decode()
    html = clerk_page.get(page_of(made)).content.decode()
    assert page_of(film) in html
    assert f"/admin/system/job/{made.job_id}/change/" in html


def test_hls_shows_its_parts_and_has_no_button_for_one_file(admin_page, film):
    made = rendition_of(film, admin_page, output_format="hls")

    response = admin_page.get(page_of(made))

    names = list(made.parts.values_list("name", flat=True))
    assert len(names) >= 2
    for name in names:
        assert name in response.content.decode()
    assert response.context["actions_detail"] == []


def test_a_transcode_that_failed_is_retried_in_the_admin_of_jobs(admin_page, film):
    admin_page.post(page_of(film, "transcode"), WEBM)
    job = Job.objects.get(kind=TRANSCODE)
    Job.objects.filter(pk=job.pk).update(status=JobStatus.FAILED)

    admin_page.post(f"/admin/system/job/{job.pk}/retry_one/", {"_form_submitted": "True"})
    run_all(TRANSCODE)

    assert film.renditions.get().output_format == "webm"
    assert (
        "&quot;webm&quot;"
        in admin_page.get(f"/admin/system/job/{job.pk}/change/").content.decode()
    )


# Deleting


def test_deleting_takes_renditions_and_bytes_along_and_is_noted(
    admin_page, staff, alice, film, committing
):
    rendition_of(film, admin_page)
    run_all(POSTER)
    before = len(stored_names())
    question = admin_page.get(page_of(film, "delete")).content.decode()

    with committing():
        admin_page.post(page_of(film, "delete"), {"post": "yes"})

    assert (before, "street.mp4 and what was made of it" in question) == (4, True)
    assert (Media.objects.count(), Blob.objects.count(), stored_names()) == (0, 0, [])
    assert usage_of(alice.user.pk).used_bytes == 0
    entry = AuditEntry.objects.get(action="media.deleted")
    assert (entry.actor_id, entry.target) == (staff.user.pk, f"media:{film.pk}")


def test_a_source_and_its_rendition_chosen_together_are_both_gone(admin_page, film, committing):
    made = rendition_of(film, admin_page)
    chosen = {"action": "delete_selected", "_selected_action": [film.pk, made.pk], "post": "yes"}

    with committing():
        response = admin_page.post(MEDIA, chosen | {"index": 0}, follow=True)

    assert shown(response)[-1] == "2 media deleted."
    assert stored_names() == []


def test_who_may_only_look_deletes_nothing(clerk_page, film):
    response = clerk_page.post(page_of(film, "delete"), {"post": "yes"})

    assert response.status_code == 403
    assert Media.objects.get() == film


def test_a_user_with_files_and_media_is_deleted_with_all_bytes(
    admin_page, alice, bob, film, committing
):
    kept = make_file(bob.user)
    make_file(alice.user)
    rendition_of(film, admin_page, output_format="hls")
    run_all(POSTER)

    with committing():
        admin_page.post(f"{USERS}{alice.user.pk}/delete/", {"post": "yes"})

    assert not User.objects.filter(pk=alice.user.pk).exists()
    assert (Media.objects.count(), Blob.objects.get()) == (0, kept.blob)
    assert stored_names() == [kept.blob.name]
    assert StorageUsage.objects.get().owner == bob.user
