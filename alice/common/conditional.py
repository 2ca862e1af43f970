"""ETag, If-None-Match and If-Match (RFC 9110, sections 8.8.3 and 13.1)."""

import hashlib
import re
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from alice.common.errors import DomainError, Invalid

ENTITY_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
VERSION_AND_DIGEST = re.compile(r"\A([0-9]+)-[0-9a-f]{16}\Z")
DIGEST_BYTES = 8
NOT_A_LIST_OF_TAGS = 'If-Match must be * or quoted entity tags, such as "3".'


class PreconditionFailed(DomainError):
    code = "precondition_failed"
    status = 412
    detail = "This has changed since you read it. Read it again, then repeat your change."


def etag_of(version: int, *, body: bytes | None = None) -> str:
    """The strong entity tag of a row that counts its versions.

    With a `body` it is that of a representation which changes without a new version, as signed
    links do: a 304 must not leave a reader with links that are over. If-Match looks at the
    version alone.
    """
    if body is None:
        return f'"{version}"'
    return f'"{version}-{hashlib.blake2b(body, digest_size=DIGEST_BYTES).hexdigest()}"'


@dataclass(frozen=True, slots=True)
class IfMatch:
    """What a client believes to be current; checked under the row's lock by the service."""

    tags: frozenset[str] | None = None

    def require(self, etag: str) -> None:
        """Raise `PreconditionFailed` unless `etag` is among the tags the client named."""
        if self.tags is not None and etag not in self.tags:
            raise PreconditionFailed


ANY_VERSION = IfMatch()


def if_match_of(request: HttpRequest) -> IfMatch:
    """The If-Match header of a request; without one, or with `*`, any version matches.

    Comparison is strong: a weak tag never matches. Of a tag with a digest only the version counts.
    Raises `Invalid` for a malformed header.
    """
    header = request.META.get("HTTP_IF_MATCH", "").strip()
    if header in {"", "*"}:
        return ANY_VERSION
    if ENTITY_TAG.sub("", header).strip(" ,\t"):
        raise Invalid(NOT_A_LIST_OF_TAGS)
    found = ENTITY_TAG.findall(header)
    versions = [VERSION_AND_DIGEST.sub(r"\1", tag) for weak, tag in found if not weak]
    return IfMatch(frozenset(f'"{version}"' for version in versions))


def is_not_modified(request: HttpRequest, etag: str) -> bool:
    """Whether If-None-Match names `etag` (weak comparison) or is `*`."""
    header = request.META.get("HTTP_IF_NONE_MATCH", "").strip()
    if not header:
        return False
    return header == "*" or etag.strip('"') in {tag for _, tag in ENTITY_TAG.findall(header)}


def conditional_json(request: HttpRequest, body: bytes, etag: str) -> HttpResponseBase:
    """`body` with its ETag, or 304 without a body when the client has that version."""
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if is_not_modified(request, etag):
        return HttpResponse(status=304, headers=headers)
    return HttpResponse(body, content_type="application/json", headers=headers)
