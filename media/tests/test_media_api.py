"""Media by the API: taken in, looked at, renamed, deleted, and nobody else's business."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from alice.common.tests.kit import entitle
from files.models import Blob, StorageUsage
from files.storage.stores import store
from media.models import Media
from media.services.jobs import POSTER, TRANSCODE
from media.tests import clips
from media.tests.factories import SAMPLES, make_media, run_all, run_job, sent
from system.models import Job, JobStatus

pytestmark = pytest.mark.django_db

UPLOAD = "/api/media/upload"
CLIP = SAMPLES / "clip.mp4"
PICTURE = SAMPLES / "picture.png"


@pytest.fixture
def picture(alice):
    return make_media(alice.user, PICTURE, "picture.png")


@pytest.fixture
def clip(alice):
    return make_media(alice.user, CLIP)


def upload(client, path, **fields):
    return client.post(UPLOAD, {"file": sent(path), **fields}, format="multipart")


def nothing_is_kept():
    return not Media.objects.exists() and not Blob.objects.exists() and not [*store().entries()]


def test_an_uploaded_video_tells_what_is_in_it(alice):
    answer = upload(alice, CLIP, description="A clip.", tags="one, two")

    media = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/api/media/{media['id']}"
    assert media["original_filename"] == "clip.mp4"
    assert media["file_size"] == CLIP.stat().st_size
    assert (media["mime_type"], media["media_type"]) == ("video/mp4", "video")
    assert (media["width"], media["height"], media["duration"]) == (320, 180, 4)
    assert (media["video_codec"], media["audio_codec"]) == ("h264", "aac")
    assert (media["description"], media["tags"]) == ("A clip.", ["one", "two"])
    assert media["transcoded"] is False
    assert media["poster_url"] is None


@pytest.mark.parametrize(
    ("name", "kind"), [("tone.wav", "audio"), ("picture.png", "image"), ("picture.jpg", "image")]
)
def test_sounds_and_pictures_are_media_too(alice, name, kind):
    answer = upload(alice, SAMPLES / name)

    assert answer.status_code == 201
    assert answer.json()["media_type"] == kind


@pytest.mark.parametrize(
    "content",
    [
        b"hello " * 99,
        b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:10,\nhttp://127.0.0.1:9/x.ts\n",
        b"ffconcat version 1.0\nfile '/etc/passwd'\n",
        b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\nm=video 5004 RTP/AVP 96\r\n",
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        b"",
    ],
    ids=["text", "playlist", "ffconcat", "sdp", "svg", "empty"],
)
def test_what_is_no_media_is_refused_and_leaves_nothing(alice, content):
    file = SimpleUploadedFile("fake.mp4", content, "video/mp4")

    answer = alice.post(UPLOAD, {"file": file}, format="multipart")

    assert answer.status_code == 400
    assert answer.json()["detail"]
    assert nothing_is_kept()
    assert not StorageUsage.objects.filter(used_bytes__gt=0).exists()


def test_a_form_without_a_file_is_refused(alice):
    other = SimpleUploadedFile("x.txt", b"x", "text/plain")

    answer = alice.post(UPLOAD, {"other": other}, format="multipart")

    assert answer.status_code == 400
    assert "file" in answer.json()["errors"]


def test_json_is_no_form(alice):
    answer = alice.post(UPLOAD, {"x": "y"})

    assert answer.status_code == 415
    assert answer.json()["detail"] == "Send the body as multipart/form-data."


def test_a_full_storage_refuses_and_leaves_nothing(alice, settings):
    entitle(settings, free={"storage_bytes": CLIP.stat().st_size - 1})

    answer = upload(alice, CLIP)

    assert answer.status_code == 403
    assert answer.json()["code"] == "storage_quota_reached"
    assert nothing_is_kept()
    assert not Job.objects.exists()


def test_an_upload_with_a_key_is_made_once(alice):
    key = {"HTTP_IDEMPOTENCY_KEY": "once"}
    first = alice.post(UPLOAD, {"file": sent(PICTURE)}, format="multipart", **key)

    again = alice.post(UPLOAD, {"file": sent(PICTURE)}, format="multipart", **key)

    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == first.json()
    assert Media.objects.count() == 1
    assert len([*store().entries()]) == 1


def test_the_list_is_filtered_by_what_media_are(alice, picture, clip):
    def ids(query):
        return [row["id"] for row in alice.get(f"/api/media?{query}").json()]

    assert ids("") == [clip.pk, picture.pk]
    assert ids("media_type=video") == [clip.pk]
    assert ids("name=PICT") == [picture.pk]
    assert ids("is_rendition=true") == []
    assert ids("ordering=file_size") == [picture.pk, clip.pk]
    assert alice.get("/api/media?media_type=smell").status_code == 400


@pytest.mark.parametrize("rows", [1, 20])
def test_listing_costs_one_query_however_many_rows(alice, django_assert_num_queries, rows):
    for _ in range(rows):
        make_media(alice.user, PICTURE)
    alice.get("/api/auth/me")  # the session is known from here on

    with django_assert_num_queries(1):
        answer = alice.get("/api/media")

    assert len(answer.json()) == rows


def test_a_rename_makes_a_new_version_and_keeps_the_bytes(alice, picture):
    answer = alice.patch(
        f"/api/media/{picture.pk}",
        {"original_filename": "../new\u202ename.png", "tags": ["a"], "media_type": "video"},
    )

    assert answer.json()["original_filename"] == "newname.png"
    assert (answer.json()["tags"], answer.json()["version"]) == (["a"], 2)
    assert answer.json()["media_type"] == "image"
    assert answer.json()["sha256"] == picture.blob.sha256


def test_an_old_etag_changes_nothing(alice, picture):
    etag = alice.get(f"/api/media/{picture.pk}").headers["ETag"]
    alice.patch(f"/api/media/{picture.pk}", {"description": "first"}, HTTP_IF_MATCH=etag)

    late = alice.patch(f"/api/media/{picture.pk}", {"description": "late"}, HTTP_IF_MATCH=etag)

    assert late.status_code == 412
    assert Media.objects.get().description == "first"


def test_a_reader_sees_the_poster_though_it_had_the_version_before(alice, picture):
    first = alice.get(f"/api/media/{picture.pk}")
    run_all(POSTER)

    later = alice.get(f"/api/media/{picture.pk}", HTTP_IF_NONE_MATCH=first.headers["ETag"])

    assert later.status_code == 200
    assert later.json()["poster_url"]


def test_what_has_not_changed_is_not_sent_again(alice, picture):
    first = alice.get(f"/api/media/{picture.pk}")

    again = alice.get(f"/api/media/{picture.pk}", HTTP_IF_NONE_MATCH=first.headers["ETag"])

    assert again.status_code == 304


def test_a_delete_takes_renditions_posters_and_their_bytes(alice, picture):
    alice.post(f"/api/media/{picture.pk}/transcode", {"output_format": "webp", "quality": "low"})
    run_all(TRANSCODE)
    run_all(POSTER)

    answer = alice.delete(f"/api/media/{picture.pk}")

    assert answer.status_code == 204
    assert nothing_is_kept()
    assert StorageUsage.objects.get().used_bytes == 0
    assert alice.get(f"/api/media/{picture.pk}").status_code == 404


def test_deleting_the_last_rendition_is_told_by_the_source(alice, picture):
    alice.post(f"/api/media/{picture.pk}/transcode", {"output_format": "webp", "quality": "low"})
    (job,) = run_all(TRANSCODE)
    assert alice.get(f"/api/media/{picture.pk}").json()["transcoded"] is True

    alice.delete(f"/api/media/{job.result['media_id']}")

    assert alice.get(f"/api/media/{picture.pk}").json()["transcoded"] is False
    assert [entry.name for entry in store().entries()] == [picture.blob.name]


def test_a_delete_cancels_the_transcodes_that_wait(alice, clip):
    path = f"/api/media/{clip.pk}/transcode"
    job_id = alice.post(path, {"output_format": "webm"}).json()["job_id"]

    alice.delete(f"/api/media/{clip.pk}")

    assert Job.objects.get(pk=job_id).status == JobStatus.CANCELLED


PATHS = [
    ("get", ""),
    ("put", ""),
    ("patch", ""),
    ("delete", ""),
    ("get", "/stream"),
    ("get", "/poster"),
    ("post", "/transcode"),
]


@pytest.mark.parametrize(("verb", "path"), PATHS)
def test_a_stranger_finds_nothing_and_changes_nothing(bob, picture, verb, path):
    run_all(POSTER)
    before = Media.objects.values().get()
    body = {"output_format": "webp", "quality": "low", "description": "mine"}

    answer = getattr(bob, verb)(f"/api/media/{picture.pk}{path}", body if verb != "get" else None)

    assert answer.status_code == 404
    assert Media.objects.values().get() == before
    assert not Job.objects.filter(kind=TRANSCODE).exists()
    assert bob.get("/api/media").json() == []


@pytest.mark.parametrize(("verb", "path"), [*PATHS, ("post", "upload")])
def test_nobody_gets_in_without_a_session(anonymous, picture, verb, path):
    address = UPLOAD if path == "upload" else f"/api/media/{picture.pk}{path}"

    answer = getattr(anonymous, verb)(address)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert Media.objects.count() == 1


def test_a_rotated_video_has_the_size_it_is_shown_in(alice, tmp_path):
    flat = clips.video(tmp_path / "flat.mp4")
    clips.ffmpeg("-display_rotation", 90, "-i", flat, "-c", "copy", tmp_path / "upright.mp4")

    media = upload(alice, tmp_path / "upright.mp4").json()

    assert (media["width"], media["height"]) == (180, 320)


def test_an_export_tells_of_the_media(alice, picture):
    job_id = alice.post("/api/auth/export").json()["job_id"]

    exported = run_job(job_id)

    assert exported.status == JobStatus.COMPLETED
    text = b"".join(
        alice.get(exported.result["download_url"].removeprefix("http://127.0.0.1:8000"))
    )
    assert b'"original_filename":"picture.png"' in text


def test_a_user_who_leaves_takes_the_bytes_along(alice, picture):
    run_all(POSTER)

    alice.delete("/api/auth/me")

    assert nothing_is_kept()
