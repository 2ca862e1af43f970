"""Resumable uploads: looked at, listed, given up, expired, erased, and nobody else's."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.services.profile import delete_account
from files import tasks
from files.models import File, Upload
from files.services import uploads
from files.tests.tus.kit import (
    PIECE_TYPE,
    UPLOADS,
    append,
    ask,
    create,
    everything,
    metadata,
    offset_of,
    used_bytes,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def begun(alice):
    """The path of an upload of 11 bytes with the first 5 of them."""
    path = create(alice, 11, filename="hello.txt")
    append(alice, path, 0, b"hello")
    return path


@pytest.fixture
def later(time_machine, settings):
    """Lets a time pass after which uploads are expired, and tokens are not."""
    settings.UPLOAD_KEPT = timedelta(minutes=10)

    def move(**time):
        time_machine.move_to(timezone.now() + timedelta(**time))

    return move


def test_head_says_where_to_go_on(alice, begun):
    response = ask(alice, "HEAD", begun)

    assert response.status_code == 200
    assert response.headers["Upload-Offset"] == "5"
    assert response.headers["Upload-Length"] == "11"
    assert response.headers["Upload-Metadata"] == metadata(filename="hello.txt")
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Tus-Resumable"] == "1.0.0"
    assert response.headers["Upload-Expires"].endswith(" GMT")


def test_metadata_that_was_not_sent_is_not_answered(alice):
    response = ask(alice, "HEAD", create(alice, 1))

    assert "Upload-Metadata" not in response.headers


@pytest.mark.parametrize("version", [None, "0.2.2"])
def test_a_browser_may_look_at_an_upload(alice, begun, version):
    response = ask(alice, "GET", begun, Tus_Resumable=version)

    assert response.status_code == 200
    assert response.json().keys() == {
        "id", "target", "status", "offset", "length", "original_filename",
        "created_at", "expires_at", "file_id", "media_id",
    }  # fmt: skip
    assert begun == f"{UPLOADS}/{response.json()['id']}"
    assert (response.json()["status"], response.json()["offset"]) == ("uploading", 5)
    assert (response.json()["file_id"], response.json()["media_id"]) == (None, None)


@pytest.mark.parametrize("method", ["HEAD", "DELETE"])
@pytest.mark.parametrize("version", [None, "0.2.2", "1.0"])
def test_another_version_of_tus_is_refused(alice, begun, method, version):
    before = everything()

    response = ask(alice, method, begun, Tus_Resumable=version)

    assert response.status_code == 412
    assert response.headers["Tus-Version"] == "1.0.0"
    assert everything() == before


def test_unfinished_uploads_are_listed_newest_first(alice, bob, begun):
    finished = create(alice, 1)
    append(alice, finished, 0, b"x")
    newest = create(alice, 7)
    create(bob, 9)

    listed = alice.get(UPLOADS)

    assert [f"{UPLOADS}/{row['id']}" for row in listed.json()] == [newest, begun]
    assert listed.json()[1] == alice.get(begun).json()
    assert listed.headers["Tus-Resumable"] == "1.0.0"


def test_the_list_is_paged_by_skip_and_limit_only(alice, begun):
    newest = create(alice, 7)

    page = alice.get(f"{UPLOADS}?limit=1&count=true")

    assert [f"{UPLOADS}/{row['id']}" for row in page.json()] == [newest]
    assert page.headers["X-Total-Count"] == "2"
    assert "skip=1" in page.headers["Link"]
    for name in ("before", "after"):
        assert alice.get(f"{UPLOADS}?{name}=5").status_code == 400


@pytest.mark.parametrize("rows", [1, 20])
def test_listing_costs_one_query(alice, rows, django_assert_num_queries):
    for _ in range(rows):
        create(alice, 5)
    alice.get(UPLOADS)

    with django_assert_num_queries(1):
        assert len(alice.get(UPLOADS).json()) == rows


def test_giving_up_leaves_neither_row_nor_bytes_nor_charge(alice, begun):
    response = ask(alice, "DELETE", begun)

    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["Tus-Resumable"] == "1.0.0"
    assert used_bytes(alice) == 0
    assert (everything()["uploads"], everything()["bytes"]) == ([], {})
    assert ask(alice, "HEAD", begun).status_code == 404


def test_giving_up_a_finished_upload_leaves_the_file(alice, begun):
    append(alice, begun, 5, b" world")

    assert ask(alice, "DELETE", begun).status_code == 204

    assert Upload.objects.count() == 0
    assert used_bytes(alice) == 11
    assert alice.get(f"/api/files/{File.objects.get().pk}/download").getvalue() == b"hello world"


def test_giving_up_what_has_no_bytes_yet_is_fine(alice):
    assert ask(alice, "DELETE", create(alice, 11)).status_code == 204
    assert used_bytes(alice) == 0


@pytest.mark.parametrize("method", ["HEAD", "GET", "PATCH", "DELETE"])
@pytest.mark.parametrize(("who", "status"), [("bob", 404), ("staff", 404), ("anonymous", 401)])
def test_nobody_else_gets_at_an_upload(request, begun, method, who, status):
    client = request.getfixturevalue(who)
    asked = {"body": b" world", "content_type": PIECE_TYPE, "Upload_Offset": "5"}
    before = everything()

    response = ask(client, method, begun, **asked)
    unknown = ask(client, method, f"{UPLOADS}/{uuid.uuid4()}", **asked)

    assert (response.status_code, unknown.status_code) == (status, status)
    assert response.headers["Tus-Resumable"] == "1.0.0"
    assert method == "HEAD" or response.json()["detail"] == unknown.json()["detail"]
    assert everything() == before


def test_uploads_are_begun_and_listed_by_users_only(anonymous, db):
    assert ask(anonymous, "POST", UPLOADS, Upload_Length="5").status_code == 401
    assert ask(anonymous, "GET", UPLOADS).status_code == 401
    assert Upload.objects.count() == 0


@pytest.mark.parametrize("path", [f"{UPLOADS}/7", f"{UPLOADS}/", f"{UPLOADS}/{'A' * 36}"])
def test_what_is_no_address_of_an_upload_is_404(alice, path):
    assert ask(alice, "HEAD", path).status_code == 404


@pytest.mark.parametrize("method", ["PUT", "TRACE"])
def test_other_methods_are_405(alice, begun, method):
    response = ask(alice, method, begun)

    assert response.status_code == 405
    assert response.headers["Tus-Resumable"] == "1.0.0"


@pytest.mark.parametrize("method", ["HEAD", "GET", "PATCH", "DELETE"])
def test_an_expired_upload_is_gone(alice, later, method):
    path = create(alice, 11)
    later(minutes=11)
    before = everything()

    response = ask(alice, method, path, b"hello", PIECE_TYPE, Upload_Offset="0")

    assert response.status_code == 410
    assert everything() == before


def test_the_sweep_clears_expired_uploads_and_no_others(
    alice, bob, later, django_capture_on_commit_callbacks
):
    old = create(alice, 11)
    append(alice, old, 0, b"hello")
    finished = create(alice, 2)
    append(alice, finished, 0, b"hi")
    of_bob = create(bob, 7)
    later(minutes=6)
    append(bob, of_bob, 0, b"bob")
    young = create(alice, 13)
    later(minutes=6)

    with django_capture_on_commit_callbacks(execute=True):
        assert tasks.clear_expired_uploads() == 2

    ids = {f"{UPLOADS}/{upload_id}" for upload_id in Upload.objects.values_list("pk", flat=True)}
    assert ids == {of_bob, young}
    assert (used_bytes(alice), used_bytes(bob)) == (2 + 13, 7)
    assert list(everything()["bytes"]) == [of_bob.rpartition("/")[2]]
    assert ask(alice, "HEAD", old).status_code == 404
    assert File.objects.count() == 1
    assert tasks.clear_expired_uploads() == 0


def test_an_expired_upload_takes_no_place(alice, later, settings):
    settings.UPLOADS_AT_ONCE = 1
    create(alice, 5)
    later(minutes=11)

    create(alice, 5)

    assert len(alice.get(UPLOADS).json()) == 1


def test_bytes_of_uploads_that_are_no_more_are_found(alice, begun):
    stray = uploads.upload_path(uuid.uuid4())
    stray.write_bytes(b"left behind")

    assert uploads.delete_stray_bytes() == 1

    assert not stray.exists()
    assert offset_of(alice, begun) == 5
    assert append(alice, begun, 5, b" world").status_code == 204


def test_a_user_who_leaves_takes_the_uploads_along(
    alice, bob, begun, django_capture_on_commit_callbacks
):
    of_bob = create(bob, 11)
    append(bob, of_bob, 0, b"hello")

    with django_capture_on_commit_callbacks(execute=True):
        delete_account(owner_id=alice.user.pk)

    assert [f"{UPLOADS}/{upload.pk}" for upload in Upload.objects.all()] == [of_bob]
    assert list(everything()["bytes"]) == [of_bob.rpartition("/")[2]]
