"""The name a file came with, made harmless. It is shown and sent back, and never used as a path.

Names that only Windows reserves (`CON`) stay: browsers rename those themselves when they save.
"""

import re
import unicodedata

from alice.common.errors import Invalid

NAME_MAX = 255
EXTENSION_BYTES_MAX = 32
# Control and format characters, such as those that turn the direction of writing; separators of
# lines and paragraphs; surrogates.
REMOVED = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs"})
SPACES = (0x20, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000)  # all of Zs
TRAILING = "." + "".join(map(chr, SPACES))
NO_NAME = "The name of the file is empty. Give it one."


def clean_filename(text: str) -> str:
    """The last part of a path, without invisible characters, in NFC, of at most 255 bytes.

    Both kinds of slashes separate. Spaces around it and dots after it go; of a name that is too
    long the extension stays. Raises `Invalid`, naming `file`, when nothing is left.
    """
    base = re.split(r"[/\\]", text)[-1]
    seen = "".join(char for char in base if unicodedata.category(char) not in REMOVED)
    name = _trimmed(unicodedata.normalize("NFC", seen))
    if len(name.encode()) > NAME_MAX:
        name = _shortened(name)
    if not name:
        raise Invalid(f"file: {NO_NAME}", errors={"file": [NO_NAME]})
    return name


def _trimmed(name: str) -> str:
    return name.rstrip(TRAILING).lstrip()


def _shortened(name: str) -> str:
    stem, dot, extension = name.rpartition(".")
    ending = (dot + extension).encode()
    if not stem or len(ending) > EXTENSION_BYTES_MAX:
        stem, ending = name, b""
    kept = stem.encode()[: NAME_MAX - len(ending)].decode(errors="ignore")
    return _trimmed(kept) + ending.decode()
