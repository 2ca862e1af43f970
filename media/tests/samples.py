"""Media of every kind that is taken in, made once a run by the static ffmpeg and by Pillow."""

import struct
import zlib
from pathlib import Path

from PIL import Image

from media.tests.clips import ffmpeg

PICTURE = ["-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=2"]
TONE = ["-f", "lavfi", "-i", "sine=duration=2:sample_rate=44100"]
BOTH = [*PICTURE, *TONE]
H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
MPEG2 = ["-c:v", "mpeg2video", "-r", "25"]
EMPTY_PICTURE = ["-f", "lavfi", "-i", "color=size=16x16:rate=10:duration=0.1"]

RECIPES = {
    "film.mp4": [*BOTH, *H264],
    "film.m4v": [*BOTH, *H264, "-f", "ipod", "-brand", "M4V "],
    "film.mov": [*BOTH, *H264],
    "film.mkv": [*BOTH, *H264],
    "film.webm": [*BOTH, "-c:v", "libvpx", "-c:a", "libvorbis"],
    "film.ogv": [*BOTH, "-c:v", "libtheora", "-c:a", "libvorbis"],
    "film.avi": [*BOTH, "-c:v", "mpeg4", "-c:a", "libmp3lame"],
    "film.ts": [*BOTH, *MPEG2, "-c:a", "mp2"],
    "film.m2ts": [*BOTH, *H264, "-c:a", "ac3"],
    "film.mpg": [*BOTH, *MPEG2, "-c:a", "mp2", "-f", "mpeg"],
    "film.3gp": [*BOTH, *H264, "-c:a", "aac"],
    "film.3g2": [*BOTH, *H264, "-c:a", "aac"],
    "film.flv": [*BOTH, "-c:v", "flv", "-c:a", "libmp3lame"],
    "tone.mp3": TONE,
    "tone.m4a": TONE,
    "tone.mp4": TONE,
    "tone.mov": TONE,
    "tone.wav": TONE,
    "tone.flac": TONE,
    "tone.ogg": [*TONE, "-c:a", "libvorbis"],
    "tone.opus": [*TONE, "-c:a", "libopus"],
    "tone.aac": TONE,
    "tone.aiff": TONE,
    "tone.mka": TONE,
    "tone.webm": [*TONE, "-c:a", "libopus"],
    # No header that tells the length, and no tag before the first frame.
    "bare.mp3": [*TONE, "-write_xing", "0", "-id3v2_version", "0"],
    "silent.mp4": [*PICTURE, *H264],
    "wide.mp4": [*PICTURE, *H264, "-vf", "setsar=2"],
    # As browsers record: written to where nothing can be put right afterwards.
    "live.webm": [*BOTH, "-c:v", "libvpx", "-c:a", "libopus", "-live", "1"],
    "fragmented.mp4": [*BOTH, *H264, "-movflags", "frag_keyframe+empty_moov"],
    "long.mp4": [
        *("-f", "lavfi", "-i", "color=size=16x16:rate=1/1000:duration=200000"),
        *("-c:v", "mpeg4", "-video_track_timescale", "1000"),
    ],
    "many.mkv": [*TONE, *["-map", "0"] * 33, "-c:a", "pcm_u8"],
    "crowd.mp4": [*TONE, *["-map", "0"] * 300, "-t", "0.1", "-c:a", "pcm_s16be", "-f", "mov"],
    "tall.mkv": [*EMPTY_PICTURE, "-vf", "scale=16:16400", "-c:v", "ffv1"],
    "vast.mkv": [*EMPTY_PICTURE, "-vf", "scale=16384:4100,format=gray,setsar=1/4", "-c:v", "ffv1"],
    "hectic.mkv": [
        *("-f", "lavfi", "-i", "color=size=16x16:rate=2000:duration=0.1", "-c:v", "ffv1"),
    ],
    "cover.png": ["-f", "lavfi", "-i", "color=red:size=50x40", "-frames:v", "1"],
}

# Each of EXIF's for one kind, and for the others one that changes the size and one that does not.
ORIENTATIONS = [
    *[("jpg", orientation) for orientation in range(1, 9)],
    *[(suffix, turn) for suffix in ("png", "webp", "tiff", "avif") for turn in (3, 6)],
]
# What leads elsewhere, and the first bytes of what is taken in.
PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{url}\n#EXT-X-ENDLIST\n",
    "dash": """<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static">
        <Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1">
        <BaseURL>{url}</BaseURL></Representation></AdaptationSet></Period></MPD>""",
    "concat": "ffconcat version 1.0\nfile '{url}'\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
    "m=video {port} RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    "asx": '<asx version="3.0"><entry><ref href="{url}"/></entry></asx>',
    "pls": "[playlist]\nFile1={url}\nNumberOfEntries=1\n",
    "svg": '<svg xmlns="http://www.w3.org/2000/svg"><image href="{url}"/></svg>',
    "rtsp": "RTSPtextRTSP://127.0.0.1:{port}/a",
}
PREFIXES = {
    "nothing": b"",
    "a tag": b"ID3\x04\0\0\0\0\0\x0a" + bytes(10),
    "a tag and a frame": b"ID3\x04\0\0\0\0\0\0\xff\xfb\x90\0",
    "a box": b"\0\0\0\x14ftypisom\0\0\0\0isom",
    "a QuickTime box": b"\0\0\0\x08wide",
    "Matroska": b"\x1a\x45\xdf\xa3\x84\x42\x82\x81w",
    "Ogg": b"OggS\0\x02" + bytes(20),
    "WAV": b"RIFF\xff\0\0\0WAVE",
    "AVI": b"RIFF\xff\0\0\0AVI LIST",
    "FLAC": b"fLaC",
    "AIFF": b"FORM\0\0\0\xffAIFF",
    "FLV": b"FLV\x01\x05\0\0\0\x09",
    "MPEG": b"\0\0\x01\xba",
    "a transport stream": (b"G\x40\0\x10" + b"\xff" * 184) * 5,
    "a frame of AAC": b"\xff\xf1\x50\x80\x02\x1f\xfc",
    "JPEG": b"\xff\xd8\xff\xe0",
    "PNG": b"\x89PNG\r\n\x1a\n",
    "GIF": b"GIF89a",
    "WebP": b"RIFF\xff\0\0\0WEBPVP8 ",
    "AVIF": b"\0\0\0\x14ftypavif\0\0\0\0avif",
    "BMP": b"BM\xff\xff\0\0\0\0\0\0",
    "TIFF": b"II*\0\x08\0\0\0",
}


def make(name: str, directory: Path) -> Path:
    """The sample called `name`, made in `directory` unless it is there."""
    path = directory / name
    if not path.exists():
        unfinished = directory / f"unfinished-{name}"
        ffmpeg(*RECIPES[name], "-bitexact", unfinished)
        unfinished.rename(path)
    return path


def turned(source: Path, target: Path, degrees: int) -> Path:
    """A copy of a film that is to be shown turned."""
    ffmpeg("-display_rotation", degrees, "-i", source, "-c", "copy", target)
    return target


def with_cover(sound: Path, cover: Path, target: Path) -> Path:
    """A copy of a sound that carries a picture."""
    arguments = ["-map", 0, "-map", 1, "-c", "copy", "-disposition:v", "attached_pic"]
    ffmpeg("-i", sound, "-i", cover, *arguments, target)
    return target


def picture(path: Path, *, mode: str = "RGB", **options) -> Path:
    """A picture of 60x40 whose left upper quarter is red, in the format of its name."""
    image = Image.new("RGB", (60, 40), "white")
    image.paste("red", (0, 0, 30, 20))
    image.convert(mode).save(path, **options)
    return path


def with_orientation(path: Path, orientation: int, **options) -> Path:
    """The picture, as one that EXIF says to turn, with a place and a camera."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Camera"
    exif.get_ifd(0x8825)[1] = "N"
    return picture(path, exif=exif, **options)


def animation(path: Path) -> Path:
    """Three frames: red, green, blue."""
    first, *others = (Image.new("RGB", (60, 40), colour) for colour in ("red", "lime", "blue"))
    first.save(path, save_all=True, append_images=others, duration=100, lossless=True)
    return path


def _chunk(kind: bytes, content: bytes) -> bytes:
    checked = kind + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))


def png_bomb(path: Path, side: int) -> Path:
    """A small PNG that says it is `side` x `side`, with a first few rows of its zeros."""
    header = struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0)
    rows = zlib.compress(bytes(4 * side + 1) * 10, 9)
    chunks = _chunk(b"IHDR", header) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    return path


def referring(source: Path, target: Path, other: Path) -> Path:
    """A copy of a QuickTime film without its own samples, which says that `other` has them.

    The alias record is what FFmpeg's mov_read_dref reads: QuickTime File Format, "Data Reference
    Atoms", and Inside Macintosh: Files, "Alias Manager".
    """
    content = source.read_bytes()
    start = content.index(b"mdat")
    size = int.from_bytes(content[start - 4 : start], "big")
    assert content.index(b"moov") > start, "the offsets into the file must not move"
    hollow = content[: start + 4] + bytes(size - 8) + content[start - 4 + size :]
    name = str(other).encode()
    record = bytes(150) + struct.pack(">HH", 2, len(name)) + name + bytes(len(name) % 2)
    alias = struct.pack(">I4sI", len(record) + 16, b"alis", 0) + record + struct.pack(">hh", -1, 0)
    target.write_bytes(_with_reference(hollow, alias))
    return target


def _with_reference(content: bytes, entry: bytes) -> bytes:
    plain = struct.pack(">I4sI", 12, b"url ", 1)
    found = content.find(plain)
    if found < 0:
        plain = struct.pack(">I4sI", 12, b"alis", 1)
        found = content.index(plain)
    changed = bytearray(content[:found] + entry + content[found + len(plain) :])
    for box in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        at = content.rindex(box, 0, found) - 4
        size = int.from_bytes(content[at : at + 4], "big") + len(entry) - len(plain)
        changed[at : at + 4] = size.to_bytes(4, "big")
    return bytes(changed)
