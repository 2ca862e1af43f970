"""What is in a file: told by its bytes, found out in a bounded process that has no network."""

import logging
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings

from alice.common import sandbox
from alice.common.errors import Invalid, Unavailable
from media.encoding import pictures
from media.encoding.signatures import Kind, kind_of

logger = logging.getLogger("alice.media")

CHILD = Path(__file__).with_name("probe_child.py")
# The memory is address space; a canvas of WebP takes 8 bytes a pixel of it, mostly untouched.
LIMITS = sandbox.Limits(
    cpu_seconds=10, wall_seconds=15, memory_bytes=1024 * 1024 * 1024, file_bytes=0
)
STREAMS_MAX = 32
DURATION_MAX_SECONDS = 24 * 60 * 60
SIDE_MAX = 16384
VIDEO_PIXELS_MAX = 8192 * 8192
FRAME_RATE_MAX = 1000


class NotMedia(Invalid):
    code = "not_media"
    detail = "This is not a video, a sound or a picture of a kind that is accepted."


class MediaRefused(Invalid):
    code = "media_too_complex"
    detail = "Looking into this file takes more than it may. It may be damaged; save it anew."


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What a file holds. Sizes are as shown: turned upright, and with square pixels."""

    media_type: str  # "video", "audio" or "image"
    mime_type: str
    extension: str  # with its dot
    container: str  # the FFmpeg demuxer to force with -f, or Pillow's name of the format
    duration: float | None  # seconds; None for pictures, and where nothing tells
    width: int | None
    height: int | None
    video_codec: str
    audio_codec: str
    frame_rate: float | None
    has_cover: bool = False


def probe(path: Path) -> Probe:
    """Say what is in the file at `path`.

    The kind is told by the first bytes, never by the name; the rest is found out by Pillow or
    FFmpeg's libraries in a sandboxed process (about 0.15 s), with the reader forced. Raises
    `NotMedia`, `MediaRefused` past a cap, and `Unavailable` when no process can be had.
    """
    kind = kind_of(path)
    if kind is None:
        raise NotMedia
    facts = _look(path.absolute(), kind)
    return _picture(kind, facts) if kind.image else _streams(kind, facts)


def _look(path: Path, kind: Kind) -> dict[str, Any]:
    try:
        with tempfile.TemporaryDirectory(prefix="alice-probe-") as directory:
            facts = (_ask_pillow if kind.image else _ask_ffmpeg)(path, kind, Path(directory))
    except (OSError, sandbox.ToolKilled) as error:
        raise Unavailable from error
    except sandbox.ToolError as error:
        logger.warning("Probing failed: %s", error)
        raise MediaRefused from error
    if not facts or facts.get("error") == "damaged":
        raise NotMedia("This file is damaged, incomplete or not what its first bytes say.")
    if "error" in facts:
        raise MediaRefused
    return facts


def _ask_pillow(path: Path, kind: Kind, directory: Path) -> dict[str, Any]:
    order: dict[str, str | int | None] = {"source": str(path), "source_format": kind.container}
    return pictures.ask(order, directory=directory, limits=LIMITS)


def _ask_ffmpeg(path: Path, kind: Kind, directory: Path) -> dict[str, Any]:
    words = [str(path), kind.container, str(VIDEO_PIXELS_MAX)]
    text = sandbox.run(
        [sys.executable, "-I", str(CHILD), *words], directory=directory, limits=LIMITS
    )
    facts: dict[str, Any] = orjson.loads(text)
    return facts


def _picture(kind: Kind, facts: dict[str, Any]) -> Probe:
    _check_shown(facts, settings.IMAGE_PIXELS_MAX)
    return _named(kind, "image", facts)


def _streams(kind: Kind, facts: dict[str, Any]) -> Probe:
    if facts["stream_count"] > STREAMS_MAX:
        raise MediaRefused(f"It has {facts['stream_count']} streams; {STREAMS_MAX} are the most.")
    _check_size(facts["side"], facts["pixels"], VIDEO_PIXELS_MAX)
    if not facts.get("is_playable"):
        raise NotMedia("Nothing in this file can be played.")
    if (facts["duration"] or 0) > DURATION_MAX_SECONDS:
        raise MediaRefused("It lasts longer than 24 hours.")
    if "width" not in facts:
        return _named(kind, "audio", facts)
    _check_shown(facts, VIDEO_PIXELS_MAX)
    if (facts["frame_rate"] or 0) > FRAME_RATE_MAX:
        raise MediaRefused(f"It has more than {FRAME_RATE_MAX} frames a second.")
    return _named(kind, "video", facts)


def _check_shown(facts: dict[str, Any], pixels_max: int) -> None:
    width, height = facts["width"], facts["height"]
    if min(width, height) < 1:
        raise NotMedia("Its picture has no size.")
    _check_size(max(width, height), width * height, pixels_max)


def _check_size(side: int, pixels: int, pixels_max: int) -> None:
    if side > SIDE_MAX:
        raise MediaRefused(f"A side is {side} pixels long; {SIDE_MAX} are the most.")
    if pixels > pixels_max:
        raise MediaRefused(f"It has {pixels:,} pixels; {pixels_max:,} are the most.")


def _named(kind: Kind, media_type: str, facts: dict[str, Any]) -> Probe:
    names: tuple[str, str] | None = getattr(kind, media_type)
    if names is None:
        raise NotMedia("A file of this kind is only taken with moving pictures in it.")
    duration, frame_rate = facts.get("duration"), facts.get("frame_rate")
    return Probe(
        media_type=media_type,
        mime_type=names[0],
        extension=names[1],
        container=kind.container,
        duration=None if duration is None else round(duration, 3),
        width=facts.get("width"),
        height=facts.get("height"),
        video_codec=facts.get("video_codec", ""),
        audio_codec=facts.get("audio_codec", ""),
        frame_rate=None if frame_rate is None else round(frame_rate, 3),
        has_cover=facts.get("has_cover", False),
    )
