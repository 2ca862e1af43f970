import os
import signal
from itertools import pairwise

import av
import psutil
import pytest

from alice.common import sandbox
from media.encoding import ffmpeg
from media.encoding.errors import (
    EncoderMissing,
    EncodingFailed,
    EncodingTooLarge,
    EncodingTooLong,
    told_plainly,
)
from media.encoding.ffmpeg import encode
from media.encoding.probing import probe
from media.encoding.recipes import UnsuitableFormat, suitable_formats
from media.tests import clips
from media.tests.clips import encoded, order, read

CODECS = {
    "mp4": ("h264", "aac"),
    "webm": ("vp9", "opus"),
    "hls": ("h264", "aac"),
    "mp3": ("mp3float",),
    "ogg": ("vorbis",),
    "wav": ("pcm_s16le",),
    "webp": ("webp",),
    "jpg": ("mjpeg",),
    "png": ("png",),
}
ODD = "format=yuv444p,scale=321:181,setsar=1"
PLACE = "+48.8584+002.2945/"


class Cancelled(Exception):
    pass


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    """A second of 320x180 with sound."""
    return clips.video(tmp_path_factory.mktemp("clips") / "clip.mp4")


@pytest.fixture(scope="session")
def long_clip(tmp_path_factory):
    """A minute, which takes ffmpeg a few seconds."""
    path = tmp_path_factory.mktemp("clips") / "long.mp4"
    return clips.video(path, seconds=60, has_audio=False)


def tools_running():
    """The ffmpegs below this process, which may have other children."""
    return [child for child in psutil.Process().children(recursive=True) if is_ffmpeg(child)]


def is_ffmpeg(process):
    try:
        return any("ffmpeg" in word for word in process.cmdline())
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("output_format", suitable_formats("video", has_audio=True))
def test_a_video_becomes_every_format_that_suits_it(clip, tmp_path, output_format):
    made = encoded(clip, tmp_path, output_format)

    codecs, sizes, _ = read(made.main)
    assert codecs == CODECS[output_format]
    assert sizes == ({(320, 180)} if len(codecs) == 2 else set())
    assert made.probe.duration == pytest.approx(1, abs=0.15)
    assert (made.probe.width, made.probe.height) == ((320, 180) if sizes else (None, None))


@pytest.mark.parametrize("output_format", suitable_formats("audio", has_audio=True))
def test_a_sound_becomes_every_format_that_suits_it(tmp_path, output_format):
    source = clips.audio(tmp_path / "tone.flac", rate=96000)

    made = encoded(source, tmp_path, output_format)

    with av.open(str(made.main)) as container:
        (stream,) = container.streams
        assert stream.codec_context.name == CODECS[output_format][0]
        assert stream.codec_context.sample_rate == {"wav": 22050}.get(output_format, 48000)
    assert made.probe.duration == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("output_format", suitable_formats("image", has_audio=False))
def test_a_picture_becomes_every_format_that_suits_it(tmp_path, output_format):
    source = clips.image(tmp_path / "source.png", "1000x500")
    told = []

    made = encode(
        source, probe(source), order(output_format), directory=tmp_path, on_progress=told.append
    )

    codecs, sizes, _ = read(made.main)
    assert (codecs, sizes) == (CODECS[output_format], {(800, 400)})
    assert told == [0]


def test_a_sound_at_telephone_quality_is_not_blown_up(tmp_path):
    source = clips.audio(tmp_path / "tone.wav", "-ac", "1", rate=8000)

    made = encoded(source, tmp_path, "wav", "high")

    with av.open(str(made.main)) as container:
        context = container.streams.audio[0].codec_context
        assert (context.sample_rate, context.channels) == (8000, 1)


@pytest.mark.parametrize(
    ("output_format", "options", "size", "shown"),
    [
        ("mp4", [], "180x320", (180, 320)),
        ("hls", [], "180x320", (180, 320)),
        (
            "mp4",
            ["-vf", ODD, "-pix_fmt", "yuv444p"],
            "320x180",
            (320, 180),
        ),
        (
            "webm",
            ["-vf", ODD, "-pix_fmt", "yuv444p"],
            "320x180",
            (320, 180),
        ),
        ("mp4", ["-vf", "setsar=16/11"], "176x144", (256, 144)),
        ("mp4", ["-vf", "scale=1:1", "-pix_fmt", "yuv444p"], "64x64", (2, 2)),
    ],
)
def test_odd_shapes_keep_their_look(tmp_path, output_format, options, size, shown):
    source = clips.video(tmp_path / "source.mkv", *options, size=size, seconds=0.4)

    made = encoded(source, tmp_path, output_format, "high")

    codecs, sizes, _ = read(made.main)
    assert codecs == CODECS[output_format]
    assert sizes == {shown}


@pytest.mark.parametrize("output_format", ["webm", "hls"])
def test_a_video_without_sound_stays_without(tmp_path, output_format):
    source = clips.video(tmp_path / "source.mp4", seconds=0.4, has_audio=False)

    made = encoded(source, tmp_path, output_format)

    assert read(made.main)[0] == CODECS[output_format][:1]
    assert made.probe.audio_codec == ""


@pytest.mark.parametrize("output_format", ["mp4", "hls"])
def test_a_rotated_video_comes_out_upright(clip, tmp_path, output_format):
    source = tmp_path / "rotated.mp4"
    clips.ffmpeg("-display_rotation", "90", "-i", clip, "-c", "copy", source)

    made = encoded(source, tmp_path, output_format)

    with av.open(str(made.main)) as container:
        frame = next(container.decode(video=0))
    assert (frame.width, frame.height, frame.rotation) == (180, 320, 0)


def test_surround_sound_is_mixed_down_to_stereo(tmp_path):
    source = clips.video(tmp_path / "source.mkv", "-ac", "6", "-c:a", "aac", seconds=0.4)

    made = encoded(source, tmp_path, "mp4")

    with av.open(str(made.main)) as container:
        assert container.streams.audio[0].codec_context.layout.name == "stereo"


@pytest.mark.parametrize("output_format", ["mp4", "hls"])
def test_a_video_of_one_frame_comes_out_whole(tmp_path, output_format):
    source = clips.video(tmp_path / "source.mp4", "-frames:v", "1", has_audio=False)

    made = encoded(source, tmp_path, output_format)

    _, sizes, times = read(made.main)
    assert sizes == {(320, 180)}
    assert len(times) == (25 if output_format == "hls" else 1)  # a playlist lasts a second


@pytest.mark.parametrize(("quality", "rate"), [("low", 30), ("medium", 60)])
def test_frames_come_no_faster_than_the_quality_has_them(tmp_path, quality, rate):
    source = clips.video(tmp_path / "source.mp4", size="64x36", rate=120, has_audio=False)

    made = encoded(source, tmp_path, "mp4", quality)

    _, _, times = read(made.main)
    gaps = {round(later - earlier, 6) for earlier, later in pairwise(times)}
    assert made.probe.frame_rate == rate
    assert gaps == {round(1 / rate, 6)}


def test_where_it_was_filmed_does_not_go_along(tmp_path):
    source = clips.video(
        tmp_path / "source.mov", "-metadata", f"location={PLACE}", "-metadata", "title=Secret"
    )
    assert PLACE.encode() in source.read_bytes()

    made = encoded(source, tmp_path, "mp4")

    files = [made.main, *(part for part, _ in made.parts)]
    content = b"".join(file.read_bytes() for file in files)
    assert PLACE.encode() not in content
    assert b"Secret" not in content


def test_progress_is_told_from_nothing_to_nearly_all(long_clip, tmp_path):
    told = []

    encode(long_clip, probe(long_clip), order("mp4"), directory=tmp_path, on_progress=told.append)

    assert told[0] == 0
    assert told[-1] == 99
    assert told == sorted(told)


def test_whatever_progress_raises_ends_ffmpeg_at_once(long_clip, tmp_path):
    seen = []

    def cancel(per_cent):
        seen.extend(tools_running())
        if seen:
            raise Cancelled

    with pytest.raises(Cancelled):
        encode(long_clip, probe(long_clip), order("webm"), directory=tmp_path, on_progress=cancel)

    assert len(seen) == 1
    assert tools_running() == []


def test_a_kill_from_outside_is_no_fault_of_the_file(long_clip, tmp_path):
    def kill(per_cent):
        for tool in tools_running():
            os.kill(tool.pid, signal.SIGKILL)

    with pytest.raises(sandbox.ToolKilled):
        encode(long_clip, probe(long_clip), order("webm"), directory=tmp_path, on_progress=kill)

    assert tools_running() == []


def test_the_time_it_may_take_is_kept(long_clip, tmp_path):
    wanted = order("webm", seconds_max=0.5)

    with pytest.raises(EncodingTooLong, match=r"it may take 0\.5 seconds"):
        encode(long_clip, probe(long_clip), wanted, directory=tmp_path, on_progress=lambda _: None)

    assert tools_running() == []


@pytest.mark.parametrize("output_format", ["mp4", "wav"])
def test_the_size_it_may_have_is_kept(clip, tmp_path, output_format):
    wanted = order(output_format, bytes_max=20_000)

    with pytest.raises(EncodingTooLarge, match=r"may have 0\.01907 MiB"):
        encode(clip, probe(clip), wanted, directory=tmp_path, on_progress=lambda _: None)

    assert all(file.stat().st_size <= 20_000 for file in tmp_path.iterdir())


def test_what_does_not_suit_starts_nothing(clip, tmp_path):
    def never(per_cent):
        pytest.fail("it began")

    with pytest.raises(UnsuitableFormat):
        encode(clip, probe(clip), order("png"), directory=tmp_path, on_progress=never)

    assert list(tmp_path.iterdir()) == []


def test_of_a_file_that_was_cut_off_what_is_left_is_made(tmp_path):
    whole = clips.video(tmp_path / "whole.mp4", "-movflags", "+faststart", seconds=4)
    half = clips.cut(whole, tmp_path / "half.mp4", 0.5)

    made = encoded(half, tmp_path, "mp4")

    assert 1 < made.probe.duration < 3


def test_a_file_whose_index_is_gone_fails_in_plain_words(clip, tmp_path):
    half = clips.cut(clip, tmp_path / "half.mp4", 0.5)
    output = tmp_path / "out"
    output.mkdir()

    with pytest.raises(EncodingFailed) as failure:
        encode(half, probe(clip), order("mp4"), directory=output, on_progress=lambda _: None)

    sentence = "The file cannot be decoded: its index is missing, it was probably cut off."
    assert str(failure.value) == sentence


@pytest.mark.parametrize("output_format", ["mp4", "hls", "wav"])
def test_noise_behind_a_good_header_fails_in_plain_words(tmp_path, output_format):
    options = ["-movflags", "+faststart"]
    good = clips.video(tmp_path / "good.mp4", *options)
    poison = clips.spoilt(good, tmp_path / "poison.mp4", good.read_bytes().index(b"mdat") + 4)
    output = tmp_path / "out"
    output.mkdir()

    with pytest.raises(EncodingFailed, match=r"^The file cannot be [a-z ]+: [a-z ]+\.$"):
        encode(
            poison, probe(good), order(output_format), directory=output, on_progress=lambda _: None
        )


def test_a_playlist_dressed_as_a_video_opens_nothing(clip, tmp_path):
    playlist = tmp_path / "playlist.mp4"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{clip}\n#EXT-X-ENDLIST\n")
    output = tmp_path / "out"
    output.mkdir()

    with pytest.raises(EncodingFailed):
        encode(playlist, probe(clip), order("mp4"), directory=output, on_progress=lambda _: None)


def test_a_full_disk_is_worth_another_try():
    with (
        pytest.raises(OSError, match="No space left on device"),
        told_plainly(seconds_max=1, bytes_max=1),
    ):
        raise sandbox.ToolFailed(228, "Error writing trailer: No space left on device")


def test_a_missing_ffmpeg_is_named(monkeypatch):
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/nowhere/ffmpeg")
    ffmpeg.executable.cache_clear()

    with pytest.raises(EncoderMissing, match="install imageio-ffmpeg"):
        ffmpeg.executable()
