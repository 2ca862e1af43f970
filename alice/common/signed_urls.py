"""Access without a header: a link that carries what it grants, until when, and a signature."""

import base64
import hmac
import time
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from alice.common.errors import Forbidden

DEFAULT_SECONDS = 15 * 60
SALT = "alice.common.signed_urls"


class LinkRefused(Forbidden):
    code = "link_refused"
    detail = "This link is not valid any more. Ask for a fresh one."


def _signature(path: str, verb: str, expires_at: int, key: str | None = None) -> str:
    signed = f"{verb}\n{path}\n{expires_at}"
    digest = salted_hmac(SALT, signed, secret=key, algorithm="sha256").digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def signed_url(path: str, *, verb: str, seconds: int = DEFAULT_SECONDS) -> str:
    """An absolute URL below PUBLIC_URL that opens `path` for `verb` during `seconds`.

    `path` names the object, `verb` what may be done with it (`download`, `stream`); a link for
    one is none for the other.
    """
    expires_at = int(time.time()) + seconds
    query = urlencode({"expires": expires_at, "signature": _signature(path, verb, expires_at)})
    return f"{settings.PUBLIC_URL}{path}?{query}"


def has_signature(request: HttpRequest) -> bool:
    """Whether the request came by a signed link at all, good or bad."""
    return "signature" in request.GET


def require_signature(request: HttpRequest, *, verb: str) -> None:
    """Raise `LinkRefused` unless the request's own path is signed for `verb` and not expired."""
    expires = request.GET.get("expires", "")
    signature = request.GET.get("signature", "")
    is_number = expires.isascii() and expires.isdigit() and len(expires) <= 12
    if not is_number or int(expires) < time.time():
        raise LinkRefused
    for key in [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]:
        expected = _signature(request.path, verb, int(expires), key)
        if hmac.compare_digest(expected.encode(), signature.encode()):
            return
    raise LinkRefused
