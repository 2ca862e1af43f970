import pytest
from PIL import Image

from media.encoding.errors import EncodingFailed
from media.encoding.posters import make_poster
from media.encoding.probing import probe
from media.tests import clips

ODD = "format=yuv444p,scale=321:181,setsar=1"
PURPLE = (0x93, 0x33, 0xEA)


def poster_of(source, directory):
    output = directory / "out"
    output.mkdir()
    path = make_poster(source, probe(source), directory=output)
    assert [file.name for file in output.iterdir()] == ["poster.jpg"]
    picture = Image.open(path)
    assert picture.format == "JPEG"
    return picture.convert("RGB")


def brightness(picture):
    return picture.convert("L").resize((1, 1)).getpixel((0, 0))


def is_near(colour, other):
    return all(abs(one - two) < 24 for one, two in zip(colour, other, strict=True))


@pytest.mark.parametrize(
    ("options", "size", "shown"),
    [
        ([], "320x180", (320, 180)),
        ([], "180x320", (180, 320)),
        (
            ["-vf", "format=yuv444p,scale=321:181,setsar=1", "-pix_fmt", "yuv444p"],
            "320x180",
            (321, 181),
        ),
        (["-vf", "setsar=16/11"], "176x144", (256, 144)),
        ([], "1600x200", (1280, 160)),
        (["-frames:v", "1"], "320x180", (320, 180)),
    ],
)
def test_the_poster_of_a_video_is_a_frame_as_shown_and_not_enlarged(
    tmp_path, options, size, shown
):
    source = clips.video(tmp_path / "source.mkv", *options, size=size, has_audio=False)

    assert poster_of(source, tmp_path).size == shown


def test_the_poster_of_a_rotated_video_is_upright(tmp_path):
    clip = clips.video(tmp_path / "clip.mp4")
    source = tmp_path / "rotated.mp4"
    clips.ffmpeg("-display_rotation", "90", "-i", clip, "-c", "copy", source)

    assert poster_of(source, tmp_path).size == (180, 320)


def test_the_black_frames_at_the_beginning_are_not_the_poster(tmp_path):
    black = "drawbox=color=black:thickness=fill:enable='lt(t,0.2)'"
    source = clips.video(tmp_path / "source.mp4", "-vf", black, seconds=3)

    assert brightness(poster_of(source, tmp_path)) > 60


def test_where_the_wanted_frame_is_gone_the_first_is_shown(tmp_path):
    whole = clips.video(tmp_path / "whole.mp4", "-movflags", "+faststart", seconds=6)
    source = clips.cut(whole, tmp_path / "source.mp4", 0.08)

    assert poster_of(source, tmp_path).size == (320, 180)


def test_the_poster_of_a_sound_is_its_waveform_on_white(tmp_path):
    source = clips.audio(tmp_path / "tone.ogg")

    picture = poster_of(source, tmp_path)

    assert picture.size == (1280, 320)
    assert is_near(picture.getpixel((640, 160)), PURPLE)
    assert is_near(picture.getpixel((640, 2)), (255, 255, 255))


def test_a_cover_goes_before_the_waveform(tmp_path):
    cover = clips.image(tmp_path / "cover.png", "400x400")
    tone = clips.audio(tmp_path / "tone.flac")
    source = tmp_path / "song.flac"
    both = ["-i", tone, "-i", cover, "-map", "0", "-map", "1", "-c", "copy"]
    clips.ffmpeg(*both, "-disposition:v:0", "attached_pic", source)

    assert poster_of(source, tmp_path).size == (400, 400)


def test_the_poster_of_a_picture_is_the_picture_made_small(tmp_path):
    source = clips.image(tmp_path / "source.png", "2000x500")

    assert poster_of(source, tmp_path).size == (1280, 320)


def test_where_nothing_can_be_shown_there_is_a_sentence(tmp_path):
    good = clips.video(tmp_path / "good.mp4", "-movflags", "+faststart")
    poison = clips.spoilt(good, tmp_path / "poison.mp4", good.read_bytes().index(b"mdat") + 4)
    output = tmp_path / "out"
    output.mkdir()

    with pytest.raises(EncodingFailed, match="nothing in this file to make a poster of"):
        make_poster(poison, probe(good), directory=output)
