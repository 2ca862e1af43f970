"""Runs ffmpeg: one media file in, another one out, with progress and within bounds."""

import functools
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg

from alice.common import sandbox
from media.encoding import pictures, recipes
from media.encoding.errors import EncoderMissing, EncodingFailed, told_plainly, too_large
from media.encoding.probing import Probe
from media.encoding.results import examine

NICENESS = 10  # requests come first
PIXELS_MAX = 8192 * 8192  # of a frame, before it is decoded
MEMORY_BYTES = 4 * 1024**3
MEMORY_BYTES_PER_CORE = 256 * 1024**2  # each of its threads keeps frames of its own
PROGRESS = ("-progress", "pipe:1", "-stats_period", "0.5")


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to make, and what that may take: seconds by the clock, bytes of all files together."""

    output_format: str
    quality: str
    seconds_max: float
    bytes_max: int


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """What was made. `parts` are the files that the main one refers to by their names.

    `probe` tells what is in the main file, in HLS what is in the largest rung.
    """

    main: Path
    mime_type: str
    extension: str  # with its dot
    parts: list[tuple[Path, str]]  # each with its mime type
    probe: Probe


@functools.cache
def executable() -> str:
    """The path of ffmpeg: IMAGEIO_FFMPEG_EXE, or the one that imageio-ffmpeg brings along.

    Raises `EncoderMissing`.
    """
    try:
        found = shutil.which(str(imageio_ffmpeg.get_ffmpeg_exe()))
    except RuntimeError:
        found = None
    if found is None:
        raise EncoderMissing("No ffmpeg: install imageio-ffmpeg or set IMAGEIO_FFMPEG_EXE.")
    return found


def command(source: Path, facts: Probe, *output: str, seek_seconds: float = 0) -> list[str]:
    """ffmpeg's command line that reads `source` as what it was probed to be, and nothing else.

    `output` is what follows the input; `seek_seconds` of that are skipped.
    """
    position = ["-ss", f"{seek_seconds:.3f}"] if seek_seconds else []
    return [
        *(executable(), "-nostdin", "-hide_banner", "-loglevel", "error", "-n"),
        *("-max_pixels", str(PIXELS_MAX), "-protocol_whitelist", "file"),
        *("-format_whitelist", facts.container, "-f", facts.container, *position),
        # An absolute path names no protocol, and the sandbox lets it be read.
        *("-i", str(source.absolute()), *output),
    ]


def limits(*, seconds_max: float, bytes_max: int) -> sandbox.Limits:
    """What ffmpeg may use: every core for `seconds_max`, and `bytes_max` for each file."""
    cores = os.cpu_count() or 1
    return sandbox.Limits(
        cpu_seconds=int(seconds_max * cores) + 1,
        wall_seconds=seconds_max,
        memory_bytes=MEMORY_BYTES + cores * MEMORY_BYTES_PER_CORE,
        file_bytes=bytes_max,
        niceness=NICENESS,
    )


def encode(
    source: Path,
    facts: Probe,
    order: Order,
    *,
    directory: Path,
    on_progress: Callable[[int], None],
) -> Encoded:
    """Make what is ordered of `source`, which was probed as `facts`, in the empty `directory`.

    `on_progress` is called with 0 to 99 per cent, twice a second while ffmpeg works; whatever it
    raises kills ffmpeg and comes out here. After an error the caller clears the directory.

    Raises `recipes.UnsuitableFormat` before anything is started; `EncodingFailed` and its
    subclasses when another try would end the same way. `sandbox.ToolKilled` (killed from
    outside), `ResultIncomplete` and OSError with ENOSPC (the disk is full) are worth one.
    """
    wish = {"output_format": order.output_format, "quality": order.quality}
    recipes.require_suitable(facts, **wish)
    main = directory / recipes.main_name(order.output_format)
    parts = [directory / name for name in recipes.part_names(facts, **wish)]
    made = recipes.FORMATS[order.output_format]
    on_progress(0)
    if made.media_type == "image":
        _convert_picture(source, main, order)
        seconds = 0.0
    else:
        with told_plainly(seconds_max=order.seconds_max, bytes_max=order.bytes_max):
            seconds = _run(source, facts, order, directory, on_progress)
    found = examine(main, parts, media_type=made.media_type, seconds=seconds)
    _require_size(directory, order)
    return Encoded(
        main=main,
        mime_type=made.mime_type,
        extension=made.extension,
        parts=[(part, recipes.PART_TYPES[part.suffix]) for part in parts],
        probe=found,
    )


def _convert_picture(source: Path, target: Path, order: Order) -> None:
    wanted = recipes.PICTURES[order.quality]
    try:
        pictures.convert(
            source,
            target,
            format=order.output_format,
            side_max=wanted.side_max,
            quality=wanted.quality,
        )
    except pictures.PictureUnreadable as error:
        raise EncodingFailed(str(error)) from error


def _run(
    source: Path,
    facts: Probe,
    order: Order,
    directory: Path,
    on_progress: Callable[[int], None],
) -> float:
    """Run ffmpeg to its end and return how many seconds of media it says it wrote."""
    arguments = recipes.output_arguments(
        facts, output_format=order.output_format, quality=order.quality
    )
    bounds = limits(seconds_max=order.seconds_max, bytes_max=order.bytes_max)
    line_of_command = command(source, facts, *PROGRESS, *arguments)
    seconds = 0.0
    with sandbox.running(line_of_command, directory=directory, limits=bounds) as process:
        for line in process.lines():
            name, _, value = line.partition("=")
            if name == "out_time_us" and value.isdigit():
                seconds = int(value) / 1_000_000
            if name == "progress":  # ends each report
                _require_size(directory, order)
                on_progress(_per_cent(seconds, facts.duration))
        process.result()
    return seconds


def _per_cent(seconds: float, duration: float | None) -> int:
    return min(99, int(seconds / duration * 100)) if duration else 0


def _require_size(directory: Path, order: Order) -> None:
    # The sandbox bounds each file, and a ladder has several.
    if sum(file.stat().st_size for file in directory.iterdir()) > order.bytes_max:
        raise too_large(order.bytes_max)
