"""Keeping the log files of a data directory small."""

import os
import shutil
from pathlib import Path

ROTATE_ABOVE_BYTES = 20 * 1024 * 1024
KEPT_FILES = 3
CHECK_SECONDS = 60.0


def rotate_logs(directory: Path, *, above_bytes: int = ROTATE_ABOVE_BYTES) -> list[Path]:
    """Set aside every log above the limit as `<name>.1`, keep three, and return what was rotated.

    A `.jsonl` file is renamed: its writers notice and open a new one. The servers never reopen
    theirs, so a `.log` file is copied and then emptied in place.
    """
    rotated = []
    for path in sorted([*directory.glob("*.jsonl"), *directory.glob("*.log")]):
        if path.is_file() and path.stat().st_size > above_bytes:
            make_room(path)
            if path.suffix == ".jsonl":
                path.rename(numbered(path, 1))
            else:
                shutil.copyfile(path, numbered(path, 1))
                os.truncate(path, 0)
            rotated.append(path)
    return rotated


def make_room(path: Path) -> None:
    for number in range(KEPT_FILES - 1, 0, -1):
        if numbered(path, number).exists():
            numbered(path, number).replace(numbered(path, number + 1))


def numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def last_lines(path: Path, *, since_byte: int, count: int = 6) -> str:
    """The end of what was written to `path` after `since_byte`, indented for the console."""
    try:
        written = path.read_bytes()[since_byte:].decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(f"  {line}" for line in written.splitlines()[-count:])
