"""What several of these tests need."""

import resource
from contextlib import contextmanager
from pathlib import Path

from files.storage.incoming import Incoming


def received(content=b"some bytes", limit=10**9):
    """A file that was received whole; it lies in the test's data directory."""
    incoming = Incoming(limit=limit)
    incoming.write(content)
    return incoming.finish()


def files_below(directory):
    """All files, as paths relative to the directory."""
    found = Path(directory).rglob("*")
    return sorted(str(path.relative_to(directory)) for path in found if path.is_file())


@contextmanager
def no_file_above(size_bytes):
    """The kernel refuses to let any file grow past this size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
