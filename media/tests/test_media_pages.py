"""What a browser does with the links: a film that seeks, a poster that shows."""

import pytest

from accounts.tests.factories import make_user
from media.services.jobs import POSTER
from media.tests import clips
from media.tests.factories import make_media, run_all

PLAYER = """
<video src="{stream}" poster="{poster}" preload="metadata" controls muted width="640"></video>
<img src="{poster}" width="320">
"""
SEEK = """
async (seconds) => {
  const video = document.querySelector("video");
  const happens = (name) =>
    new Promise((done) => video.addEventListener(name, done, {once: true}));
  if (video.readyState < 1) await happens("loadedmetadata");
  const sought = happens("seeked");
  video.currentTime = seconds;
  await sought;
  return [video.currentTime, video.duration, video.videoWidth, video.error];
}
"""


@pytest.fixture
def film(browser_page, tmp_path):
    """Larger than what a browser fetches ahead."""
    path = clips.video(
        tmp_path / "film.mp4", "-b:v", "4M", "-minrate", "4M", "-maxrate", "4M", "-bufsize", "1M",
        "-x264-params", "nal-hrd=cbr", "-movflags", "+faststart",
        size="640x360", seconds=40,
    )  # fmt: skip
    media = make_media(make_user("alice"), path)
    run_all(POSTER)
    media.refresh_from_db()
    return media


def test_a_film_seeks_through_its_link_in_a_page_of_another_origin(browser_page, film, shoot):
    from alice.common.serializing import shown  # noqa: PLC0415
    from media.serializers import MediaSerializer  # noqa: PLC0415

    links = shown(MediaSerializer, film)
    parts = []
    browser_page.on(
        "response",
        lambda answer: parts.append((answer.status, answer.headers.get("content-range", ""))),
    )

    browser_page.set_content(PLAYER.format(stream=links["stream_url"], poster=links["poster_url"]))
    position, duration, width, error = browser_page.evaluate(SEEK, 37)
    shoot("player")

    starts = [int(told.split()[1].split("-")[0]) for status, told in parts if status == 206]
    assert (position, round(duration), width, error) == (37, 40, 640, None)
    assert max(starts) > film.size_bytes // 2
    assert browser_page.evaluate("document.querySelector('img').naturalWidth") == 640
