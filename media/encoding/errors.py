"""How an encoding can end badly, in words for whoever asked for it."""

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from alice.common import sandbox

logger = logging.getLogger("alice.media")

# What ffmpeg says, and what it means to somebody who does not know ffmpeg. The first that fits.
REASONS = {
    "moov atom not found": "its index is missing, it was probably cut off",
    "Decode error rate": "too much of it is damaged",
    "Decoder not found": "it is encoded in a way that is not supported",
    "no decoder found": "it is encoded in a way that is not supported",
    "Could not find codec parameters": "it is encoded in a way that is not supported",
    "matches no streams": "it holds nothing of the kind that is needed",
    "does not contain any stream": "it holds neither pictures nor sound",
    "Cannot allocate memory": "that takes more memory than it may",
    "Picture size": "its frames are too large",
    "no packets": "nothing in it could be decoded",
}
OTHER_REASON = "its content is damaged"
NO_SPACE = ("No space left on device", "Disk quota exceeded")


class EncoderMissing(Exception):
    """There is no ffmpeg to run."""


class EncodingFailed(Exception):
    """The file cannot be encoded, now or later; the message is a sentence that says why."""


class EncodingTooLong(EncodingFailed):
    """The time that it may take was spent."""


class EncodingTooLarge(EncodingFailed):
    """The result would be larger than it may be."""


class ResultIncomplete(Exception):
    """ffmpeg ended well and did not leave behind all that it wrote: worth another try."""


@contextmanager
def told_plainly(*, seconds_max: float, bytes_max: int) -> Iterator[None]:
    """Turn what ends ffmpeg inside the block into `EncodingFailed` and its subclasses.

    A full disk becomes OSError with ENOSPC, which is worth another try, as is
    `sandbox.ToolKilled`, which comes through. ffmpeg's own words go to the log only: they hold
    paths.
    """
    try:
        yield
    except sandbox.TimeSpent as error:
        raise EncodingTooLong(
            f"The encoding was stopped: it may take {seconds_max:g} seconds."
        ) from error
    except sandbox.OutputTooLarge as error:
        raise too_large(bytes_max) from error
    except sandbox.ToolFailed as error:
        logger.info("ffmpeg failed", extra={"last_words": error.last_words})
        if any(words in error.last_words for words in NO_SPACE):
            raise no_space() from error
        raise EncodingFailed(f"The file cannot be decoded: {_reason(error)}.") from error


def no_space() -> OSError:
    """The error of a full disk."""
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def too_large(bytes_max: int) -> EncodingTooLarge:
    """The error that names the limit."""
    return EncodingTooLarge(
        f"The encoding was stopped: its result may have {bytes_max / 1024**2:.4g} MiB."
    )


def _reason(error: sandbox.ToolFailed) -> str:
    found = (reason for words, reason in REASONS.items() if words in error.last_words)
    return next(found, OTHER_REASON)
