import re
import shutil
from pathlib import Path

import pytest

from media.encoding.errors import EncodingFailed, EncodingTooLarge, ResultIncomplete
from media.encoding.ffmpeg import encode
from media.encoding.probing import probe
from media.encoding.results import examine
from media.tests import clips
from media.tests.clips import encoded, order, read


def segments(playlist):
    """The lengths of a playlist's segments, and its byte ranges with that of the header first."""
    text = playlist.read_text()
    header = re.search(r'BYTERANGE="(\d+)@(\d+)"', text)
    ranges = re.findall(r"^#EXT-X-BYTERANGE:(\d+)@(\d+)$", text, re.MULTILINE)
    numbers = [tuple(map(int, pair)) for pair in [header.groups(), *ranges]]
    return re.findall(r"^#EXTINF:([\d.]+),", text, re.MULTILINE), numbers


@pytest.fixture(scope="module")
def ladder(tmp_path_factory):
    """HLS of eight seconds in two sizes."""
    directory = tmp_path_factory.mktemp("ladder")
    source = clips.video(directory / "source.mp4", "-g", "10", size="800x450", rate=5, seconds=8)
    return encoded(source, directory, "hls", "high")


def test_hls_is_a_playlist_of_playlists_that_name_what_lies_beside_them(ladder):
    names = [part.name for part, _ in ladder.parts]
    assert names == ["v360.m3u8", "v360.mp4", "v450.m3u8", "v450.mp4"]
    assert {path.name for path in ladder.main.parent.iterdir()} == {"master.m3u8", *names}
    named = set()
    for playlist in ladder.main.parent.glob("*.m3u8"):
        text = playlist.read_text()
        named.update(
            re.findall(r"^(?!#)(.+)$", text, re.MULTILINE), re.findall('URI="(.*?)"', text)
        )
    assert named == set(names)
    assert [mime for _, mime in ladder.parts[:2]] == ["application/vnd.apple.mpegurl", "video/mp4"]


def test_every_byte_of_a_rung_is_in_one_segment_and_they_begin_together(ladder):
    for side in (360, 450):
        playlist = ladder.main.with_name(f"v{side}.m3u8")
        lengths, ranges = segments(playlist)
        assert lengths == ["6.000000", "2.000000"]
        end = 0
        for size, start in ranges:
            assert start == end
            end = start + size
        assert end == playlist.with_suffix(".mp4").stat().st_size


def test_a_player_shows_every_rung_whole(ladder):
    for name in ("master.m3u8", "v360.m3u8", "v450.m3u8", "v360.mp4"):
        _, _, times = read(ladder.main.with_name(name))
        assert len(times) == 40, name


def test_the_master_lists_the_rungs_from_small_to_large(ladder):
    sizes = re.findall(r"RESOLUTION=(\d+x\d+)", ladder.main.read_text())

    assert sizes == ["640x360", "800x450"]
    assert (ladder.probe.width, ladder.probe.height) == (800, 450)


def test_all_files_together_keep_to_the_size(ladder, tmp_path):
    source = ladder.main.parent.parent / "source.mp4"
    sizes = [part.stat().st_size for part, _ in ladder.parts]
    wanted = order("hls", "high", bytes_max=sum(sizes) - 1)
    assert max(sizes) < wanted.bytes_max

    with pytest.raises(EncodingTooLarge):
        encode(source, probe(source), wanted, directory=tmp_path, on_progress=lambda _: None)


def test_playlists_that_end_early_are_worth_another_try(ladder, tmp_path):
    copy = Path(shutil.copytree(ladder.main.parent, tmp_path / "copy"))
    parts = [copy / part.name for part, _ in ladder.parts]
    examine(copy / "master.m3u8", parts, media_type="video", seconds=8)
    clips.cut(parts[-1], parts[-1], 0.9)

    with pytest.raises(ResultIncomplete, match="playlists"):
        examine(copy / "master.m3u8", parts, media_type="video", seconds=8)


def test_a_result_that_lacks_what_was_written_is_worth_another_try(tmp_path):
    clip = clips.video(tmp_path / "clip.mp4")

    with pytest.raises(ResultIncomplete, match=r"instead of 5 s of video"):
        examine(clip, [], media_type="video", seconds=5)


def test_files_that_are_empty_hold_nothing(tmp_path):
    empty = tmp_path / "output.mp4"
    empty.touch()

    with pytest.raises(EncodingFailed, match="nothing in it could be decoded"):
        examine(empty, [], media_type="video", seconds=0)
