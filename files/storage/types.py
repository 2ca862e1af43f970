"""What a file is, told by its bytes and never by its name."""

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

import orjson

HEAD_BYTES = 16 * 1024
JSON_BYTES_MAX = 1024 * 1024
UNKNOWN = "application/octet-stream"
PLAIN = "text/plain"
JSON = "application/json"

# libmagic's own names and what is registered at IANA, or at least said by browsers.
REGISTERED = {
    "application/font-sfnt": "font/sfnt",
    "application/vnd.ms-opentype": "font/otf",
    "application/x-dosexec": "application/vnd.microsoft.portable-executable",
    "application/x-empty": UNKNOWN,
    "application/x-gzip": "application/gzip",
    "application/x-rar": "application/vnd.rar",
    "application/x-sqlite3": "application/vnd.sqlite3",
    "application/x-wine-extension-ini": PLAIN,
    "application/x-zip-compressed": "application/zip",
    "application/x-zstd": "application/zstd",
    "audio/vnd.wave": "audio/wav",
    "audio/x-flac": "audio/flac",
    "audio/x-hx-aac-adts": "audio/aac",
    "audio/x-m4a": "audio/mp4",
    "audio/x-mp4a-latm": "audio/mp4",
    "audio/x-wav": "audio/wav",
    "image/x-icon": "image/vnd.microsoft.icon",
    "image/x-ms-bmp": "image/bmp",
    "text/x-json": "application/json",
    "text/xml": "application/xml",
    "video/x-m4v": "video/mp4",
    "video/x-matroska": "video/matroska",
}

OOXML = "application/vnd.openxmlformats-officedocument."
DOCX, XLSX, PPTX = (
    f"{OOXML}{kind}"
    for kind in ("wordprocessingml.document", "spreadsheetml.sheet", "presentationml.presentation")
)
EXTENSIONS = {
    PLAIN: ".txt",
    UNKNOWN: ".bin",
    DOCX: ".docx",
    XLSX: ".xlsx",
    PPTX: ".pptx",
    "application/epub+zip": ".epub",
    "application/gzip": ".gz",
    "application/json": ".json",
    "application/msword": ".doc",
    "application/ogg": ".ogg",
    "application/pdf": ".pdf",
    "application/postscript": ".ps",
    "application/vnd.apple.mpegurl": ".m3u8",
    "application/vnd.ms-excel": ".xls",
    "application/vnd.ms-powerpoint": ".ppt",
    "application/vnd.oasis.opendocument.presentation": ".odp",
    "application/vnd.oasis.opendocument.spreadsheet": ".ods",
    "application/vnd.oasis.opendocument.text": ".odt",
    "application/vnd.rar": ".rar",
    "application/vnd.sqlite3": ".sqlite3",
    "application/x-7z-compressed": ".7z",
    "application/x-bzip2": ".bz2",
    "application/x-tar": ".tar",
    "application/x-xz": ".xz",
    "application/xml": ".xml",
    "application/zip": ".zip",
    "application/zstd": ".zst",
    "audio/aac": ".aac",
    "audio/flac": ".flac",
    "audio/midi": ".mid",
    "audio/mp4": ".m4a",
    "audio/mpeg": ".mp3",
    "audio/ogg": ".ogg",
    "audio/wav": ".wav",
    "font/otf": ".otf",
    "font/ttf": ".ttf",
    "font/woff": ".woff",
    "font/woff2": ".woff2",
    "image/avif": ".avif",
    "image/bmp": ".bmp",
    "image/gif": ".gif",
    "image/heic": ".heic",
    "image/heif": ".heif",
    "image/jp2": ".jp2",
    "image/jpeg": ".jpg",
    "image/jxl": ".jxl",
    "image/png": ".png",
    "image/svg+xml": ".svg",
    "image/tiff": ".tif",
    "image/vnd.adobe.photoshop": ".psd",
    "image/vnd.microsoft.icon": ".ico",
    "image/webp": ".webp",
    "message/rfc822": ".eml",
    "text/calendar": ".ics",
    "text/csv": ".csv",
    "text/html": ".html",
    "text/rtf": ".rtf",
    "text/vcard": ".vcf",
    "text/x-php": ".php",
    "video/3gpp": ".3gp",
    "video/matroska": ".mkv",
    "video/mp2t": ".ts",
    "video/mp4": ".mp4",
    "video/mpeg": ".mpg",
    "video/ogg": ".ogv",
    "video/quicktime": ".mov",
    "video/webm": ".webm",
    "video/x-flv": ".flv",
    "video/x-ms-asf": ".asf",
    "video/x-msvideo": ".avi",
}

# Members of a ZIP by their local headers; libmagic knows office files in some orders only.
OFFICE_PACKAGE = re.compile(
    rb"PK\x03\x04.{26}(\[Content_Types\]\.xml|_rels/|docProps/)", re.DOTALL
)
OFFICE_PART = re.compile(rb"PK\x03\x04.{26}(word|xl|ppt)/", re.DOTALL)
OFFICE_TYPES = {b"word": DOCX, b"xl": XLSX, b"ppt": PPTX}

MIME_TYPE = 0x10
WITHOUT_TEXT = 0x20000

CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
# Only text with one of these may be markup or code, which takes libmagic's patterns to tell.
MARKUP = re.compile(r"<|^#!|^#include|^Received:|^From:|^MIME-Version:", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class FileType:
    """A media type, and the extension with its dot that goes with it, or none."""

    mime_type: str
    extension: str


def file_type_of(path: Path) -> FileType:
    """The type by the first 16 KiB; for JSON, by the whole of at most 1 MiB.

    Costs up to 0.5 ms, and up to 5 ms for text with markup that is no known language. Files in
    several languages at once get the type of the one that comes first. Playlists, session
    descriptions and the like are plain text, or XML.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        if len(head) == HEAD_BYTES and head.lstrip()[:1] in {b"{", b"["}:
            # libmagic knows JSON only by its end.
            head += file.read(JSON_BYTES_MAX + 1 - HEAD_BYTES)
    mime_type = JSON if _is_long_json(head) else _mime_type_of(head[:HEAD_BYTES])
    return FileType(mime_type, extension_of(mime_type))


def extension_of(mime_type: str) -> str:
    """The extension with its dot of files of a type, or "" for one that is not in the table."""
    return EXTENSIONS.get(mime_type, "")


def _mime_type_of(head: bytes) -> str:
    # Apart from the patterns for text, which take 2 to 7 ms to fail: libmagic compiles each
    # regular expression anew for each file.
    without_text, with_text = _detectors()
    found = without_text(head)
    if found in {UNKNOWN, "application/zip"} and (office := _office_type(head)):
        return office
    if found == UNKNOWN and (text := _decoded(head)) is not None:
        found = with_text(head) if MARKUP.search(text) else PLAIN
    elif found == UNKNOWN and b"\0" not in head:
        # Perhaps text in an older encoding, such as Latin-1.
        found = with_text(head)
    return REGISTERED.get(found, found)


def _decoded(head: bytes) -> str | None:
    """The text that `head` begins, in UTF-8 or in UTF-16 that says so; None for anything else."""
    encoding = "utf-16" if head[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE} else "utf-8"
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head, final=False)
    except UnicodeDecodeError:
        return None
    return None if CONTROL.search(text) or not text else text


def _is_long_json(text: bytes) -> bool:
    if not HEAD_BYTES < len(text) <= JSON_BYTES_MAX:
        return False
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _office_type(head: bytes) -> str | None:
    if not (OFFICE_PACKAGE.search(head) and (part := OFFICE_PART.search(head))):
        return None
    return OFFICE_TYPES[part[1]]


@cache
def _detectors() -> tuple[Callable[[bytes], str], Callable[[bytes], str]]:
    """libmagic without and with its patterns for text, loaded when the first file comes."""
    # First the package that brings the library, then the one that looks for it: the system's own
    # could not read the first one's patterns.
    import_module("pylibmagic")
    magic = import_module("magic")
    fast, slow = magic.Magic(mime=True), magic.Magic(mime=True)
    magic.magic_setflags(fast.cookie, MIME_TYPE | WITHOUT_TEXT)
    return fast.from_buffer, slow.from_buffer
