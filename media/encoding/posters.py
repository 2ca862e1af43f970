"""Posters: one JPEG that stands for a video, a sound or a picture."""

from pathlib import Path

from alice.common import sandbox
from media.encoding import pictures
from media.encoding.errors import EncodingFailed, told_plainly
from media.encoding.ffmpeg import command, limits
from media.encoding.probing import Probe

NAME = "poster.jpg"
SIDE_MAX = 1280
SECONDS_MAX = 30.0
BYTES_MAX = 16 * 1024**2

SEEK_SHARE, SEEK_SECONDS_MAX = 0.1, 5.0
FRAMES_COMPARED = 24  # of which the most typical is taken: not the black one of a fade

WAVE_SIZE = "1280x320"
WAVE_COLOUR = "0x9333ea"
WAVE_RATE = 8000  # the filter keeps all samples: 58 MB an hour
WAVE_SECONDS_MAX = 2 * 60 * 60

JPEG = ("-an", "-sn", "-dn", "-map_metadata", "-1", "-frames:v", "1", "-c:v", "mjpeg")
JPEG_FILE = ("-q:v", "3", "-f", "mjpeg", NAME)


def make_poster(source: Path, facts: Probe, *, directory: Path) -> Path:
    """A JPEG of at most 1280 pixels a side, made in `directory`, where `poster.jpg` is free.

    Of a video it is a frame from near its beginning, of a sound its cover, else its waveform, of
    a picture the picture made small. Raises `EncodingFailed` when there is nothing to show;
    `sandbox.ToolKilled` and OSError (disk full) are worth another try.
    """
    target = directory / NAME
    if facts.media_type == "image":
        _make_thumbnail(source, target)
        return target
    for seek_seconds, output in _ways(facts):
        line = command(source, facts, *output, *JPEG_FILE, seek_seconds=seek_seconds)
        if _is_drawn(line, target):
            return target
    raise EncodingFailed("There is nothing in this file to make a poster of.")


def _make_thumbnail(source: Path, target: Path) -> None:
    try:
        pictures.thumbnail(source, target, side_max=SIDE_MAX)
    except pictures.PictureUnreadable as error:
        raise EncodingFailed(str(error)) from error


def _ways(facts: Probe) -> list[tuple[float, list[str]]]:
    """Where to begin and what to draw: the best way first, the surest last."""
    if facts.media_type == "audio":
        return [(0.0, _cover()), (0.0, _waveform())][not facts.has_cover :]
    seek_seconds = min((facts.duration or 0) * SEEK_SHARE, SEEK_SECONDS_MAX)
    return [(seek_seconds, _frame(facts)), (0, _frame(facts))]


def _frame(facts: Probe) -> list[str]:
    width, height = facts.width or SIDE_MAX, facts.height or SIDE_MAX
    ratio = min(1.0, SIDE_MAX / max(width, height))
    size = f"{max(1, round(width * ratio))}:{max(1, round(height * ratio))}"
    # Made small first: the frames compared are all kept in memory.
    filters = f"scale={size},setsar=1,thumbnail={FRAMES_COMPARED}"
    return ["-map", "0:V:0", *JPEG, "-vf", filters]


def _cover() -> list[str]:
    size = f"w='min({SIDE_MAX},iw)':h='min({SIDE_MAX},ih)'"
    filters = f"scale={size}:force_original_aspect_ratio=decrease,setsar=1"
    return ["-map", "0:v:0", *JPEG, "-vf", filters]


def _waveform() -> list[str]:
    graph = (
        f"[0:a:0]atrim=end={WAVE_SECONDS_MAX},"
        f"aformat=sample_rates={WAVE_RATE}:channel_layouts=mono,"
        f"showwavespic=s={WAVE_SIZE}:colors={WAVE_COLOUR}:scale=sqrt:draw=full[wave];"
        f"color=white:s={WAVE_SIZE}[paper];[paper][wave]overlay=shortest=1[poster]"
    )
    return ["-filter_complex", graph, "-map", "[poster]", *JPEG]


def _is_drawn(line: list[str], target: Path) -> bool:
    target.unlink(missing_ok=True)
    bounds = limits(seconds_max=SECONDS_MAX, bytes_max=BYTES_MAX)
    try:
        with told_plainly(seconds_max=SECONDS_MAX, bytes_max=BYTES_MAX):
            sandbox.run(line, directory=target.parent, limits=bounds)
    except EncodingFailed:
        return False
    return target.is_file() and target.stat().st_size > 0
