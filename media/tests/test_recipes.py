import re

import pytest

from media.encoding import recipes
from media.encoding.probing import Probe
from media.encoding.recipes import (
    UnsuitableFormat,
    main_name,
    output_arguments,
    part_names,
    rungs,
    shown_size,
    suitable_formats,
)
from media.models import PART_NAME_PATTERN, OutputFormat, Quality


def facts(width=1920, height=1080, *, media_type="video", audio_codec="aac", duration=10.0):
    return Probe(
        media_type=media_type,
        mime_type="",
        extension="",
        container="mov",
        duration=duration,
        width=width,
        height=height,
        video_codec="h264",
        audio_codec=audio_codec,
        frame_rate=25.0,
    )


def test_the_tables_know_what_the_api_offers():
    assert set(recipes.FORMATS) == set(OutputFormat.values)
    assert list(recipes.QUALITIES) == Quality.values
    assert set(recipes.VIDEO) == set(recipes.PICTURES) == set(Quality.values)
    assert set(recipes.AUDIO) == {(a, q) for a in ("mp3", "ogg", "wav") for q in Quality.values}


@pytest.mark.parametrize(
    ("media_type", "has_audio", "formats"),
    [
        ("video", True, ("mp4", "webm", "hls", "mp3", "ogg", "wav")),
        ("video", False, ("mp4", "webm", "hls")),
        ("audio", True, ("mp3", "ogg", "wav")),
        ("image", False, ("webp", "jpg", "png")),
    ],
)
def test_a_source_becomes_its_own_kind_and_a_video_also_its_sound(media_type, has_audio, formats):
    assert suitable_formats(media_type, has_audio=has_audio) == formats


@pytest.mark.parametrize(
    ("source", "side", "size"),
    [
        ((1920, 1080), 720, (1280, 720)),
        ((1080, 1920), 720, (720, 1280)),
        ((320, 180), 1080, (320, 180)),
        ((321, 181), 360, (320, 180)),
        ((1, 1), 360, (2, 2)),
        ((854, 480), 360, (640, 360)),
        ((16000, 300), 360, (4096, 76)),
    ],
)
def test_the_shorter_side_is_cut_to_the_quality_and_nothing_is_enlarged(source, side, size):
    assert shown_size(facts(*source), side=side) == size


@pytest.mark.parametrize(
    ("source", "quality", "sides"),
    [
        ((1920, 1080), "low", [360]),
        ((1920, 1080), "medium", [360, 720]),
        ((1920, 1080), "high", [360, 720, 1080]),
        ((3840, 2160), "high", [360, 720, 1080]),
        ((720, 1280), "high", [360, 720]),
        ((854, 480), "high", [360, 480]),
        ((710, 400), "high", [360]),
        ((320, 180), "high", [180]),
    ],
)
def test_the_ladder_ends_at_the_source_and_has_at_least_one_rung(source, quality, sides):
    assert list(rungs(facts(*source), quality=quality)) == sides


def test_the_parts_of_hls_have_names_that_can_be_served():
    names = part_names(facts(), output_format="hls", quality="medium")

    assert names == ["v360.m3u8", "v360.mp4", "v720.m3u8", "v720.mp4"]
    assert part_names(facts(), output_format="mp4", quality="high") == []
    served = [*names, *(main_name(made) for made in recipes.FORMATS)]
    assert [name for name in served if not re.fullmatch(PART_NAME_PATTERN, name)] == []


@pytest.mark.parametrize(
    ("output_format", "quality"),
    [
        ("mp4;id", "low"),
        ("-y", "low"),
        ("../x", "low"),
        ("m3u8", "low"),
        ("tee", "low"),
        ("x" * 10_000, "low"),
        ("webp", "low"),
        ("mp4", "ultra"),
        ("mp4", "-y"),
        ("", ""),
    ],
)
def test_no_text_but_that_of_the_tables_becomes_an_argument(output_format, quality):
    with pytest.raises(UnsuitableFormat):
        output_arguments(facts(), output_format=output_format, quality=quality)


def test_a_video_of_unknown_size_is_no_source_for_a_video():
    with pytest.raises(UnsuitableFormat):
        output_arguments(facts(None, None), output_format="mp4", quality="low")


@pytest.mark.parametrize("output_format", ["mp4", "webm", "hls", "mp3", "ogg", "wav"])
def test_one_picture_and_one_sound_go_along_and_no_metadata(output_format):
    arguments = output_arguments(facts(), output_format=output_format, quality="low")

    line = " ".join(arguments)
    assert "-map_metadata -1 -map_chapters -1 -sn -dn" in line
    assert line.count("0:V:0") == (output_format in {"mp4", "webm", "hls"})
    assert line.count("-map 0:a:0") == 1
