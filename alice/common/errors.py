"""Every error as `{"detail", "code", "request_id"}`, from one place."""

import logging
import sys
from collections.abc import Mapping
from typing import Any

import orjson
from django.core.exceptions import (
    BadRequest,
    ObjectDoesNotExist,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions as drf
from rest_framework.settings import api_settings

from alice.common import request_context

logger = logging.getLogger("alice.errors")

RETRY_AFTER_OUTAGE_SECONDS = 2
CHALLENGE = 'Bearer realm="api"'  # RFC 6750, section 3


class DomainError(Exception):
    """A rule said no. Subclasses name the state and set `code`, `status` and a default `detail`.

    `details` go into the body beside `detail`; `headers` go onto the answer.
    """

    code = "refused"
    status = 409
    detail = "This cannot be done in the present state."

    def __init__(
        self,
        detail: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        **details: Any,
    ) -> None:
        self.detail = detail or self.detail
        self.headers = dict(headers or {})
        self.details = details
        super().__init__(self.detail)


class Invalid(DomainError):
    """The request is at fault; `errors` maps field names to their sentences."""

    code = "invalid"
    status = 400
    detail = "The request is not valid."

    def __init__(
        self, detail: str | None = None, *, errors: Mapping[str, list[str]] | None = None
    ) -> None:
        details: dict[str, Any] = {"errors": dict(errors)} if errors else {}
        super().__init__(detail, **details)


class NotFound(DomainError):
    code = "not_found"
    status = 404
    detail = "Not found."


class Forbidden(DomainError):
    code = "forbidden"
    status = 403
    detail = "You may not do this."


class PayloadTooLarge(DomainError):
    code = "payload_too_large"
    status = 413
    detail = "The body is larger than allowed."


class TooManyRequests(DomainError):
    """A window is spent; `retry_after` is in whole seconds."""

    code = "too_many_requests"
    status = 429
    detail = "Too many requests. Try again later."

    def __init__(self, detail: str | None = None, *, retry_after: int) -> None:
        super().__init__(detail, headers={"Retry-After": str(max(1, retry_after))})


class Unavailable(DomainError):
    """A part that is needed does not answer, or is not set up."""

    code = "unavailable"
    status = 503
    detail = "A part of the service does not answer. Try again shortly."

    def __init__(self, detail: str | None = None, *, retry_after: int | None = None) -> None:
        seconds = RETRY_AFTER_OUTAGE_SECONDS if retry_after is None else retry_after
        super().__init__(detail, headers={"Retry-After": str(seconds)})


class DatabaseUnavailable(Unavailable):
    code = "database_unavailable"
    detail = "The database does not answer. Try again shortly."


STATUS_CODES = {
    400: ("invalid", "The request is not valid."),
    401: ("not_authenticated", "Sign in first: send 'Authorization: Bearer <access_token>'."),
    403: ("forbidden", "You may not do this."),
    404: ("not_found", "Not found."),
    405: ("method_not_allowed", "This method is not allowed here."),
    406: ("not_acceptable", "No answer of an acceptable type can be given."),
    413: ("payload_too_large", "The body is larger than allowed."),
    415: ("unsupported_media_type", "Send the body as application/json."),
    429: ("too_many_requests", "Too many requests. Try again later."),
    500: ("server_error", "Something went wrong on our side. It has been logged."),
    503: ("unavailable", "A part of the service does not answer. Try again shortly."),
}


OWN_WORDS = (drf.ParseError, drf.AuthenticationFailed, drf.UnsupportedMediaType)

# What others raise; a row that is gone by the time it is locked is as good as never there.
MEANINGS: list[tuple[tuple[type[Exception], ...], type[DomainError]]] = [
    ((Http404, ObjectDoesNotExist), NotFound),
    ((PermissionDenied,), Forbidden),
    ((OperationalError, InterfaceError), DatabaseUnavailable),
    ((RequestDataTooBig,), PayloadTooLarge),
    ((SuspiciousOperation, BadRequest), Invalid),
]


def error_body(code: str, detail: str, **details: Any) -> dict[str, Any]:
    """The one shape of an error: a sentence, a stable code and the id to quote in a report."""
    request_id = request_context.current().request_id
    return {"detail": detail, "code": code, "request_id": request_id, **details}


def error_response(
    status: int,
    code: str | None = None,
    detail: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """An error outside of a DRF view: middleware, unrouted paths, Django's own refusals."""
    known_code, known_detail = STATUS_CODES.get(status, STATUS_CODES[500])
    return _json(error_body(code or known_code, detail or known_detail), status, headers)


def first_sentence(errors: Any, path: str = "") -> str:
    """`field: sentence` of the first fault in DRF's nested validation errors."""
    if isinstance(errors, dict) and errors:
        name, inner = next(iter(errors.items()))
        if name == api_settings.NON_FIELD_ERRORS_KEY:
            return first_sentence(inner, path)
        return first_sentence(inner, f"{path}.{name}" if path else str(name))
    if isinstance(errors, list) and errors:
        return first_sentence(next((e for e in errors if e), errors[0]), path)
    return f"{path}: {errors}" if path else str(errors)


def validation_body(detail: Any) -> dict[str, Any]:
    """DRF's validation detail as one sentence and `errors: {field: [sentences]}`."""
    if isinstance(detail, list):
        return error_body("invalid", first_sentence(detail))
    general = api_settings.NON_FIELD_ERRORS_KEY
    errors = {name: sentences for name, sentences in detail.items() if name != general}
    if not errors:
        return error_body("invalid", first_sentence(detail))
    return error_body("invalid", first_sentence(detail), errors=errors)


def known_error(error: Exception) -> DomainError | drf.APIException | None:
    """`error` as one that has a status, or None for a programming fault."""
    if isinstance(error, DomainError | drf.APIException):
        return error
    meaning = next((known for kinds, known in MEANINGS if isinstance(error, kinds)), None)
    if meaning is DatabaseUnavailable:
        logger.warning("The database does not answer: %s", error)
    return meaning() if meaning else None


def _json(
    body: dict[str, Any], status: int, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    # Not DRF's Response, whose renderer may be one of HTML or YAML. Lists key errors by number.
    text = orjson.dumps(body, default=str, option=orjson.OPT_NON_STR_KEYS)
    return HttpResponse(text, status=status, headers=headers, content_type="application/json")


def handle(error: Exception, context: dict[str, Any]) -> HttpResponse:
    """DRF's exception handler: every error of every view becomes the one JSON shape.

    Faults without a status are logged with their traceback and answered as 500 without a word of
    what went wrong inside.
    """
    known = known_error(error)
    if known is None:
        logger.error("A view failed", exc_info=error)
        code, detail = STATUS_CODES[500]
        return _json(error_body(code, detail), 500)
    if isinstance(known, DomainError):
        body = error_body(known.code, known.detail, **known.details)
        challenge = {"WWW-Authenticate": CHALLENGE} if known.status == 401 else {}
        return _json(body, known.status, known.headers | challenge)
    if isinstance(known, drf.UnsupportedMediaType):
        known = drf.UnsupportedMediaType("", _types_taken(context["view"]))
    return _drf_response(known)


def _types_taken(view: Any) -> str:
    types = [parser.media_type for parser in view.get_parsers()]
    return f"Send the body as {' or '.join(types)}." if types else STATUS_CODES[415][1]


def _drf_response(error: drf.APIException) -> HttpResponse:
    headers = {}
    if auth_header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    if isinstance(error, drf.ValidationError):
        return _json(validation_body(error.detail), error.status_code, headers)
    code, detail = STATUS_CODES.get(error.status_code, ("refused", str(error.detail)))
    own_words = isinstance(error, OWN_WORDS)
    sentence = str(error.detail) if own_words else detail
    if isinstance(error, drf.AuthenticationFailed):
        code = str(error.get_codes())
    return _json(error_body(code, sentence), error.status_code, headers)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400: bad Host, suspicious operations, a form that is too large."""
    return error_response(413 if isinstance(exception, RequestDataTooBig) else 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler403."""
    return error_response(403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404: paths that lead nowhere."""
    return error_response(404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500: what a page, a middleware or a renderer raised."""
    error = sys.exception()
    known = known_error(error) if isinstance(error, Exception) else None
    if isinstance(known, DatabaseUnavailable):
        return error_response(known.status, known.code, known.detail, known.headers)
    logger.error("A request failed", exc_info=error)
    return error_response(500)
