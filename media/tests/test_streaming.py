"""Playing media: by token, by link, in parts, and HLS by the names in its playlists."""

import re
import time
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from media.services.jobs import POSTER, TRANSCODE
from media.tests.factories import SAMPLES, make_media, run_all

pytestmark = pytest.mark.django_db

CLIP = SAMPLES / "clip.mp4"


def path_of(url):
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def fetched(client, url, **headers):
    """The answer and its bytes, from wherever a redirect leads."""
    answer = client.get(path_of(url), **headers)
    location = answer.headers.get("Location", "")
    if location.startswith("http"):
        names = {"HTTP_RANGE": "Range"}
        answer = httpx.get(location, headers={names[name]: v for name, v in headers.items()})
        return answer, answer.content
    return answer, b"".join(answer) if answer.streaming else answer.content


def test_a_stream_gives_the_very_bytes(alice, any_store):
    media = make_media(alice.user, CLIP)

    answer, content = fetched(alice, f"/api/media/{media.pk}/stream")

    assert answer.status_code == 200
    assert content == CLIP.read_bytes()
    assert answer.headers["Content-Type"] == "video/mp4"


def test_a_link_plays_in_parts_without_a_header(alice, anonymous, any_store):
    media = make_media(alice.user, CLIP)
    link = alice.get(f"/api/media/{media.pk}").json()["stream_url"]

    answer, content = fetched(anonymous, link, HTTP_RANGE="bytes=100-199")

    assert answer.status_code == 206
    assert content == CLIP.read_bytes()[100:200]
    assert answer.headers["Content-Range"] == f"bytes 100-199/{CLIP.stat().st_size}"


def test_a_link_ends_after_a_quarter_of_an_hour(alice, anonymous, time_machine):
    media = make_media(alice.user, CLIP)
    made_at = (time.time() // 60 + 1) * 60 + 30
    time_machine.move_to(made_at, tick=False)
    link = alice.get(f"/api/media/{media.pk}").json()["stream_url"]

    time_machine.move_to(made_at + 14 * 60, tick=False)
    in_time, _ = fetched(anonymous, link)
    time_machine.move_to(made_at + 15 * 60 + 1, tick=False)
    late, _ = fetched(anonymous, link)

    assert (in_time.status_code, late.status_code) == (200, 403)


def test_a_link_opens_nothing_else(alice, anonymous):
    one, other = make_media(alice.user, CLIP), make_media(alice.user, CLIP)
    run_all(POSTER)
    link = path_of(alice.get(f"/api/media/{one.pk}").json()["stream_url"])

    elsewhere = [
        link.replace(f"/{one.pk}/", f"/{other.pk}/"),
        link.replace("/stream", "/poster"),
        link[:-4] + "AAAA",
    ]

    assert [anonymous.get(path).status_code for path in elsewhere] == [403, 403, 403]


def test_a_poster_shows_in_a_page_without_a_header(alice, anonymous, any_store):
    media = make_media(alice.user, CLIP)
    run_all(POSTER)
    link = alice.get(f"/api/media/{media.pk}").json()["poster_url"]

    answer, content = fetched(anonymous, link)

    assert answer.headers["Content-Type"] == "image/jpeg"
    assert content.startswith(b"\xff\xd8")


def test_a_browser_saves_it_under_its_name_when_asked(alice):
    media = make_media(alice.user, CLIP, "Straße.mp4")
    link = path_of(alice.get(f"/api/media/{media.pk}").json()["stream_url"])

    shown, _ = fetched(alice, link)
    saved, _ = fetched(alice, f"{link}&download=true")

    assert shown.headers["Content-Disposition"].startswith("inline")
    assert saved.headers["Content-Disposition"] == ("attachment; filename*=utf-8''Stra%C3%9Fe.mp4")


@pytest.fixture
def hls(alice, any_store):
    source = make_media(alice.user, CLIP)
    wish = {"output_format": "hls", "quality": "low"}
    alice.post(f"/api/media/{source.pk}/transcode", wish)
    (job,) = run_all(TRANSCODE)
    return alice.get(f"/api/media/{job.result['media_id']}").json()


def names_in(playlist):
    text = playlist.decode()
    return set(re.findall(r'^[^#\s].*$|(?<=URI=")[^"]+', text, re.MULTILINE))


def test_a_player_finds_all_of_hls_from_one_link(anonymous, hls):
    redirect = anonymous.get(path_of(hls["stream_url"]))
    master_url = redirect.headers["Location"]

    master, text = fetched(anonymous, master_url)
    (rung_name,) = names_in(text)
    rung, rung_text = fetched(anonymous, urljoin(master_url, rung_name))
    (segments_name,) = names_in(rung_text)
    segments, content = fetched(anonymous, urljoin(master_url, segments_name))

    assert redirect.status_code == 302
    assert master.headers["Content-Type"] == rung.headers["Content-Type"]
    assert master.headers["Content-Type"] == "application/vnd.apple.mpegurl"
    assert segments.headers["Content-Type"] == "video/mp4"
    assert hls["file_size"] == len(text) + len(rung_text) + len(content)


def test_a_segment_is_fetched_by_range(anonymous, hls):
    master_url = anonymous.get(path_of(hls["stream_url"])).headers["Location"]

    answer, content = fetched(anonymous, urljoin(master_url, "v180.mp4"), HTTP_RANGE="bytes=4-7")

    assert (answer.status_code, content) == (206, b"ftyp")


def test_the_parts_of_hls_need_their_grant(anonymous, hls):
    master_url = anonymous.get(path_of(hls["stream_url"])).headers["Location"]
    grant = master_url.split("/")[-2]

    for path in (
        master_url.replace(grant, grant[:-3] + "AAA"),
        master_url.replace(grant, "1." + grant.split(".")[1]),
        master_url.replace(f"/media/{hls['id']}/", "/media/1/"),
    ):
        assert anonymous.get(path).status_code == 403
    assert anonymous.get(urljoin(master_url, "v9.mp4")).status_code == 404


def test_hls_plays_for_as_long_as_it_lasts(anonymous, hls, time_machine):
    master_url = anonymous.get(path_of(hls["stream_url"])).headers["Location"]
    expires = int(master_url.split("/")[-2].split(".")[0])

    time_machine.move_to(expires - 1, tick=False)
    in_time, _ = fetched(anonymous, master_url)
    time_machine.move_to(expires + 1, tick=False)
    late, _ = fetched(anonymous, master_url)

    assert (in_time.status_code, late.status_code) == (200, 403)
