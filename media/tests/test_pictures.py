import psutil
import pytest
from PIL import Image, ImageCms

from alice.common.sandbox import ToolKilled
from media.encoding import picture_child, pictures
from media.encoding.pictures import PictureUnreadable, convert, thumbnail
from media.tests import samples

MIB = 1024 * 1024
RED, WHITE = (255, 0, 0), (255, 255, 255)
SOURCES = ["jpg", "png", "gif", "webp", "avif", "bmp", "tiff"]
MODES = [
    *[("jpg", mode) for mode in ("L", "CMYK")],
    *[("png", mode) for mode in ("1", "L", "LA", "P", "RGBA")],
    *[("tiff", mode) for mode in ("1", "L", "LA", "P", "RGBA", "CMYK", "LAB", "YCbCr")],
    ("gif", "P"),
    ("webp", "RGBA"),
]


def opened(path):
    with Image.open(path) as image:
        image.load()
        return image


def is_near(found, wanted):
    return all(abs(one - other) <= 16 for one, other in zip(found, wanted, strict=True))


def corners(path):
    """Left upper, right upper, left lower, right lower: "r" where it is red, else "w"."""
    image = opened(path).convert("RGB")
    right, low = image.width - 4, image.height - 4
    places = [(3, 3), (right, 3), (3, low), (right, low)]
    colours = [image.getpixel(place) for place in places]
    assert all(is_near(colour, RED) or is_near(colour, WHITE) for colour in colours)
    return "".join("r" if is_near(colour, RED) else "w" for colour in colours)


@pytest.fixture
def target(tmp_path):
    """Where the result goes: a directory of its own, as callers have one."""
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "made"


@pytest.mark.parametrize("suffix", SOURCES)
def test_every_kind_of_picture_gets_a_thumbnail(tmp_path, target, suffix):
    thumbnail(samples.picture(tmp_path / f"picture.{suffix}"), target, side_max=30)

    assert (opened(target).format, opened(target).size) == ("JPEG", (30, 20))
    assert corners(target) == "rwww"
    assert [path.name for path in target.parent.iterdir()] == ["made"]


@pytest.mark.parametrize("suffix", ["jpg", "png", "gif"])
@pytest.mark.parametrize(("made", "name"), [("webp", "WEBP"), ("jpg", "JPEG"), ("png", "PNG")])
def test_a_picture_becomes_what_is_wanted(tmp_path, target, suffix, made, name):
    source = samples.picture(tmp_path / f"picture.{suffix}")

    convert(source, target, format=made, side_max=None, quality=90)

    assert (opened(target).format, opened(target).size) == (name, (60, 40))
    assert corners(target) == "rwww"


@pytest.mark.parametrize(("suffix", "mode"), MODES)
def test_every_way_to_tell_colours_is_understood(tmp_path, target, suffix, mode):
    source = samples.picture(tmp_path / f"picture.{suffix}", mode=mode)

    convert(source, target, format="jpg", side_max=None, quality=95)

    image = opened(target).convert("RGB")
    is_grey = mode in ("1", "L", "LA")
    assert is_near(image.getpixel((50, 30)), WHITE)
    assert is_grey or is_near(image.getpixel((10, 10)), RED)


@pytest.mark.parametrize("order", ["I;16", "I;16B"])
def test_sixteen_bits_of_grey_become_eight(tmp_path, target, order):
    if order == "I;16":
        source = tmp_path / "grey.png"
        Image.new("I;16", (4, 4), 0x8000).save(source)
    else:
        source = tmp_path / "grey.tiff"
        Image.frombytes("I;16B", (4, 4), b"\x80\0" * 16).save(source)

    convert(source, target, format="png", side_max=None, quality=90)

    assert opened(target).getpixel((1, 1)) == 128


@pytest.mark.parametrize(("suffix", "orientation"), samples.ORIENTATIONS)
def test_a_turned_picture_is_put_upright(tmp_path, target, suffix, orientation):
    source = samples.with_orientation(tmp_path / f"turned.{suffix}", orientation)

    convert(source, target, format="png", side_max=None, quality=90)

    shown = {
        1: "rwww",
        2: "wrww",
        3: "wwwr",
        4: "wwrw",
        5: "rwww",
        6: "wrww",
        7: "wwwr",
        8: "wwrw",
    }
    assert corners(target) == shown[orientation]
    assert opened(target).size == ((60, 40) if orientation < 5 else (40, 60))


@pytest.mark.parametrize("suffix", ["jpg", "png", "tiff"])
@pytest.mark.parametrize("made", ["webp", "jpg", "png"])
def test_no_metadata_goes_along(tmp_path, target, suffix, made):
    options = {"comment": b"here"} if suffix == "jpg" else {}
    source = samples.with_orientation(tmp_path / f"own.{suffix}", 6, **options)

    convert(source, target, format=made, side_max=None, quality=90)

    content = target.read_bytes()
    assert dict(opened(target).getexif()) == {}
    assert not any(word in content for word in (b"Exif", b"Camera", b"here", b"eXIf", b"XMP"))


def test_a_profile_is_applied_and_left_out(tmp_path, target):
    linear = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (srgb, linear, b"not a profile"):
        source = samples.picture(tmp_path / "picture.png", icc_profile=profile)

        convert(source, target, format="png", side_max=None, quality=90)

        assert corners(target) == "rwww"
        assert "icc_profile" not in opened(target).info


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_of_an_animation_the_first_frame_is_taken(tmp_path, target, suffix):
    source = samples.animation(tmp_path / f"moving.{suffix}")

    convert(source, target, format="webp", side_max=None, quality=90)

    assert getattr(opened(target), "n_frames", 1) == 1
    assert is_near(opened(target).convert("RGB").getpixel((30, 20)), RED)


@pytest.mark.parametrize("suffix", ["png", "webp", "avif", "gif", "tiff"])
@pytest.mark.parametrize("made", ["webp", "png"])
def test_transparency_stays_where_the_format_has_it(tmp_path, target, suffix, made):
    source = tmp_path / f"clear.{suffix}"
    Image.new("RGBA", (20, 20), (0, 0, 255, 0)).save(source)

    convert(source, target, format=made, side_max=10, quality=90)

    assert opened(target).getpixel((5, 5))[3] == 0


def test_a_palette_with_a_clear_colour_keeps_it(tmp_path, target):
    image = Image.new("P", (20, 20), 1)
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.paste(0, (0, 0, 10, 20))
    image.save(tmp_path / "palette.png", transparency=1)

    convert(tmp_path / "palette.png", target, format="png", side_max=None, quality=90)

    assert opened(target).getpixel((2, 2)) == (255, 0, 0, 255)
    assert opened(target).getpixel((15, 2))[3] == 0


def test_a_jpeg_of_something_transparent_has_a_white_ground(tmp_path, target):
    source = tmp_path / "clear.png"
    Image.new("RGBA", (20, 20), (0, 0, 255, 0)).save(source)

    thumbnail(source, target, side_max=10)

    assert is_near(opened(target).getpixel((5, 5)), WHITE)


@pytest.mark.parametrize("side_max", [60, 61, 5000, None])
def test_a_picture_is_never_enlarged(tmp_path, target, side_max):
    source = samples.picture(tmp_path / "picture.png")

    convert(source, target, format="png", side_max=side_max, quality=90)

    assert opened(target).size == (60, 40)


@pytest.mark.parametrize(("size", "wanted"), [((3000, 1), (100, 1)), ((2, 3000), (1, 100))])
def test_a_thin_picture_keeps_a_pixel(tmp_path, target, size, wanted):
    Image.new("RGB", size).save(tmp_path / "thin.png")

    thumbnail(tmp_path / "thin.png", target, side_max=100)

    assert opened(target).size == wanted


def test_a_picture_too_long_for_webp_is_made_to_fit(tmp_path, target):
    Image.new("L", (16384, 2)).save(tmp_path / "long.png")

    convert(tmp_path / "long.png", target, format="webp", side_max=None, quality=50)

    assert opened(target).size == (16383, 2)


@pytest.mark.parametrize("side", [9000, 13000, 20000, 60000])
def test_a_bomb_is_refused_in_a_sentence(tmp_path, target, side):
    before = psutil.Process().memory_info().rss

    with pytest.raises(PictureUnreadable, match="too many pixels"):
        thumbnail(samples.png_bomb(tmp_path / "bomb.png", side), target, side_max=100)

    assert psutil.Process().memory_info().rss - before < 100 * MIB
    assert not target.exists()


@pytest.mark.parametrize(("suffix", "mode"), [("png", "RGBA"), ("jpg", "CMYK"), ("webp", "RGBA")])
def test_a_picture_of_almost_fifty_megapixels_works(tmp_path, target, suffix, mode):
    source = tmp_path / f"large.{suffix}"
    options = {"method": 0} if suffix == "webp" else {}
    Image.new(mode, (7071, 7071)).save(source, **options)

    thumbnail(source, target, side_max=256)

    assert opened(target).size == (256, 256)


def test_a_picture_that_takes_too_much_memory_fails_in_a_sentence(tmp_path, target, monkeypatch):
    Image.new("RGB", (5000, 5000)).save(tmp_path / "large.png")
    monkeypatch.setattr(pictures, "MEMORY_BYTES", 96 * MIB)
    monkeypatch.setattr(pictures, "MEMORY_BYTES_PER_PIXEL", 0)

    with pytest.raises(PictureUnreadable, match="more memory than it may"):
        thumbnail(tmp_path / "large.png", target, side_max=100)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("WALL_SECONDS", 0.01, "takes longer than it may"),
        ("BYTES_MAX", 100, "would be larger than it may be"),
    ],
)
def test_a_picture_that_takes_too_much_fails_in_a_sentence(
    tmp_path, target, monkeypatch, name, value, words
):
    source = samples.picture(tmp_path / "picture.png")
    monkeypatch.setattr(pictures, name, value)

    with pytest.raises(PictureUnreadable, match=words):
        thumbnail(source, target, side_max=100)

    assert not target.exists()


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "avif", "tiff"])
def test_a_picture_that_is_cut_off_fails_in_a_sentence(tmp_path, target, suffix):
    source = tmp_path / f"cut.{suffix}"
    Image.effect_noise((300, 300), 90).convert("RGB").save(source)
    source.write_bytes(source.read_bytes()[:2000])

    with pytest.raises(PictureUnreadable, match="damaged, or cut off"):
        thumbnail(source, target, side_max=100)

    assert not target.exists()


def test_what_is_no_picture_fails_in_a_sentence(tmp_path, target, sample):
    for path in (sample("film.mp4"), tmp_path / "text.png"):
        if not path.exists():
            path.write_text("hello")

        with pytest.raises(PictureUnreadable, match="not a picture of a kind that is accepted"):
            thumbnail(path, target, side_max=100)


def test_a_tool_that_was_killed_is_worth_another_try(tmp_path, target, monkeypatch):
    tool = tmp_path / "tool.py"
    tool.write_text("import os\nopen('made', 'w').close()\nos.kill(os.getpid(), 9)\n")
    monkeypatch.setattr(pictures, "CHILD", tool)

    with pytest.raises(ToolKilled):
        thumbnail(samples.picture(tmp_path / "picture.png"), target, side_max=100)

    assert not target.exists()


def test_a_full_disk_is_told_apart(tmp_path):
    source = str(samples.picture(tmp_path / "picture.png"))
    order = {"source": source, "source_format": "PNG", "pixels_max": 9999, "target": "/dev/full"}

    told = picture_child.answer(order | {"format": "JPEG", "side_max": None, "quality": 80})

    assert told == {"error": "space"}
