"""Bytes on their way out: whole, in part, or by a link of the store (RFC 9110, 13 to 15)."""

import logging
from collections.abc import Iterator
from datetime import datetime
from typing import BinaryIO, Protocol

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase, HttpResponseRedirect
from django.utils.http import content_disposition_header, http_date, parse_http_date_safe

from alice.common.byte_ranges import ByteRange, requested_range
from alice.common.conditional import PreconditionFailed, if_match_of, is_not_modified
from alice.common.errors import NotFound
from files.storage.protocol import Store
from files.storage.stores import store

logger = logging.getLogger("alice.storage")

BLOCK_BYTES = 256 * 1024
LINK_SECONDS = 300

# What is opened as a page of its own gets no origin, runs no script and loads nothing. For sound
# and film the browser makes a page with a player, styled inline, which asks for the same address
# once more: Chromium lets it only if the page has an origin. There is no script in either.
SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'"
PLAYER = (
    "sandbox allow-same-origin; default-src 'none'; media-src 'self'; style-src 'unsafe-inline'"
)


class StoredBlob(Protocol):
    """What is known of stored bytes without reading them."""

    @property
    def name(self) -> str: ...
    @property
    def size_bytes(self) -> int: ...
    @property
    def sha256(self) -> str: ...
    @property
    def mime_type(self) -> str: ...
    @property
    def created_at(self) -> datetime: ...


def blob_response(
    request: HttpRequest,
    blob: StoredBlob,
    *,
    filename: str,
    is_attachment: bool,
    is_redirected: bool = True,
) -> HttpResponseBase:
    """Answer GET or HEAD with a blob: 200, 206, 304, or 302 to the store's own link.

    With `is_redirected=False` the bytes come from us whatever the store is. No query is needed
    once this has returned. Raises `RangeNotSatisfiable` (416), `PreconditionFailed` (412), and
    `NotFound` when there are no bytes, which is logged as the fault it is.
    """
    answer = _Answer(request, blob, filename, is_attachment=is_attachment)
    answer.check_preconditions()
    if answer.is_not_modified():
        return HttpResponse(status=304, headers=answer.validators)
    part = answer.wanted_part()
    holder = store()
    link = answer.link(holder) if is_redirected else None
    if link is None:
        return answer.streamed(holder, part)
    if request.method == "HEAD":
        return answer.head()
    return HttpResponseRedirect(link, headers={"Cache-Control": "private, no-store"})


class _Answer:
    """One blob and what a request says of it."""

    def __init__(
        self, request: HttpRequest, blob: StoredBlob, filename: str, *, is_attachment: bool
    ) -> None:
        self.request = request
        self.blob = blob
        self.etag = f'"{blob.sha256}"'
        self.modified_at = int(blob.created_at.timestamp())
        self.disposition = content_disposition_header(is_attachment, filename) or "inline"

    @property
    def validators(self) -> dict[str, str]:
        return {
            "ETag": self.etag,
            "Last-Modified": http_date(self.modified_at),
            "Cache-Control": "private, no-cache",
        }

    @property
    def policy(self) -> str:
        return PLAYER if self.blob.mime_type.startswith(("audio/", "video/")) else SANDBOX

    @property
    def headers(self) -> dict[str, str]:
        return self.validators | {
            "Accept-Ranges": "bytes",
            "Content-Disposition": self.disposition,
            "Content-Length": str(self.blob.size_bytes),
            "Content-Security-Policy": self.policy,
            "Content-Type": self.blob.mime_type,
            # Pages of other origins may embed it: who has no token or signed link gets nothing.
            "Cross-Origin-Resource-Policy": "cross-origin",
            "X-Content-Type-Options": "nosniff",
        }

    def check_preconditions(self) -> None:
        """If-Match, or else If-Unmodified-Since (13.2.2)."""
        meta = self.request.META
        if "HTTP_IF_MATCH" in meta:
            if_match_of(self.request).require(self.etag)
            return
        since = parse_http_date_safe(meta.get("HTTP_IF_UNMODIFIED_SINCE", ""))
        if since is not None and self.modified_at > since:
            raise PreconditionFailed

    def is_not_modified(self) -> bool:
        """If-None-Match, or else If-Modified-Since."""
        meta = self.request.META
        if "HTTP_IF_NONE_MATCH" in meta:
            return is_not_modified(self.request, self.etag)
        since = parse_http_date_safe(meta.get("HTTP_IF_MODIFIED_SINCE", ""))
        return since is not None and self.modified_at <= since

    def wanted_part(self) -> ByteRange | None:
        """The range of a GET, unless If-Range names another version."""
        meta = self.request.META
        unless_changed = meta.get("HTTP_IF_RANGE", "").strip()
        is_same = unless_changed in {"", self.etag, http_date(self.modified_at)}
        if self.request.method != "GET" or not is_same:
            return None
        return requested_range(meta.get("HTTP_RANGE", ""), self.blob.size_bytes)

    def link(self, holder: Store) -> str | None:
        """Where the store serves the bytes itself, if it does."""
        return holder.link(
            self.blob.name,
            content_type=self.blob.mime_type,
            disposition=self.disposition,
            seconds=LINK_SECONDS,
        )

    def head(self) -> HttpResponse:
        """The headers of the whole (9.3.2); without asking the store."""
        return HttpResponse(headers=self.headers)

    def streamed(self, holder: Store, part: ByteRange | None) -> HttpResponseBase:
        """The bytes, whole or in part."""
        wanted = part or ByteRange(0, self.blob.size_bytes - 1)
        blocks = Blocks(self._opened(holder, wanted.first), wanted.length)
        if self.request.method == "HEAD":
            blocks.close()
            return self.head()
        response = StreamingHttpResponse(blocks, headers=self.headers)
        if part is not None:
            response.status_code = 206
            response.headers["Content-Range"] = part.content_range(self.blob.size_bytes)
            response.headers["Content-Length"] = str(part.length)
        return response

    def _opened(self, holder: Store, first: int) -> BinaryIO:
        try:
            return holder.open(self.blob.name, first=first)
        except NotFound:
            logger.exception("The bytes of blob %s are missing", self.blob.name)
            raise


class Blocks(Iterator[bytes]):
    """The next `length` bytes of an open file in blocks of 256 KiB; closes the file.

    Blocks may be pulled by different threads, one after the other.
    """

    def __init__(self, file: BinaryIO, length: int) -> None:
        self._file = file
        self._left = length

    def __next__(self) -> bytes:
        block = self._file.read(min(BLOCK_BYTES, self._left)) if self._left else b""
        if not block:
            self.close()
            raise StopIteration
        self._left -= len(block)
        return block

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._left = 0
        self._file.close()
