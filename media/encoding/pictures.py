"""Pictures made from pictures, by Pillow in a bounded process."""

import errno
import logging
import os
import sys
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings

from alice.common import sandbox
from media.encoding.signatures import kind_of

logger = logging.getLogger("alice.media")

CHILD = Path(__file__).with_name("picture_child.py")
FORMATS = {"webp": "WEBP", "jpg": "JPEG", "png": "PNG"}
THUMBNAIL_QUALITY = 80
BYTES_MAX = 256 * 1024 * 1024
CPU_SECONDS = 120
WALL_SECONDS = 180.0
NICENESS = 10
# An animated WebP takes three canvases of 4 bytes a pixel; turning and colours two more.
MEMORY_BYTES = 384 * 1024 * 1024
MEMORY_BYTES_PER_PIXEL = 32

REASONS = {
    "damaged": "This picture is damaged, or cut off.",
    "memory": "Decoding this picture takes more memory than it may.",
    "size": "This picture has too many pixels.",
}


class PictureUnreadable(Exception):
    """The picture cannot be made, now or later; the message is a sentence that says why."""


def thumbnail(source: Path, target: Path, *, side_max: int) -> None:
    """Write a small JPEG of `source` to `target`: as `convert` does, on white."""
    convert(source, target, format="jpg", side_max=side_max, quality=THUMBNAIL_QUALITY)


def convert(
    source: Path,
    target: Path,
    *,
    format: str,  # noqa: A002 - the field's word
    side_max: int | None,
    quality: int,
) -> None:
    """Write the first frame of `source` to `target` as "webp", "jpg" or "png".

    It is upright, in sRGB, no side longer than `side_max` pixels and never enlarged. PNG and WebP
    keep transparency, JPEG gets a white ground. No metadata goes along. `quality` is 1 to 100;
    PNG has none. The directory of `target` is where the tool works and may write: a private one.

    Raises `PictureUnreadable`; `sandbox.ToolKilled` and, on a full disk, OSError with ENOSPC,
    which are worth another try. After an error there is no `target`.
    """
    kind = kind_of(source)
    if kind is None or not kind.image:
        raise PictureUnreadable("This is not a picture of a kind that is accepted.")
    order = {
        "source": str(source.absolute()),
        "source_format": kind.container,
        "target": target.name,
        "format": FORMATS[format],
        "side_max": side_max,
        "quality": quality,
        "pixels_max": settings.IMAGE_PIXELS_MAX,
    }
    try:
        _make(order, target.absolute().parent)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _make(order: dict[str, str | int | None], directory: Path) -> None:
    try:
        found = ask(order, directory=directory, limits=_limits())
    except sandbox.TimeSpent as error:
        raise PictureUnreadable("Decoding this picture takes longer than it may.") from error
    except sandbox.OutputTooLarge as error:
        raise PictureUnreadable("The result would be larger than it may be.") from error
    except sandbox.ToolFailed as error:
        logger.warning("A picture was too much for its reader: %s", error)
        raise PictureUnreadable(REASONS["damaged"]) from error
    fault = found.get("error")
    if fault == "space":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if fault:
        raise PictureUnreadable(REASONS[fault])


def ask(
    order: dict[str, str | int | None], *, directory: Path, limits: sandbox.Limits
) -> dict[str, Any]:
    """Have the sandboxed Pillow do `order` (see picture_child.py) and return what it answers.

    Raises `sandbox.ToolError`s, and OSError when it cannot start.
    """
    # The source again, as an argument that the sandbox sees and lets it read.
    command = [
        sys.executable,
        "-I",
        str(CHILD),
        orjson.dumps(order).decode(),
        str(order["source"]),
    ]
    answer: dict[str, Any] = orjson.loads(sandbox.run(command, directory=directory, limits=limits))
    return answer


def _limits() -> sandbox.Limits:
    pixels_max: int = settings.IMAGE_PIXELS_MAX
    return sandbox.Limits(
        cpu_seconds=CPU_SECONDS,
        wall_seconds=WALL_SECONDS,
        memory_bytes=MEMORY_BYTES + MEMORY_BYTES_PER_PIXEL * pixels_max,
        file_bytes=BYTES_MAX,
        niceness=NICENESS,
    )
