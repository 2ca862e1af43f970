"""Which reader a file is for, by its first bytes: nothing that is not listed here is opened.

What FFmpeg would try by itself (playlists, sdp, concat, image sequences, text) is not listed, and
the reader is forced, so that nothing in a file can choose it.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

HEAD_BYTES = 4096


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of file. Each of the names is a mime type and an extension."""

    container: str  # FFmpeg's demuxer, Pillow's format for pictures
    video: tuple[str, str] | None = None
    audio: tuple[str, str] | None = None
    image: tuple[str, str] | None = None


ISO_MEDIA = "mov,mp4,m4a,3gp,3g2,mj2"
M4A = ("audio/mp4", ".m4a")
MP4 = Kind(container=ISO_MEDIA, video=("video/mp4", ".mp4"), audio=M4A)
MOV = Kind(container=ISO_MEDIA, video=("video/quicktime", ".mov"), audio=M4A)
THREE_GP = Kind(container=ISO_MEDIA, video=("video/3gpp", ".3gp"), audio=("audio/3gpp", ".3gp"))
THREE_G2 = Kind(container=ISO_MEDIA, video=("video/3gpp2", ".3g2"), audio=("audio/3gpp2", ".3g2"))
MATROSKA = Kind(
    container="matroska,webm",
    video=("video/x-matroska", ".mkv"),
    audio=("audio/x-matroska", ".mka"),
)
WEBM = Kind(
    container="matroska,webm", video=("video/webm", ".webm"), audio=("audio/webm", ".webm")
)
OGG = Kind(container="ogg", video=("video/ogg", ".ogv"), audio=("audio/ogg", ".ogg"))
AVI = Kind(container="avi", video=("video/x-msvideo", ".avi"))
MPEG_TS = Kind(container="mpegts", video=("video/mp2t", ".ts"))
MPEG_PS = Kind(container="mpeg", video=("video/mpeg", ".mpg"))
FLV = Kind(container="flv", video=("video/x-flv", ".flv"))
MP3 = Kind(container="mp3", audio=("audio/mpeg", ".mp3"))
WAV = Kind(container="wav", audio=("audio/wav", ".wav"))
FLAC = Kind(container="flac", audio=("audio/flac", ".flac"))
AAC = Kind(container="aac", audio=("audio/aac", ".aac"))
AIFF = Kind(container="aiff", audio=("audio/aiff", ".aiff"))
JPEG = Kind(container="JPEG", image=("image/jpeg", ".jpg"))
PNG = Kind(container="PNG", image=("image/png", ".png"))
GIF = Kind(container="GIF", image=("image/gif", ".gif"))
WEBP = Kind(container="WEBP", image=("image/webp", ".webp"))
AVIF = Kind(container="AVIF", image=("image/avif", ".avif"))
BMP = Kind(container="BMP", image=("image/bmp", ".bmp"))
TIFF = Kind(container="TIFF", image=("image/tiff", ".tif"))

SIGNATURES: list[tuple[bytes, Kind]] = [
    (rb"\xff\xd8\xff", JPEG),
    (rb"\x89PNG\r\n\x1a\n", PNG),
    (rb"GIF8[79]a", GIF),
    (rb"RIFF....WEBP", WEBP),
    (rb"(II\*\0|MM\0\*)", TIFF),
    (rb"BM.{4}\0{4}", BMP),
    (rb"....ftyp(avif|avis)", AVIF),
    (rb"....ftyp(hei|hev|mif1|msf1)", AVIF),  # where `_is_avif` says so
    (rb"....ftypqt  ", MOV),
    (rb"....ftyp3g2", THREE_G2),
    (rb"....ftyp3g", THREE_GP),
    (rb"....ftyp", MP4),
    (rb"....(moov|mdat|wide|free|skip|pnot)", MOV),  # QuickTime from before `ftyp`
    (rb"\x1a\x45\xdf\xa3.{0,40}?\x42\x82.{1,8}?webm", WEBM),
    (rb"\x1a\x45\xdf\xa3", MATROSKA),
    (rb"OggS\0", OGG),
    (rb"RIFF....AVI ", AVI),
    (rb"(RIFF|RF64)....WAVE", WAV),
    (rb"fLaC", FLAC),
    (rb"FORM....AIF[FC]", AIFF),
    (rb"FLV\x01", FLV),
    (rb"\0\0\x01\xba", MPEG_PS),
    (rb"(\x47.{187}){4}\x47", MPEG_TS),  # ISO/IEC 13818-1, 2.4.3.2
    (rb"(.{4}\x47.{187}){4}.{4}\x47", MPEG_TS),  # with the time codes of Blu-ray and AVCHD
    (rb"\xff[\xf0\xf1\xf8\xf9]", AAC),  # ADTS: layer 0
    (rb"\xff[\xe2-\xe5\xf2-\xf5\xfa-\xfd]", MP3),  # ISO/IEC 11172-3, 2.4.1.3: layers II and III
]
COMPILED = [(re.compile(pattern, re.DOTALL), kind) for pattern, kind in SIGNATURES]


def kind_of(path: Path) -> Kind | None:
    """The kind of the file at `path`, by its bytes alone; None for what is not accepted.

    The sound formats may begin with an ID3v2 tag.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        if head.startswith(b"ID3"):
            head = _after_id3(file, head)
    kind = next((kind for pattern, kind in COMPILED if pattern.match(head)), None)
    return None if kind is AVIF and not _is_avif(head) else kind


def _after_id3(file: BinaryIO, head: bytes) -> bytes:
    # ID3v2.4.0, section 3.1: the size has seven bits a byte and leaves the header out.
    size = 0
    for byte in head[6:10]:
        size = size << 7 | byte & 0x7F
    file.seek(10 + size)
    return file.read(HEAD_BYTES).lstrip(b"\0")


def _is_avif(head: bytes) -> bool:
    # ISO/IEC 23000-12: the brands of the box, of which the major one may be that of HEIF.
    size = int.from_bytes(head[:4], "big")
    return re.search(rb"avi[fs]", head[8:size]) is not None
