# ruff: noqa: S603
import shutil
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager

import av
import psutil
import pytest

from alice.common.errors import Unavailable
from alice.common.sandbox import Limits
from media.encoding import pictures, probing
from media.encoding.probing import MediaRefused, NotMedia, probe
from media.tests import clips, samples
from media.tests.samples import PLAYLISTS, PREFIXES

MIB = 1024 * 1024
ISO_MEDIA = "mov,mp4,m4a,3gp,3g2,mj2"
FILMS = [
    ("film.mp4", "video/mp4", ".mp4", ISO_MEDIA, "h264", "aac"),
    ("film.m4v", "video/mp4", ".mp4", ISO_MEDIA, "h264", "aac"),
    ("film.mov", "video/quicktime", ".mov", ISO_MEDIA, "h264", "aac"),
    ("film.mkv", "video/x-matroska", ".mkv", "matroska,webm", "h264", "vorbis"),
    ("film.webm", "video/webm", ".webm", "matroska,webm", "vp8", "vorbis"),
    ("film.ogv", "video/ogg", ".ogv", "ogg", "theora", "vorbis"),
    ("film.avi", "video/x-msvideo", ".avi", "avi", "mpeg4", "mp3"),
    ("film.ts", "video/mp2t", ".ts", "mpegts", "mpeg2video", "mp2"),
    ("film.m2ts", "video/mp2t", ".ts", "mpegts", "h264", "ac3"),
    ("film.mpg", "video/mpeg", ".mpg", "mpeg", "mpeg2video", "mp2"),
    ("film.3gp", "video/3gpp", ".3gp", ISO_MEDIA, "h264", "aac"),
    ("film.3g2", "video/3gpp2", ".3g2", ISO_MEDIA, "h264", "aac"),
    ("film.flv", "video/x-flv", ".flv", "flv", "flv1", "mp3"),
    ("live.webm", "video/webm", ".webm", "matroska,webm", "vp8", "opus"),
    ("fragmented.mp4", "video/mp4", ".mp4", ISO_MEDIA, "h264", "aac"),
    ("silent.mp4", "video/mp4", ".mp4", ISO_MEDIA, "h264", ""),
]
SOUNDS = [
    ("tone.mp3", "audio/mpeg", ".mp3", "mp3", "mp3"),
    ("bare.mp3", "audio/mpeg", ".mp3", "mp3", "mp3"),
    ("tone.m4a", "audio/mp4", ".m4a", ISO_MEDIA, "aac"),
    ("tone.mp4", "audio/mp4", ".m4a", ISO_MEDIA, "aac"),
    ("tone.mov", "audio/mp4", ".m4a", ISO_MEDIA, "aac"),
    ("tone.wav", "audio/wav", ".wav", "wav", "pcm_s16le"),
    ("tone.flac", "audio/flac", ".flac", "flac", "flac"),
    ("tone.ogg", "audio/ogg", ".ogg", "ogg", "vorbis"),
    ("tone.opus", "audio/ogg", ".ogg", "ogg", "opus"),
    ("tone.aac", "audio/aac", ".aac", "aac", "aac"),
    ("tone.aiff", "audio/aiff", ".aiff", "aiff", "pcm_s16be"),
    ("tone.mka", "audio/x-matroska", ".mka", "matroska,webm", "vorbis"),
    ("tone.webm", "audio/webm", ".webm", "matroska,webm", "opus"),
]
PICTURES = [
    ("jpg", "JPEG", "image/jpeg", ".jpg"),
    ("png", "PNG", "image/png", ".png"),
    ("gif", "GIF", "image/gif", ".gif"),
    ("webp", "WEBP", "image/webp", ".webp"),
    ("avif", "AVIF", "image/avif", ".avif"),
    ("bmp", "BMP", "image/bmp", ".bmp"),
    ("tiff", "TIFF", "image/tiff", ".tif"),
]


@contextmanager
def canary():
    """A listener on loopback; what comes out counts who knocked."""
    knocks = []

    def listen():
        while True:
            connection, _ = listener.accept()
            knocks.append(connection.recv(100))
            connection.close()
            if knocks[-1] == b"end":
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=listen)
        thread.start()
        yield listener.getsockname()[1], knocks
        with socket.create_connection(listener.getsockname()) as last:
            last.sendall(b"end")
        thread.join()


def playlist(path, kind, port, prefix=b""):
    text = PLAYLISTS[kind].format(url=f"http://127.0.0.1:{port}/a.ts", port=port)
    path.write_bytes(prefix + text.encode())
    return path


@pytest.mark.parametrize(("name", "mime_type", "extension", "container", "video", "audio"), FILMS)
def test_a_film_is_known_by_its_bytes(  # noqa: PLR0913, PLR0917
    sample, tmp_path, name, mime_type, extension, container, video, audio
):
    path = shutil.copy(sample(name), tmp_path / "misleading.txt")

    found = probe(path)

    assert (found.media_type, found.mime_type, found.extension) == ("video", mime_type, extension)
    assert (found.container, found.video_codec, found.audio_codec) == (container, video, audio)
    assert (found.width, found.height) == (64, 48)
    assert found.duration == pytest.approx(2, abs=0.11)
    assert found.frame_rate == pytest.approx(25 if video == "mpeg2video" else 10, abs=0.2)
    assert not found.has_cover


@pytest.mark.parametrize(("name", "mime_type", "extension", "container", "codec"), SOUNDS)
def test_a_sound_is_known_by_its_bytes(sample, name, mime_type, extension, container, codec):
    found = probe(sample(name))

    assert (found.media_type, found.mime_type, found.extension) == ("audio", mime_type, extension)
    assert (found.container, found.audio_codec) == (container, codec)
    assert found.duration == pytest.approx(2, abs=0.06)
    assert found.video_codec == ""
    assert (found.width, found.height, found.frame_rate) == (None, None, None)


@pytest.mark.parametrize(("suffix", "container", "mime_type", "extension"), PICTURES)
def test_a_picture_is_known_by_its_bytes(tmp_path, suffix, container, mime_type, extension):
    path = samples.picture(tmp_path / f"picture.{suffix}")

    found = probe(path.rename(tmp_path / "misleading.mp4"))

    assert (found.media_type, found.mime_type, found.extension) == ("image", mime_type, extension)
    assert (found.container, found.width, found.height) == (container, 60, 40)
    assert (found.duration, found.frame_rate) == (None, None)
    assert (found.video_codec, found.audio_codec) == ("", "")


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_an_animated_picture_is_a_picture(tmp_path, suffix):
    found = probe(samples.animation(tmp_path / f"moving.{suffix}"))

    assert (found.media_type, found.width, found.height) == ("image", 60, 40)
    assert found.duration is None


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_film_has_the_size_it_is_shown_at(sample, tmp_path, degrees):
    found = probe(samples.turned(sample("film.mp4"), tmp_path / "turned.mp4", degrees))

    assert (found.width, found.height) == ((64, 48) if degrees == 180 else (48, 64))


def test_a_film_of_oblong_pixels_has_the_size_it_is_shown_at(sample):
    found = probe(sample("wide.mp4"))

    assert (found.width, found.height) == (128, 48)


@pytest.mark.parametrize(("suffix", "orientation"), samples.ORIENTATIONS)
def test_a_turned_picture_has_the_size_it_is_shown_at(tmp_path, suffix, orientation):
    path = samples.with_orientation(tmp_path / f"turned.{suffix}", orientation)

    found = probe(path)

    assert (found.width, found.height) == ((60, 40) if orientation < 5 else (40, 60))


def test_damaged_exif_makes_no_damaged_picture(tmp_path):
    path = samples.picture(tmp_path / "picture.jpg", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")

    assert probe(path).width == 60


@pytest.mark.parametrize("name", ["tone.mp3", "tone.m4a", "tone.flac"])
def test_a_sound_with_a_cover_is_a_sound(sample, tmp_path, name):
    path = samples.with_cover(sample(name), sample("cover.png"), tmp_path / name)

    found = probe(path)

    assert (found.media_type, found.has_cover) == ("audio", True)
    assert (found.width, found.height, found.video_codec) == (None, None, "")
    assert found.duration == pytest.approx(2, abs=0.06)


def test_a_tag_before_another_kind_of_sound_is_skipped(sample, tmp_path):
    path = tmp_path / "tagged"
    path.write_bytes(PREFIXES["a tag"] + sample("tone.flac").read_bytes())

    assert probe(path).mime_type == "audio/flac"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("many.mkv", "33 streams; 32 are"),
        ("crowd.mp4", "300 streams; 32 are"),
        ("long.mp4", "longer than 24 hours"),
        ("tall.mkv", "16400 pixels long; 16384 are"),
        ("vast.mkv", "67,174,400 pixels; 67,108,864 are"),
        ("hectic.mkv", "more than 1000 frames a second"),
    ],
)
def test_what_is_past_a_cap_is_refused_in_words(sample, name, words):
    with pytest.raises(MediaRefused, match=words) as refusal:
        probe(sample(name))

    assert (refusal.value.code, refusal.value.status) == ("media_too_complex", 400)


@pytest.mark.parametrize(
    ("side", "words"),
    [
        (9000, "81,000,000 pixels; 50,000,000 are"),
        (13000, "169,000,000 pixels"),
        (20000, "20000 pixels long; 16384 are"),
        (60000, "60000 pixels long"),
    ],
)
def test_a_bomb_is_refused_by_its_header_and_costs_us_no_memory(tmp_path, side, words):
    path = samples.png_bomb(tmp_path / "bomb.png", side)
    before = psutil.Process().memory_info().rss

    with pytest.raises(MediaRefused, match=words):
        probe(path)

    assert psutil.Process().memory_info().rss - before < 100 * MIB


def test_the_cap_of_pixels_is_a_setting(tmp_path, settings):
    path = samples.picture(tmp_path / "picture.png")
    settings.IMAGE_PIXELS_MAX = 60 * 40
    assert probe(path).width == 60

    settings.IMAGE_PIXELS_MAX = 60 * 40 - 1

    with pytest.raises(MediaRefused):
        probe(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0",
        b"hello " * 99,
        b"<!doctype html><title>x</title>",
        b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
        b"\x7fELF\x02\x01\x01" + bytes(99),
        b"MZ" + bytes(99),
        b"PK\x03\x04" + bytes(99),
        b"<?php system($_GET[0]);",
        b"\xff\xfeh\0e\0l\0l\0o\0",
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99),
        b"ID3" + b"\x7f" * 99,
        b"RIFF\xff\0\0\0ACON" + bytes(99),
    ],
)
def test_what_is_no_media_is_refused(tmp_path, content):
    path = tmp_path / "fake.mp4"
    path.write_bytes(content)

    with pytest.raises(NotMedia) as refusal:
        probe(path)

    assert (refusal.value.code, refusal.value.status) == ("not_media", 400)


@pytest.mark.parametrize("prefix", PREFIXES.values(), ids=PREFIXES)
def test_a_first_few_bytes_alone_make_no_media(tmp_path, prefix):
    path = tmp_path / "fake"
    path.write_bytes(prefix + bytes(9000))

    with pytest.raises((NotMedia, MediaRefused)):
        probe(path)


def test_a_film_without_its_index_is_refused(sample, tmp_path):
    content = sample("film.mp4").read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(content[: content.index(b"moov")])

    with pytest.raises(NotMedia, match="damaged, incomplete or not what"):
        probe(path)


def test_a_sound_in_a_kind_for_films_only_is_refused(tmp_path):
    path = clips.audio(tmp_path / "tone.avi")

    with pytest.raises(NotMedia, match="only taken with moving pictures"):
        probe(path)


@pytest.mark.parametrize("kind", PLAYLISTS)
def test_a_playlist_is_refused_and_reaches_nobody(tmp_path, kind):
    with canary() as (port, knocks):
        path = playlist(tmp_path / "film.mp4", kind, port)

        with pytest.raises(NotMedia):
            probe(path)

    assert knocks == [b"end"]


@pytest.mark.parametrize("prefix", PREFIXES.values(), ids=PREFIXES)
def test_a_playlist_behind_the_first_bytes_of_media_reaches_nobody(tmp_path, prefix):
    with canary() as (port, knocks):
        path = playlist(tmp_path / "film.mp4", "hls", port, prefix)

        with pytest.raises((NotMedia, MediaRefused)):
            probe(path)

    assert knocks == [b"end"]


@pytest.mark.parametrize("kind", PLAYLISTS)
@pytest.mark.parametrize("container", ["mp3", ISO_MEDIA, "mpegts"])
def test_the_reader_alone_follows_no_playlist_either(tmp_path, kind, container):
    with canary() as (port, knocks):
        path = playlist(tmp_path / "film.mp4", kind, port)

        told = subprocess.check_output(
            [sys.executable, "-I", probing.CHILD, path, container, "1000000"]
        )

    assert (told, knocks) == (b"{}", [b"end"])


def test_a_film_that_refers_to_another_file_does_not_get_it(sample, tmp_path):
    other = sample("film.mov")
    path = samples.referring(other, tmp_path / "hollow.mov", other)
    open_to_all = {"enable_drefs": "1", "use_absolute_path": "1"}
    with av.open(str(path), container_options=open_to_all) as container:
        assert len(list(container.decode(video=0))) == 20

    with pytest.raises(NotMedia, match="Nothing in this file can be played"):
        probe(path)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"wall_seconds": 0.01}, MediaRefused),
        ({"memory_bytes": 40 * MIB}, MediaRefused),
    ],
)
def test_a_file_that_takes_too_much_is_refused(sample, monkeypatch, changes, error):
    bounds = {"cpu_seconds": 10, "wall_seconds": 15, "memory_bytes": 512 * MIB, "file_bytes": 0}
    monkeypatch.setattr(probing, "LIMITS", Limits(**bounds | changes))

    with pytest.raises(error):
        probe(sample("film.mp4"))


@pytest.mark.parametrize(("number", "error"), [(11, MediaRefused), (9, Unavailable)])
def test_a_reader_that_crashes_refuses_the_file_and_one_that_was_killed_is_tried_again(
    sample, tmp_path, monkeypatch, number, error
):
    reader = tmp_path / "reader.py"
    reader.write_text(f"import os\nos.kill(os.getpid(), {number})\n")
    monkeypatch.setattr(probing, "CHILD", reader)
    monkeypatch.setattr(pictures, "CHILD", reader)

    for path in (sample("film.mp4"), samples.picture(tmp_path / "picture.png")):
        with pytest.raises(error):
            probe(path)


def test_a_reader_that_cannot_start_is_our_fault(sample, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/missing/python")

    with pytest.raises(Unavailable):
        probe(sample("film.mp4"))


def test_a_link_to_a_film_is_followed(sample, tmp_path):
    path = tmp_path / "link"
    path.symlink_to(sample("film.mp4"))

    assert probe(path).media_type == "video"
