"""The admin of files, resumable uploads and used storage: looked at, downloaded, deleted."""

import re
import uuid
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from accounts.tests.factories import make_user
from alice.common.tests.kit import entitle
from files.models import Blob, File, StorageUsage, Upload
from files.services import uploads
from files.services.quotas import usage_of
from files.services.uploads import NewUpload
from files.tests.factories import PNG, body_of, make_file, make_files, stored_names
from system.models import AuditEntry

pytestmark = pytest.mark.django_db

HOME = "/admin/"
FILES, UPLOADS, USAGE = (f"/admin/files/{name}/" for name in ("file", "upload", "storageusage"))
SUBMITTED = {"_form_submitted": "True"}


@pytest.fixture
def clerk():
    """Staff who may look at all that is here and change nothing."""
    clerk = make_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    return clerk


@pytest.fixture
def clerk_page(clerk):
    page = Client()
    page.force_login(clerk)
    return page


@pytest.fixture
def committing(django_capture_on_commit_callbacks):
    """Does what waits for a commit."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


def begin(owner, length=10, name="film.mov", **fields):
    upload = uploads.create_upload(
        owner_id=owner.pk, new=NewUpload(length=length, target="file", original_filename=name)
    )
    Upload.objects.filter(pk=upload.pk).update(**fields)
    return upload


def page_of(row, step="change"):
    return f"/admin/files/{row._meta.model_name}/{row.pk}/{step}/"


def found(response):
    return set(response.context["cl"].queryset)


def shown(response):
    return [str(message) for message in response.context["messages"]]


def choose(page, address, action, *rows, **fields):
    chosen = {"action": action, "_selected_action": [row.pk for row in rows], "index": 0}
    return page.post(address, chosen | fields, follow=True)


@pytest.mark.parametrize("rows", [1, 20])
@pytest.mark.parametrize(("address", "queries"), [(FILES, 4), (UPLOADS, 4), (USAGE, 5)])
def test_a_list_costs_the_same_however_many_rows(
    admin_page, django_assert_num_queries, rows, address, queries
):
    for n in range(rows):
        owner = make_user()
        make_file(owner, name=f"{n}.txt", tags=["a", "b", "c", "d"])
        begin(owner)

    with django_assert_num_queries(queries):
        response = admin_page.get(address)

    assert response.context["cl"].result_count == rows


@pytest.mark.parametrize("address", [FILES, UPLOADS, USAGE])
def test_only_staff_with_the_right_see_a_list(client, address):
    client.force_login(make_user("plain"))
    clerk_without_rights = Client()
    clerk_without_rights.force_login(make_user("newcomer", is_staff=True))

    assert client.get(address).headers["Location"].startswith("/admin/login/")
    assert clerk_without_rights.get(address).status_code == 403


@pytest.mark.parametrize("address", [FILES, UPLOADS, USAGE])
def test_nothing_is_written_by_hand(admin_page, alice, address):
    file, upload = make_file(alice.user), begin(alice.user)
    row = {FILES: file, UPLOADS: upload, USAGE: StorageUsage.objects.get()}[address]
    before = type(row).objects.values().get()

    answers = [
        admin_page.get(f"{address}add/"),
        admin_page.post(page_of(row), {"original_filename": "x", "used_bytes": 0}),
    ]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert type(row).objects.values().get() == before


# Files


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ({"q": "holiday"}, True),
        ({"q": "alice"}, True),
        ({"q": "giraffe"}, False),
        ({"kind": "image"}, True),
        ({"kind": "text"}, False),
        ({"kind": "other"}, False),
        ({"size": "small"}, True),
        ({"size": "huge"}, False),
        ({"tag": "sea"}, True),
        ({"tag": "se"}, False),
        ({"created_at_to": "2000-01-01"}, False),
        ({"created_at_from": "2000-01-01", "kind": "nonsense"}, True),
    ],
)
def test_files_are_searched_and_filtered(admin_page, alice, query, is_found):
    file = make_file(alice.user, PNG, "holiday.png", tags=["sea"])

    assert found(admin_page.get(FILES, query)) == ({file} if is_found else set())


def test_a_file_is_found_by_its_id_and_by_the_hash_of_its_bytes(admin_page, alice):
    first, second = make_files(alice.user, 2)

    assert found(admin_page.get(FILES, {"q": first.blob.sha256})) == {first}
    assert second in found(admin_page.get(FILES, {"q": str(second.pk)}))


def test_what_is_no_kind_of_its_own_is_among_the_others(admin_page, alice):
    strange = make_file(alice.user, b"\x00\x01\x02\x03" * 9, "strange.bin")
    make_file(alice.user, PNG, "a.png")

    assert found(admin_page.get(FILES, {"kind": "other"})) == {strange}


def test_a_file_is_shown_whole_and_harmless(admin_page, alice):
    hostile = "<script>x"
    file = make_file(alice.user, name=f"{hostile}.txt", description=hostile, tags=[hostile])

    for address in (FILES, page_of(file), page_of(file, "delete")):
        assert hostile not in admin_page.get(address).content.decode()
    html = admin_page.get(page_of(file)).content.decode()
    assert file.blob.sha256 in html
    assert file.blob.name in html
    assert "signature=" not in html


def test_a_picture_is_shown_by_a_link_to_the_same_host(admin_page, anonymous, alice, settings):
    settings.PUBLIC_URL = "https://elsewhere.example"
    file = make_file(alice.user, PNG, "a.png")

    html = admin_page.get(page_of(file)).content.decode()

    link = re.search(r'<img src="(/api/files/[^"]+)"', html)[1].replace("&amp;", "&")
    assert body_of(anonymous.get(link)) == PNG
    assert "elsewhere.example" not in html


def test_a_picture_that_may_hold_scripts_is_not_shown(admin_page, alice):
    file = make_file(alice.user, b'<svg xmlns="http://www.w3.org/2000/svg"></svg>', "a.svg")

    assert "/download?" not in admin_page.get(page_of(file)).content.decode()


def test_the_button_downloads_the_bytes_by_a_fresh_link(clerk_page, anonymous, alice):
    file = make_file(alice.user, b"every byte")

    response = clerk_page.get(page_of(file, "download"))

    assert response.status_code == 302
    assert body_of(anonymous.get(response.headers["Location"])) == b"every byte"


def test_without_the_right_to_view_files_there_is_no_link(alice):
    file, page = make_file(alice.user), Client()
    page.force_login(make_user("newcomer", is_staff=True))

    assert page.get(page_of(file, "download")).status_code == 403


def test_deleting_asks_and_is_done_by_the_service_and_noted(admin_page, alice, staff, committing):
    file = make_file(alice.user)
    question = admin_page.get(page_of(file, "delete"))

    with committing():
        admin_page.post(page_of(file, "delete"), {"post": "yes"})

    assert question.status_code == 200
    assert (File.objects.count(), Blob.objects.count(), stored_names()) == (0, 0, [])
    assert usage_of(alice.user.pk).used_bytes == 0
    entry = AuditEntry.objects.get(action="file.deleted")
    assert (entry.actor_id, entry.target) == (staff.user.pk, f"file:{file.pk}")
    assert entry.details == {"owner_id": alice.user.pk, "name": "note.txt"}


def test_deleting_several_asks_first(admin_page, alice, committing):
    first, second, third = make_files(alice.user, 3)

    question = choose(admin_page, FILES, "delete_selected", first, second)
    before = File.objects.count()
    with committing():
        done = choose(admin_page, FILES, "delete_selected", first, second, post="yes")

    assert "Are you sure" in question.content.decode()
    assert (before, shown(done)) == (3, ["2 files deleted."])
    assert (File.objects.get(), stored_names()) == (third, [third.blob.name])
    assert AuditEntry.objects.filter(action="file.deleted").count() == 2


def test_who_may_only_look_deletes_nothing(clerk_page, alice):
    file = make_file(alice.user)

    alone = clerk_page.post(page_of(file, "delete"), {"post": "yes"})
    choose(clerk_page, FILES, "delete_selected", file, post="yes")

    assert alone.status_code == 403
    assert File.objects.get() == file
    assert not AuditEntry.objects.exists()


# Resumable uploads


def test_uploads_are_searched_and_filtered_by_state(admin_page, alice):
    now = timezone.now()
    going = begin(alice.user, name="a.mov")
    over = begin(alice.user, expires_at=now - timedelta(hours=1))
    done = begin(alice.user, finished_at=now, result_id=7, offset=10)

    assert found(admin_page.get(UPLOADS, {"state": "uploading"})) == {going}
    assert found(admin_page.get(UPLOADS, {"state": "expired"})) == {over}
    assert found(admin_page.get(UPLOADS, {"state": "finished"})) == {done}
    assert found(admin_page.get(UPLOADS, {"q": str(over.pk)})) == {over}
    assert found(admin_page.get(UPLOADS, {"q": "a.mov"})) == {going}


@pytest.mark.parametrize(
    ("offset", "text"), [(0, "0 %"), (1, "&lt; 1 %"), (999, "99 %"), (1000, "100 %")]
)
def test_an_upload_shows_how_far_it_is(admin_page, alice, offset, text):
    upload = begin(alice.user, length=1000, offset=offset)

    for address in (UPLOADS, page_of(upload)):
        assert f">{text}</span>" in admin_page.get(address).content.decode()


def test_giving_up_asks_and_deletes_what_was_received_and_is_noted(
    admin_page, alice, staff, committing
):
    upload = begin(alice.user, length=10)
    uploads.upload_path(upload.pk).parent.mkdir(exist_ok=True)
    uploads.upload_path(upload.pk).write_bytes(b"hello")
    admin_page.get(page_of(upload, "give_up_one"))
    before = Upload.objects.count()

    with committing():
        response = admin_page.post(page_of(upload, "give_up_one"), SUBMITTED)

    assert (before, response.headers["Location"]) == (1, UPLOADS)
    assert not Upload.objects.exists()
    assert not uploads.upload_path(upload.pk).exists()
    assert usage_of(alice.user.pk).used_bytes == 0
    entry = AuditEntry.objects.get(action="upload.given_up")
    assert (entry.actor_id, entry.target) == (staff.user.pk, f"upload:{upload.pk}")


def test_several_are_given_up_and_the_expired_say_why_not(admin_page, alice):
    going = begin(alice.user)
    over = begin(alice.user, expires_at=timezone.now() - timedelta(hours=1))

    response = choose(admin_page, UPLOADS, "give_up", going, over)

    assert shown(response) == [
        f"{over}: This upload has expired. Begin a new one.",
        "1 upload given up.",
    ]
    assert Upload.objects.get() == over


def test_who_may_only_look_gives_nothing_up(clerk_page, alice):
    upload = begin(alice.user)

    response = clerk_page.post(page_of(upload, "give_up_one"), SUBMITTED)

    assert response.status_code == 403
    assert Upload.objects.get() == upload


def test_an_unknown_upload_is_a_page_for_people(admin_page):
    address = f"{UPLOADS}{uuid.uuid4()}/give_up_one/"

    assert admin_page.post(address, SUBMITTED).status_code == 404


# Used storage


def test_who_uses_the_most_comes_first_with_the_limit_and_the_share(admin_page, settings):
    entitle(settings, free={"storage_bytes": 1000})
    for name, size in (("ada", 10), ("bob", 950), ("eve", 500)):
        make_file(make_user(name), b"x" * size)

    response = admin_page.get(USAGE)

    assert [row.owner.username for row in response.context["cl"].result_list] == [
        "bob",
        "eve",
        "ada",
    ]
    html = response.content.decode()
    assert re.findall(r"width: ([\d.]+)%", html) == ["95.0", "50.0", "1.0"]
    assert html.count("bg-red-500 h-1.5") == 1
    assert "1000\xa0bytes (free)" in html


def test_the_used_storage_of_a_user_is_told_by_kind(admin_page, alice):
    make_file(alice.user, b"x" * 2048)
    begin(alice.user, length=4096)
    usage = StorageUsage.objects.get()

    html = admin_page.get(page_of(usage)).content.decode()

    for line in ("Files: 2.0\xa0KB", "Media and renditions: 0\xa0bytes"):
        assert f"<p>{line}</p>" in html
    assert "<p>Unfinished uploads: 4.0\xa0KB</p>" in html
    assert f"{FILES}?owner__id__exact={alice.user.pk}" in html


def test_the_link_to_the_files_of_a_user_shows_them_only(admin_page, alice, bob):
    file = make_file(alice.user)
    make_file(bob.user)

    assert found(admin_page.get(FILES, {"owner__id__exact": alice.user.pk})) == {file}


# The overview


def cards_of(page):
    return {card.title: card for card in page.get(HOME).context["cards"]}


def test_the_overview_shows_who_uses_the_most_storage(admin_page, alice, bob):
    make_file(alice.user, b"x" * 30 * 1024)
    make_file(bob.user, b"x" * 20 * 1024)

    card = cards_of(admin_page)["Storage"]

    assert (card.figure, card.note.split()[0]) == (50, "KB")
    assert card.summary == "alice: 30, bob: 20"


def test_the_overview_shows_the_bytes_of_the_last_two_weeks(admin_page, alice):
    make_file(alice.user, b"x" * 7)
    old = make_file(alice.user, b"x" * 5)
    long_ago = make_file(alice.user, b"x" * 3)
    now = timezone.now()
    Blob.objects.filter(pk=old.blob_id).update(created_at=now - timedelta(days=13))
    Blob.objects.filter(pk=long_ago.blob_id).update(created_at=now - timedelta(days=14))

    card = cards_of(admin_page)["Stored per day"]

    assert (card.figure, card.note.split()[0]) == (12, "bytes")
    assert card.values == [5, *[0] * 12, 7]
    assert card.labels[-1] == f"{now.day} {now:%b}"


def test_the_overview_of_nothing_is_drawn_too(admin_page):
    cards = cards_of(admin_page)

    assert (cards["Storage"].figure, cards["Storage"].values) == (0, [])
    assert (cards["Stored per day"].figure, sum(cards["Stored per day"].values)) == (0, 0)


def test_the_cards_are_for_those_who_may_see_used_storage(clerk, clerk_page):
    clerk.user_permissions.remove(Permission.objects.get(codename="view_storageusage"))

    assert {"Storage", "Stored per day"}.isdisjoint(cards_of(clerk_page))
