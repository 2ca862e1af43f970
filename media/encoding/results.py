"""Whether what ffmpeg left behind is whole: its exit status alone does not say so.

Of HLS it ends with 0 and without a word on a full disk.
"""

import re
import shutil
from pathlib import Path

from media.encoding.errors import EncodingFailed, ResultIncomplete, no_space
from media.encoding.probing import MediaRefused, NotMedia, Probe, probe

PLAYLIST = ".m3u8"
SLACK_SECONDS = 1.0  # a container rounds, and an encoder pads
NOTHING = "The file cannot be encoded: nothing in it could be decoded."
FREE_BYTES_MIN = 64 * 1024
BYTE_RANGE = re.compile(r"^#EXT-X-BYTERANGE:(\d+)@(\d+)$", re.MULTILINE)


def examine(main: Path, parts: list[Path], *, media_type: str, seconds: float) -> Probe:
    """Say what is in the last file that is no playlist, once all are found whole.

    `seconds` is how much ffmpeg said it wrote: not what the source claims to have, since a
    damaged one ends early. Raises `EncodingFailed` when there is nothing in them; when there is
    less than there should be, `ResultIncomplete`, or OSError with ENOSPC.
    """
    files = [main, *parts]
    _require_content(files)
    playlists = [part for part in parts if part.suffix == PLAYLIST]
    if not _names_all(main, playlists) or not all(map(_is_whole, playlists)):
        raise ResultIncomplete("playlists")
    found = [_probed(file, seconds) for file in files if file.suffix != PLAYLIST]
    for facts in found:
        is_short = facts.duration is not None and facts.duration < seconds - SLACK_SECONDS
        if facts.media_type != media_type or is_short:
            raise ResultIncomplete(f"{facts} instead of {seconds} s of {media_type}")
    return found[-1]


def _require_content(files: list[Path]) -> None:
    filled = [file for file in files if file.is_file() and file.stat().st_size]
    if filled == files:
        return
    if shutil.disk_usage(files[0].parent).free < FREE_BYTES_MIN:
        raise no_space()
    if filled:
        raise ResultIncomplete(f"{len(filled)} of {len(files)} files")
    raise EncodingFailed(NOTHING)


def _names_all(master: Path, playlists: list[Path]) -> bool:
    if not playlists:
        return True
    named = master.read_text().splitlines()
    return all(playlist.name in named for playlist in playlists)


def _is_whole(playlist: Path) -> bool:
    text = playlist.read_text()
    ends = [int(length) + int(start) for length, start in BYTE_RANGE.findall(text)]
    size = playlist.with_suffix(".mp4").stat().st_size
    return "#EXT-X-ENDLIST" in text and max(ends, default=0) == size


def _probed(file: Path, seconds: float) -> Probe:
    try:
        return probe(file)
    except (NotMedia, MediaRefused) as error:
        if seconds < SLACK_SECONDS:  # a header and nothing behind it
            raise EncodingFailed(NOTHING) from error
        raise ResultIncomplete(str(error)) from error
