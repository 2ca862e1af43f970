"""Types of files by their bytes."""

import hashlib
import io
import json
import subprocess
import zipfile
from pathlib import Path

import imageio_ffmpeg
import pytest
from PIL import Image

from files.storage.types import FileType, extension_of, file_type_of

OOXML = "application/vnd.openxmlformats-officedocument."
WORD = f"{OOXML}wordprocessingml.document"
EXCEL = f"{OOXML}spreadsheetml.sheet"
POINT = f"{OOXML}presentationml.presentation"
ODT = "application/vnd.oasis.opendocument.text"
PROSE = b"It was a bright cold day in April. " * 1000

SDP = b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 5004 RTP/AVP 96\r\n"
DASH = b'<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>'

BYTES = {
    "html": (b"<!DOCTYPE html><html><head></head></html>", "text/html", ".html"),
    "html after space": (b"\n\n <html><body></body></html>", "text/html", ".html"),
    "script": (b"<script>alert(1)</script>", "text/html", ".html"),
    "html in UTF-16": ("<html><script>".encode("utf-16"), "text/html", ".html"),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "image/svg+xml", ".svg"),
    "svg as xml": (b'<?xml version="1.0"?>\n<!-- --><svg/>', "image/svg+xml", ".svg"),
    "xml": (b'<?xml version="1.0"?>\n<a/>', "application/xml", ".xml"),
    "php": (b"<?php system($_GET['c']); ?>", "text/x-php", ".php"),
    "gif and script": (b"GIF89a/*\0\0*/=1;alert(1)", "image/gif", ".gif"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\n", "application/pdf", ".pdf"),
    "pdf and html": (b"%PDF-1.4\n<html><script>", "application/pdf", ".pdf"),
    "json": (b'{"a": [1, 2, {"b": null}]}', "application/json", ".json"),
    "long json": (json.dumps([{"a": "<html>"}] * 9000).encode(), "application/json", ".json"),
    "cut json": (json.dumps([{"a": 1}] * 9000).encode()[:-1], "text/plain", ".txt"),
    "csv": (b"a,b,c\n1,2,3\n4,5,6\n", "text/csv", ".csv"),
    "prose": (PROSE, "text/plain", ".txt"),
    "one letter": (b"x", "text/plain", ".txt"),
    "one digit": (b"7", "text/plain", ".txt"),
    "a line end": (b"\n", "text/plain", ".txt"),
    "UTF-8": ("Zażółć gęślą jaźń".encode(), "text/plain", ".txt"),
    "UTF-8 cut by the head": ("é".encode() * 9000 + b"x", "text/plain", ".txt"),
    "UTF-8 with a mark": ("\ufeffhello".encode(), "text/plain", ".txt"),
    "UTF-16": ("hello wörld".encode("utf-16"), "text/plain", ".txt"),
    "UTF-16 the other way": (b"\xfe\xff" + "hello".encode("utf-16-be"), "text/plain", ".txt"),
    "Latin-1": ("Grüße aus Köln".encode("latin-1"), "text/plain", ".txt"),
    "a heart": (b"I <3 text, and a < b.\n", "text/plain", ".txt"),
    "mail": (b"From: a@b.test\nTo: c@d.test\nSubject: x\n\nhi", "message/rfc822", ".eml"),
    "shell": (b"#!/bin/sh\necho\n", "text/x-shellscript", ""),
    "m3u8": (b"#EXTM3U\n#EXT-X-VERSION:3\nfile:///etc/passwd\n", "text/plain", ".txt"),
    "ffconcat": (b"ffconcat version 1.0\nfile /etc/passwd\n", "text/plain", ".txt"),
    "sdp": (SDP, "text/plain", ".txt"),
    "dash": (DASH, "application/xml", ".xml"),
    "nul": (b"abc\0def", "application/octet-stream", ".bin"),
    "noise": (hashlib.sha256(b"noise").digest() * 50, "application/octet-stream", ".bin"),
    "nothing": (b"", "application/octet-stream", ".bin"),
    "gzip": (b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x03\x00", "application/gzip", ".gz"),
    "avif": (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf", "image/avif", ".avif"),
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "image/heic", ".heic"),
}

ZIPPED = {
    "zip": (["a.txt", "b/word/c.txt"], "application/zip", ".zip"),
    "docx": (["[Content_Types].xml", "_rels/.rels", "word/document.xml"], WORD, ".docx"),
    "docx by python": (
        ["[Content_Types].xml", "_rels/.rels", "docProps/core.xml", "word/document.xml"],
        WORD,
        ".docx",
    ),
    "docx by pages": (["_rels/.rels", "word/document.xml", "[Content_Types].xml"], WORD, ".docx"),
    "xlsx": (["[Content_Types].xml", "_rels/.rels", "xl/workbook.xml"], EXCEL, ".xlsx"),
    "xlsx by python": (
        ["docProps/app.xml", "xl/styles.xml", "[Content_Types].xml"],
        EXCEL,
        ".xlsx",
    ),
    "pptx": (["[Content_Types].xml", "_rels/.rels", "ppt/presentation.xml"], POINT, ".pptx"),
    "odt": (["mimetype", "content.xml"], ODT, ".odt"),
}

PICTURES = {"png": "image/png", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}

# Container, the arguments of ffmpeg that make one, its type.
RECORDED = {
    "mp4": ("-c:v libx264", "video/mp4", ".mp4"),
    "mov": ("-c:v libx264", "video/quicktime", ".mov"),
    "webm": ("-c:v libvpx", "video/webm", ".webm"),
    "mkv": ("-c:v libx264", "video/matroska", ".mkv"),
    "avi": ("-c:v mpeg4", "video/x-msvideo", ".avi"),
    "mp3": ("-vn", "audio/mpeg", ".mp3"),
    "ogg": ("-vn -c:a libvorbis", "audio/ogg", ".ogg"),
    "flac": ("-vn", "audio/flac", ".flac"),
    "wav": ("-vn", "audio/wav", ".wav"),
    "m4a": ("-vn -c:a aac", "audio/mp4", ".m4a"),
    "aac": ("-vn -c:a aac -f adts", "audio/aac", ".aac"),
}


def type_of(content, folder, name="misleading.exe"):
    path = folder / name
    path.write_bytes(content)
    return file_type_of(path)


@pytest.mark.parametrize("kind", BYTES)
def test_bytes_tell_the_type(kind, tmp_path):
    content, mime_type, extension = BYTES[kind]

    assert type_of(content, tmp_path) == FileType(mime_type, extension)


@pytest.mark.parametrize("kind", ZIPPED)
def test_what_is_in_a_zip_tells_its_type(kind, tmp_path):
    names, mime_type, extension = ZIPPED[kind]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name in names:
            file.writestr(name, mime_type if name == "mimetype" else "<xml/>" * 50)

    assert type_of(archive.getvalue(), tmp_path) == FileType(mime_type, extension)


@pytest.mark.parametrize("kind", PICTURES)
def test_pictures_are_told_apart(kind, tmp_path):
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, format=kind)

    assert type_of(file.getvalue(), tmp_path).mime_type == PICTURES[kind]


@pytest.mark.parametrize("kind", RECORDED)
def test_recordings_are_told_apart(kind, tmp_path):
    arguments, mime_type, extension = RECORDED[kind]
    path = tmp_path / f"made.{kind}"
    sources = ["-f", "lavfi", "-i", "testsrc=s=64x64:d=0.2", "-f", "lavfi", "-i", "sine=d=0.2"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *sources, *arguments.split(), path]
    subprocess.run(command, check=True)  # noqa: S603 - our own words

    assert type_of(path.read_bytes(), tmp_path) == FileType(mime_type, extension)


def test_a_program_is_no_text(tmp_path):
    program = Path("/bin/sh").read_bytes()

    assert type_of(program, tmp_path).mime_type.startswith("application/x-")


@pytest.mark.parametrize("name", ["x.png", "x.mp4", "x"])
def test_the_name_tells_nothing(tmp_path, name):
    assert type_of(b"<html></html>", tmp_path, name).mime_type == "text/html"


def test_a_type_that_is_not_known_has_no_extension():
    assert extension_of("image/jpeg") == ".jpg"
    assert extension_of("chemical/x-pdb") == ""
