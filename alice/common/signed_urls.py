"""Access without a header: a link that carries what it grants, until when, and a signature."""

import base64
import hmac
import time
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from alice.common.errors import Forbidden

DEFAULT_SECONDS = 15 * 60
MINUTE_SECONDS = 60
KEYS_KEPT = 8
SALT = "alice.common.signed_urls"


class LinkRefused(Forbidden):
    code = "link_refused"
    detail = "This link is not valid any more. Ask for a fresh one."


@dataclass(frozen=True, slots=True)
class LinkGrant:
    """What a good link allows whoever follows it: `verb`, for the request's own path."""

    verb: str


@lru_cache(maxsize=KEYS_KEPT)
def _keyed(key: str) -> hmac.HMAC:
    """The part of every signature that is the same; a list signs a hundred links."""
    return salted_hmac(SALT, b"", secret=key, algorithm="sha256")


def _signature(path: str, verb: str, expires_at: int, key: str) -> str:
    mac = _keyed(key).copy()
    mac.update(f"{verb}\n{path}\n{expires_at}".encode())
    return base64.urlsafe_b64encode(mac.digest()).rstrip(b"=").decode()


def link_minute() -> int:
    """The minute, counted from the epoch, whose links `signed_url` makes now."""
    return int(time.time()) // MINUTE_SECONDS


def signed_url(path: str, *, verb: str, seconds: int = DEFAULT_SECONDS) -> str:
    """An absolute URL below PUBLIC_URL that opens `path` for `verb` during `seconds`.

    `path` names the object, `verb` what may be done with it (`download`, `stream`); a link for
    one is none for the other. Links of the same minute are the same, so that browsers keep what
    they fetched by them; the minute that has passed already is missing at their end.
    """
    expires_at = link_minute() * MINUTE_SECONDS + seconds
    signature = _signature(path, verb, expires_at, settings.SECRET_KEY)
    return f"{settings.PUBLIC_URL}{path}?expires={expires_at}&signature={signature}"


def has_signature(request: HttpRequest) -> bool:
    """Whether the request came by a signed link at all, good or bad."""
    return "signature" in request.GET


def require_signature(request: HttpRequest, *, verb: str) -> None:
    """Raise `LinkRefused` unless the request's own path is signed for `verb` and not expired."""
    expires = request.GET.get("expires", "")
    _require(request.path, verb, expires, request.GET.get("signature", ""))


def path_grant(path: str, *, verb: str, seconds: int) -> str:
    """A part of a path that opens all below `path` for `verb` during `seconds`.

    For what is fetched by relative names, as the segments of HLS are: a query would be lost.
    """
    expires_at = link_minute() * MINUTE_SECONDS + seconds
    return f"{expires_at}.{_signature(path, verb, expires_at, settings.SECRET_KEY)}"


def require_path_grant(path: str, grant: str, *, verb: str) -> None:
    """Raise `LinkRefused` unless `grant` opens what is below `path` for `verb` by now."""
    expires, _, signature = grant.partition(".")
    _require(path, verb, expires, signature)


def _require(path: str, verb: str, expires: str, signature: str) -> None:
    is_number = expires.isascii() and expires.isdigit() and len(expires) <= 12
    if not is_number or int(expires) < time.time():
        raise LinkRefused
    for key in [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]:
        expected = _signature(path, verb, int(expires), key)
        if hmac.compare_digest(expected.encode(), signature.encode()):
            return
    raise LinkRefused
