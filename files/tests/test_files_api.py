"""GET, PATCH, PUT and DELETE /api/files, and what strangers are told."""

from datetime import timedelta

import pytest
from django.utils import timezone

from alice.common.tests.kit import entitle
from files.models import Blob, File, StorageUsage
from files.tests.factories import PNG, make_file, make_files, stored_names

pytestmark = pytest.mark.django_db
MISSING = 2**62
CALLS = [
    ("get", "/api/files/{}"),
    ("head", "/api/files/{}"),
    ("put", "/api/files/{}"),
    ("patch", "/api/files/{}"),
    ("delete", "/api/files/{}"),
    ("get", "/api/files/{}/download"),
    ("head", "/api/files/{}/download"),
]
CHANGE = {"original_filename": "mine.txt"}


@pytest.fixture
def regular(alice):
    """alice after her first request: that one looked her session up."""
    alice.get("/api/files")
    return alice


def everything():
    rows = [list(model.objects.order_by("pk").values()) for model in (File, Blob, StorageUsage)]
    return rows, stored_names()


def answer_without_id(response):
    body = response.json() if response.content else {}
    return response.status_code, body.get("detail"), body.get("code"), sorted(body)


@pytest.mark.parametrize("who", ["bob", "staff"])
@pytest.mark.parametrize(("verb", "path"), CALLS)
def test_to_a_stranger_it_is_as_if_it_were_not_there(request, alice, who, verb, path):
    theirs = make_file(alice.user)
    before, stranger = everything(), request.getfixturevalue(who)

    foreign = getattr(stranger, verb)(path.format(theirs.pk), CHANGE)
    missing = getattr(stranger, verb)(path.format(MISSING), CHANGE)

    assert foreign.status_code == 404
    assert answer_without_id(foreign) == answer_without_id(missing)
    assert everything() == before


@pytest.mark.parametrize(
    ("verb", "path"),
    [*CALLS, ("get", "/api/files"), ("post", "/api/files/upload"), ("get", "/api/files/usage")],
)
def test_nothing_is_done_without_a_session(alice, anonymous, verb, path):
    theirs = make_file(alice.user)
    before = everything()

    response = getattr(anonymous, verb)(path.format(theirs.pk), CHANGE)

    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert everything() == before


@pytest.mark.parametrize("query", ["", "?count=true&tag=t", "?skip=0"])
def test_lists_never_mix_users(alice, bob, query):
    make_file(alice.user, tags=["t"])
    mine = make_file(bob.user, tags=["t"])

    assert [row["id"] for row in bob.get(f"/api/files{query}").json()] == [mine.pk]


@pytest.mark.parametrize(
    ("verb", "path", "allowed"),
    [
        ("POST", "/api/files", "GET, HEAD, OPTIONS"),
        ("GET", "/api/files/upload", "POST, OPTIONS"),
        ("POST", "/api/files/usage", "GET, HEAD, OPTIONS"),
        ("POST", "/api/files/{}", "GET, PUT, PATCH, DELETE, HEAD, OPTIONS"),
        ("POST", "/api/files/{}/download", "GET, HEAD, OPTIONS"),
    ],
)
def test_other_methods_are_refused(alice, verb, path, allowed):
    file = make_file(alice.user)

    response = alice.generic(verb, path.format(file.pk))

    assert (response.status_code, response["Allow"]) == (405, allowed)


@pytest.mark.parametrize("rows", [1, 20])
@pytest.mark.parametrize("query", ["", "?count=true", "?tag=t&ordering=file_size"])
def test_a_list_costs_the_same_queries_however_many_rows(
    regular, rows, query, django_assert_num_queries
):
    make_files(regular.user, rows, tags=["t"])

    with django_assert_num_queries(2 if "count" in query else 1):
        response = regular.get(f"/api/files{query}")

    assert len(response.json()) == rows


def test_a_list_is_newest_first_and_paged(alice):
    ids = [file.pk for file in reversed(make_files(alice.user, 5))]

    page = alice.get("/api/files?skip=1&limit=2&count=true")
    older = alice.get(f"/api/files?before={ids[2]}&limit=1")

    assert [row["id"] for row in page.json()] == ids[1:3]
    assert page["X-Total-Count"] == "5"
    assert 'rel="next"' in page["Link"]
    assert [row["id"] for row in older.json()] == [ids[3]]


def test_a_row_of_a_list_is_the_file_itself(alice):
    file = make_file(alice.user, PNG, "dot.png", tags=["a"], description="d")

    (row,) = alice.get("/api/files").json()

    assert row == alice.get(f"/api/files/{file.pk}").json()
    assert (row["filename"], row["file_size"]) == (file.blob.name, len(PNG))


@pytest.mark.parametrize("query", ["skip=-1", "limit=x", "before=0", "count=maybe"])
def test_a_bad_page_is_400(alice, query):
    assert alice.get(f"/api/files?{query}").status_code == 400


def names(client, query):
    response = client.get("/api/files", query)
    assert response.status_code == 200, response.content
    return [row["original_filename"] for row in response.json()]


@pytest.fixture
def shelf(alice):
    """Three files of alice that differ in everything one can filter by."""
    make_file(alice.user, b"x" * 30, "Old Report.txt", tags=["a"])
    make_file(alice.user, PNG, "middle.png", tags=["a", "b"])
    make_file(alice.user, b"new", "NEW_100%.txt", tags=["b,c", "é"])
    rows = zip(File.objects.order_by("pk"), [2001, 2002, 2003], strict=True)
    for file, year in rows:
        moment = timezone.datetime(year, 1, 1, tzinfo=timezone.get_default_timezone())
        File.objects.filter(pk=file.pk).update(created_at=moment, updated_at=moment)
    return alice


OLD, MIDDLE, NEW = "Old Report.txt", "middle.png", "NEW_100%.txt"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"tag": "a"}, [MIDDLE, OLD]),
        ({"tag": ["a", "b"]}, [MIDDLE]),
        ({"tag": "b,c"}, [NEW]),
        ({"mime_type": "image/png"}, [MIDDLE]),
        ({"mime_type": "IMAGE/PNG"}, [MIDDLE]),
        ({"mime_type": "image/"}, [MIDDLE]),
        ({"mime_type": "image/*"}, [MIDDLE]),
        ({"mime_type": "text/*"}, [NEW, OLD]),
        ({"mime_type": "image/p"}, []),
        ({"mime_type": "video/*"}, []),
        ({"name": "report"}, [OLD]),
        ({"name": "E"}, [NEW, MIDDLE, OLD]),
        ({"name": "%"}, [NEW]),
        ({"name": "_"}, [NEW]),
        ({"name": "nothing like it"}, []),
        ({"created_after": "2002-01-01T00:00:00Z"}, [NEW, MIDDLE]),
        ({"created_before": "2002-01-01T00:00:00Z"}, [OLD]),
        ({"size_min": "30"}, [MIDDLE, OLD]),
        ({"size_max": "30"}, [NEW, OLD]),
        ({"size_min": "30", "size_max": "30"}, [OLD]),
        ({"size_min": str(2**63 - 1)}, []),
        ({"ordering": "original_filename"}, [NEW, OLD, MIDDLE]),
        ({"ordering": "file_size"}, [NEW, OLD, MIDDLE]),
        ({"ordering": "-file_size"}, [MIDDLE, OLD, NEW]),
        ({"ordering": "created_at"}, [OLD, MIDDLE, NEW]),
        ({"ordering": "-updated_at"}, [NEW, MIDDLE, OLD]),
    ],
)
def test_a_filter_keeps_what_it_names(shelf, query, expected):
    found = names(shelf, query)

    assert (
        found == expected if expected is not None else sorted(found) == sorted([OLD, MIDDLE, NEW])
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tag", ""),
        ("tag", "x" * 51),
        ("mime_type", "png"),
        ("mime_type", "image"),
        ("mime_type", "*/*"),
        ("mime_type", "image/%"),
        ("mime_type", "image/" + "x" * 100),
        ("name", "x" * 256),
        ("created_after", "yesterday"),
        ("size_min", "-1"),
        ("size_min", "1.5"),
        ("size_max", "NaN"),
        ("size_max", str(2**63)),
        ("ordering", "blob__size_bytes"),
        ("ordering", "sha256"),
    ],
)
def test_a_bad_filter_is_refused_by_its_name(shelf, name, value):
    response = shelf.get("/api/files", {name: value})

    assert response.status_code == 400
    assert list(response.json()["errors"]) == [name]


@pytest.mark.parametrize("verb", ["put", "patch"])
def test_what_is_named_is_replaced_and_makes_a_new_version(alice, verb):
    file = make_file(alice.user, tags=["old"])
    body = {"original_filename": "../new.txt", "description": "d", "tags": ["a", "a", " b "]}

    response = getattr(alice, verb)(f"/api/files/{file.pk}", body)

    shown = response.json()
    assert response.status_code == 200
    assert (shown["original_filename"], shown["description"]) == ("new.txt", "d")
    assert (shown["tags"], shown["version"]) == (["a", "b"], 2)
    assert shown["updated_at"] > shown["created_at"]
    read = alice.get(f"/api/files/{file.pk}")
    assert (read.json(), read["ETag"]) == (shown, response["ETag"])


@pytest.mark.parametrize(
    "body",
    [{}, {"tags": ["t"]}, {"original_filename": "x/note.txt"}, {"id": 9, "sha256": "0" * 64}],
)
def test_a_change_that_changes_nothing_makes_no_version(alice, body):
    file = make_file(alice.user, tags=["t"])
    before = alice.get(f"/api/files/{file.pk}").json()

    response = alice.patch(f"/api/files/{file.pk}", body)

    assert (response.status_code, response.json()) == (200, before)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("original_filename", ""),
        ("original_filename", None),
        ("original_filename", 5),
        ("original_filename", "../.."),
        ("original_filename", "\u202e"),
        ("original_filename", "x" * 256),
        ("description", "x" * 5001),
        ("description", None),
        ("tags", "a,b"),
        ("tags", [""]),
        ("tags", ["x"] * 32 + ["x" * 51]),
    ],
    ids=range(11),
)
def test_a_bad_value_is_refused_and_nothing_changes(alice, name, value):
    file = make_file(alice.user)
    before = everything()

    response = alice.patch(f"/api/files/{file.pk}", {"description": "new", name: value})

    assert response.status_code == 400
    assert list(response.json()["errors"]) == [name]
    assert everything() == before


@pytest.mark.parametrize("verb", ["put", "patch", "delete"])
@pytest.mark.parametrize(
    ("tag", "is_met"),
    [('"1"', True), ('"1-0123456789abcdef"', True), ("*", True), ('"2"', False), ('W/"1"', False)],
)
def test_a_change_can_be_made_conditional(alice, verb, tag, is_met):
    file = make_file(alice.user)
    before = everything()

    response = getattr(alice, verb)(f"/api/files/{file.pk}", CHANGE, headers={"If-Match": tag})

    assert response.status_code == ((204 if verb == "delete" else 200) if is_met else 412)
    assert (everything() == before) is not is_met


def test_the_tag_that_was_read_is_good_for_a_change(alice):
    file = make_file(alice.user)
    path = f"/api/files/{file.pk}"
    tag = alice.get(path)["ETag"]

    assert alice.patch(path, CHANGE, headers={"If-Match": tag}).status_code == 200
    assert alice.patch(path, {"tags": ["x"]}, headers={"If-Match": tag}).status_code == 412


def test_what_has_not_changed_is_304_in_the_same_minute_only(alice, time_machine):
    next_minute = timezone.now().replace(second=0) + timedelta(minutes=1)
    time_machine.move_to(next_minute, tick=False)
    path = f"/api/files/{make_file(alice.user).pk}"
    first = alice.get(path)
    tag = {"If-None-Match": first["ETag"]}

    assert alice.get(path, headers=tag).status_code == 304
    time_machine.shift(60)
    later = alice.get(path, headers=tag)

    assert later.status_code == 200
    assert later.json()["download_url"] != first.json()["download_url"]


@pytest.mark.usefixtures("any_store")
def test_deleting_takes_the_bytes_and_gives_the_storage_back(alice):
    kept, gone = make_file(alice.user, b"kept"), make_file(alice.user, b"gone")

    response = alice.delete(f"/api/files/{gone.pk}")

    assert (response.status_code, response.content) == (204, b"")
    assert list(File.objects.all()) == [kept]
    assert stored_names() == [kept.blob.name]
    assert StorageUsage.objects.get().used_bytes == 4
    assert alice.delete(f"/api/files/{gone.pk}").status_code == 404


def test_usage_tells_what_is_used_and_left(alice, bob, settings):
    entitle(settings, free={"storage_bytes": 100})
    make_files(alice.user, 2)
    make_file(bob.user)

    assert alice.get("/api/files/usage").json() == {
        "used_bytes": 12,
        "limit_bytes": 100,
        "free_bytes": 88,
        "file_count": 2,
        "tier": "free",
    }


def test_usage_of_somebody_without_files_is_nothing(alice, settings):
    usage = alice.get("/api/files/usage").json()

    assert (usage["used_bytes"], usage["file_count"]) == (0, 0)
    assert usage["free_bytes"] == usage["limit_bytes"] == settings.TIERS["free"].storage_bytes


def test_a_trailing_slash_leads_nowhere(alice):
    file = make_file(alice.user)

    assert alice.get("/api/files/").status_code == 404
    assert alice.get(f"/api/files/{file.pk}/download/").status_code == 404
