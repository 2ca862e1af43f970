"""The headers of tus 1.0 (https://tus.io/protocols/resumable-upload)."""

import base64
import binascii
import re
from collections.abc import Mapping

from alice.common.errors import DomainError, Invalid
from files.services.uploads import CHECKSUM_ALGORITHMS, Checksum

VERSION = "1.0.0"
EXTENSIONS = "creation,termination,checksum,expiration"
PIECE_TYPE = "application/offset+octet-stream"

NUMBER = re.compile(r"[0-9]{1,19}")
KEY = re.compile(r"[\x21-\x2b\x2d-\x7e]+")


class VersionUnsupported(DomainError):
    code = "tus_version_unsupported"
    status = 412
    detail = f"Send 'Tus-Resumable: {VERSION}'."

    def __init__(self) -> None:
        super().__init__(headers={"Tus-Version": VERSION})


class NotAPiece(DomainError):
    code = "unsupported_media_type"
    status = 415
    detail = f"Send the bytes with 'Content-Type: {PIECE_TYPE}'."


def number_of(headers: Mapping[str, str], name: str) -> int:
    """A header that is a number of bytes; raises `Invalid` where it is missing or is none."""
    text = headers.get(name, "")
    if not NUMBER.fullmatch(text):
        raise Invalid(f"{name}: Give the number of bytes, in digits.")
    return int(text)


def length_of(headers: Mapping[str, str]) -> int:
    """How long the upload will be. Raises `Invalid`, also where that is to be said later."""
    if "Upload-Defer-Length" in headers:
        raise Invalid("Upload-Defer-Length: The length must be known from the start.")
    return number_of(headers, "Upload-Length")


def metadata_of(headers: Mapping[str, str]) -> dict[str, str]:
    """Upload-Metadata decoded: pairs of a key and text in Base64, which may be left out.

    Raises `Invalid` for anything else, and for a key that comes twice.
    """
    header = headers.get("Upload-Metadata", "").strip(" \t")
    pairs = [_pair(text) for text in header.split(",")] if header else []
    metadata = dict(pairs)
    if len(metadata) < len(pairs):
        raise Invalid("Upload-Metadata: Give each key once.")
    return metadata


def _pair(text: str) -> tuple[str, str]:
    key, _, value = text.strip(" \t").partition(" ")
    if not KEY.fullmatch(key):
        raise Invalid("Upload-Metadata: Give pairs of a key and Base64, with commas between.")
    try:
        decoded = base64.b64decode(value.strip(" \t"), validate=True).decode()
    except ValueError:
        raise Invalid(f"Upload-Metadata: {key} is not UTF-8 text in Base64.") from None
    if "\0" in decoded:
        raise Invalid(f"Upload-Metadata: {key} holds a NUL character.")
    return key, decoded


def checksum_of(headers: Mapping[str, str]) -> Checksum | None:
    """What the bytes must hash to, if the client says so; raises `Invalid` for an unknown way."""
    if "Upload-Checksum" not in headers:
        return None
    algorithm, _, digest = headers["Upload-Checksum"].partition(" ")
    if algorithm not in CHECKSUM_ALGORITHMS:
        known = ", ".join(CHECKSUM_ALGORITHMS)
        raise Invalid(f"Upload-Checksum: Use one of these algorithms: {known}.")
    try:
        return Checksum(algorithm, base64.b64decode(digest.strip(), validate=True))
    except binascii.Error:
        raise Invalid("Upload-Checksum: Give the checksum in Base64.") from None
