"""Where Stripe may send a user back to: nobody else's pages."""

import re
from urllib.parse import urlsplit

from django.conf import settings

from alice.common.errors import Invalid

URL_MAX = 2048
# Braces are for Stripe's own {CHECKOUT_SESSION_ID}.
PLAIN = re.compile(r"[!#-;=?-\[\]_`a-z{|}~]+")
DEFAULT_PORTS = {"http": 80, "https": 443}
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


def require_own_url(field: str, url: str) -> None:
    """Raise `Invalid` unless `url` leads to an origin that is allowed.

    Those are PUBLIC_URL's and CHECKOUT_ORIGINS; in development, without the latter, any https.
    """
    origin = _origin_of(url)
    is_any_https = not settings.IS_PRODUCTION and not settings.CHECKOUT_ORIGINS
    is_allowed = origin in _allowed_origins() or (
        is_any_https and origin is not None and origin.startswith("https://")
    )
    if not is_allowed:
        sentence = "Give a full URL of an allowed origin (PUBLIC_URL or CHECKOUT_ORIGINS)."
        raise Invalid(f"{field}: {sentence}", errors={field: [sentence]})


def _allowed_origins() -> set[str | None]:
    own = {_origin_of(url) for url in (settings.PUBLIC_URL, *settings.CHECKOUT_ORIGINS)}
    parts = urlsplit(settings.PUBLIC_URL)
    if not settings.IS_PRODUCTION and parts.hostname in {"localhost", "127.0.0.1", "::1"}:
        # The same server by the other names of this machine.
        own |= {_origin_of(f"{parts.scheme}://{name}:{parts.port or 80}") for name in LOOPBACK}
    return own - {None}


def _origin_of(url: str) -> str | None:
    """Scheme, host and port as browsers compare them; None for what is no plain web address."""
    if len(url) > URL_MAX or not PLAIN.fullmatch(url.lower()):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{port or DEFAULT_PORTS[parts.scheme]}"
