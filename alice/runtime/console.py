"""Lines for the person at the terminal."""

import contextlib
import sys
from typing import TextIO


class Console:
    """Writes one line per event and never fails: the terminal may be gone before Alice is."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = sys.stdout if stream is None else stream

    def say(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            self.stream.write(text + "\n")
            self.stream.flush()
