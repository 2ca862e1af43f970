"""How long the bodies of requests may be, which the bridge asks before it reads one."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.conf import settings

from accounts.services.tokens import TokenInvalid, read_access
from alice.bridge.bodies import BodyRule
from alice.bridge.messages import Refusal
from alice.common.errors import CHALLENGE, STATUS_CODES
from alice.common.tiers import largest_upload_bytes

UPLOAD_FORMS = frozenset({"/api/files/upload", "/api/media/upload"})
RESUMABLE_UPLOADS = "/api/uploads/"


def body_rule(environ: Mapping[str, Any]) -> BodyRule:
    """The rule for the body of a request: that of uploads, or the JSON limit.

    Only who holds a genuine and unexpired access token may send a body as long as an upload,
    since bodies wait on disk before the application sees them. Others are answered 401 as soon
    as theirs passes the JSON limit. Nothing is looked up here, on the event loop: a session that
    was revoked is refused by the application, after its body has come; so is a body longer than
    the sender's tier may send, since the limit here is that of the tier that may send most.

    Of resumable uploads a part is worth keeping too:
    https://tus.io/protocols/resumable-upload
    """
    path = environ["PATH_INFO"]
    method = environ["REQUEST_METHOD"]
    is_resumable = method == "PATCH" and path.startswith(RESUMABLE_UPLOADS)
    is_form = method == "POST" and path in UPLOAD_FORMS
    if not (is_resumable or is_form):
        return BodyRule(settings.JSON_BODY_MAX_BYTES)
    if problem := _problem_with_token(environ):
        return BodyRule(settings.JSON_BODY_MAX_BYTES, refusal=partial(_unauthorized, *problem))
    if is_form:
        return BodyRule(largest_upload_bytes() + settings.UPLOAD_FORM_BYTES)
    return BodyRule(largest_upload_bytes(), keeps_partial=True)


def _problem_with_token(environ: Mapping[str, Any]) -> tuple[str, str] | None:
    """Code and sentence of what is wrong with the access token, None if it is genuine."""
    scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "bearer":
        return STATUS_CODES[401]
    try:
        read_access(token.strip())
    except TokenInvalid as error:
        return error.code, error.detail
    return None


def _unauthorized(code: str, detail: str) -> Refusal:
    return Refusal(401, code, detail, headers=[(b"www-authenticate", CHALLENGE.encode())])
