"""POSIX access lists of directories, read and written without any library.

The layout is that of the kernel's `system.posix_acl_access` attribute
(include/uapi/linux/posix_acl_xattr.h); the rules are those of acl(5).
"""

import errno
import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

ATTRIBUTE = "system.posix_acl_access"
VERSION = 2
HEADER = struct.Struct("<I")
ENTRY = struct.Struct("<HHI")
NO_ID = 0xFFFFFFFF

USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
EXECUTE = 1
MASKED_TAGS = {USER, GROUP_OBJ, GROUP}


@dataclass(frozen=True, order=True)
class Entry:
    """One line of an access list: whom it is about and the rwx bits granted."""

    tag: int
    id: int
    bits: int


def entries_of_mode(mode: int) -> list[Entry]:
    """The access list that the permission bits of `mode` stand for."""
    return [
        Entry(USER_OBJ, NO_ID, mode >> 6 & 7),
        Entry(GROUP_OBJ, NO_ID, mode >> 3 & 7),
        Entry(OTHER, NO_ID, mode & 7),
    ]


def decode(raw: bytes) -> list[Entry]:
    return [Entry(tag, id_, bits) for tag, bits, id_ in ENTRY.iter_unpack(raw[HEADER.size :])]


def encode(entries: Iterable[Entry]) -> bytes:
    # The kernel refuses a list that is not ordered by tag and id.
    packed = (ENTRY.pack(entry.tag, entry.bits, entry.id) for entry in sorted(entries))
    return HEADER.pack(VERSION) + b"".join(packed)


def read_entries(path: Path) -> list[Entry]:
    """The access list of `path`, made of its mode where it has none of its own."""
    try:
        return decode(os.getxattr(path, ATTRIBUTE))
    except (OSError, AttributeError):
        return entries_of_mode(path.stat().st_mode)


def write_entries(path: Path, entries: Iterable[Entry]) -> bool:
    """Give `path` this access list; False where the file system knows none."""
    try:
        os.setxattr(path, ATTRIBUTE, encode(entries))
    except AttributeError:
        return False
    except OSError as error:
        if error.errno in {errno.ENOTSUP, errno.EOPNOTSUPP}:
            return False
        raise
    return True


def with_traversal(entries: Iterable[Entry], *, uid: int) -> list[Entry]:
    """The same list, with leave for `uid`, and nobody else, to pass through the directory."""
    mask = next((entry.bits for entry in entries if entry.tag == MASK), None)
    kept: list[Entry] = []
    granted = EXECUTE
    for entry in entries:
        # A wider mask must not wake up bits of others that the old mask held down.
        is_masked = mask is not None and entry.tag in MASKED_TAGS
        bits = entry.bits & (mask or 0) if is_masked else entry.bits
        if (entry.tag, entry.id) == (USER, uid):
            granted |= bits
        elif entry.tag != MASK:
            kept.append(replace(entry, bits=bits))
    kept.append(Entry(USER, uid, granted))
    widest = 0
    for entry in kept:
        widest |= entry.bits if entry.tag in MASKED_TAGS else 0
    return sorted([*kept, Entry(MASK, NO_ID, widest)])


def may_traverse(
    entries: Iterable[Entry], *, owner: tuple[int, int], uid: int, gids: Iterable[int]
) -> bool:
    """Whether `uid` in groups `gids` may pass a directory of `owner` (uid, gid): see acl(5)."""
    lines = list(entries)
    mask = next((entry.bits for entry in lines if entry.tag == MASK), 7)
    bits = {(entry.tag, entry.id): entry.bits for entry in lines}
    if uid == owner[0]:
        return bool(bits[USER_OBJ, NO_ID] & EXECUTE)
    if (USER, uid) in bits:
        return bool(bits[USER, uid] & mask & EXECUTE)
    groups = [bits[GROUP, gid] for gid in gids if (GROUP, gid) in bits]
    if owner[1] in gids:
        groups.append(bits[GROUP_OBJ, NO_ID])
    if groups:
        return any(group & mask & EXECUTE for group in groups)
    return bool(bits[OTHER, NO_ID] & EXECUTE)
