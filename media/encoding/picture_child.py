"""Looks into a picture, or makes another from it. Started by `probing` and `pictures`, sandboxed.

Run as `python -I picture_child.py ORDER`, JSON with source and source_format, and for another
picture target, format, side_max, quality and pixels_max. Prints JSON: width and height as shown,
or `error`, one word for what went wrong.
"""

import errno
import io
import json
import signal
import struct
import sys
from typing import Any

from PIL import Image, ImageCms, ImageOps
from PIL.ExifTags import Base

WHITE = (255, 255, 255)
WEBP_SIDE_MAX = 16383  # of the format: RFC 9649, section 2.6
SIDEWAYS = {5, 6, 7, 8}
NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
# What Pillow raises over bytes that are not as they should be.
FAULTS = (OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, struct.error)


def main() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # end by it, as other tools do
    Image.MAX_IMAGE_PIXELS = None  # the callers have a cap of their own
    json.dump(answer(json.loads(sys.argv[1])), sys.stdout)


def answer(order: dict[str, Any]) -> dict[str, Any]:
    try:
        with Image.open(order["source"], formats=[order["source_format"]]) as image:
            return make(image, order) if "target" in order else look(image)
    except MemoryError:
        return {"error": "memory"}
    except FAULTS as error:
        return {"error": "space" if getattr(error, "errno", None) in NO_SPACE else "damaged"}


def look(image: Image.Image) -> dict[str, Any]:
    """The size that the header tells. No pixel is decoded."""
    width, height = image.size
    # Pillow has turned the size of a TIFF already.
    if orientation(image) in SIDEWAYS and image.format != "TIFF":
        width, height = height, width
    return {"width": width, "height": height}


def orientation(image: Image.Image) -> int:
    """What EXIF says (1 to 8), or 1: damaged metadata make no damaged picture."""
    try:
        # That of PNG files decodes all of the picture first.
        return int(Image.Image.getexif(image).get(Base.Orientation, 1))
    except FAULTS:
        return 1


def make(image: Image.Image, order: dict[str, Any]) -> dict[str, Any]:
    """Write what is ordered."""
    if image.width * image.height > order["pixels_max"]:
        return {"error": "size"}
    profile = image.info.get("icc_profile")
    picture = shrunk(image, order)
    picture = in_srgb(upright(picture, orientation(image)), profile)
    if order["format"] == "JPEG" and picture.mode == "RGBA":
        ground = Image.new("RGB", picture.size, WHITE)
        ground.paste(picture, mask=picture)
        picture = ground
    picture.info.clear()  # of which Pillow would write some along: comments, profiles
    content = io.BytesIO()
    picture.save(content, order["format"], quality=order["quality"])
    # Pillow, writing a file itself, takes no notice when a full disk takes only a part of it.
    with open(order["target"], "wb") as file:  # noqa: PTH123
        file.write(content.getbuffer())
    return {"width": picture.width, "height": picture.height}


def shrunk(image: Image.Image, order: dict[str, Any]) -> Image.Image:
    """The first frame, decoded, in a mode that can be resized, at the size that is wanted."""
    side = order["side_max"] or max(image.size)
    if order["format"] == "WEBP":
        side = min(side, WEBP_SIDE_MAX)
    wanted = (min(side, image.width), min(side, image.height))
    image.draft(None, wanted)  # JPEG can be decoded at a half, a quarter or an eighth
    picture = plain(image)
    picture.thumbnail(wanted, reducing_gap=3.0)
    return picture


def plain(image: Image.Image) -> Image.Image:
    """`image` with 8 bits a channel and without palette; CMYK stays for its profile's sake."""
    if image.mode.startswith("I"):  # 16 bits; Pillow alone would cut off what is over 255
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode in ("L", "RGB", "CMYK"):
        image.load()
        return image
    return image.convert("L" if image.mode in ("1", "F") else "RGB")


def upright(picture: Image.Image, turned: int) -> Image.Image:
    """`picture` as it is shown when its orientation is `turned`."""
    picture.info.clear()
    picture.getexif().clear()
    picture.getexif()[Base.Orientation] = turned
    return ImageOps.exif_transpose(picture)


def in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """`picture` as sRGB, by its profile where that is of use."""
    mode = "RGBA" if picture.mode == "RGBA" else "RGB"
    if profile:
        try:
            found = ImageCms.profileToProfile(
                picture, io.BytesIO(profile), ImageCms.createProfile("sRGB"), outputMode=mode
            )
        except (ImageCms.PyCMSError, OSError):
            found = None
        if found is not None:
            return found
    return picture if picture.mode == "L" else picture.convert(mode)


if __name__ == "__main__":
    main()
