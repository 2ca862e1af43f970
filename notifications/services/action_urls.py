"""Where a notification may lead: a web address or a path of our own, and never a script."""

import re
from urllib.parse import urlsplit

from django.conf import settings

from alice.common.errors import Invalid
from notifications.models import ACTION_URL_PATTERN, URL_MAX

# Browsers drop tabs and line ends within an address, and read a backslash as a slash.
NEVER_IN_A_URL = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029]")
SENTENCE = "Give an http or https address without a user name, or a path that begins with one /."


def require_harmless(action_url: str) -> None:
    """Raise `Invalid` unless this may be followed by whoever is sent it; nothing is harmless."""
    if not _is_harmless(action_url):
        raise Invalid(f"action_url: {SENTENCE}", errors={"action_url": [SENTENCE]})


def absolute(action_url: str) -> str:
    """The address to follow from outside, where a path alone leads nowhere."""
    return f"{settings.PUBLIC_URL}{action_url}" if action_url.startswith("/") else action_url


def _is_harmless(url: str) -> bool:
    if len(url) > URL_MAX or NEVER_IN_A_URL.search(url) or not re.match(ACTION_URL_PATTERN, url):
        return False
    if not url or url.startswith("/"):
        return True
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        return False
