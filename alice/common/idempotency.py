"""Idempotency-Key: a POST that creates or spends can be sent again without harm.

The answer is stored in the transaction of the change itself, so after a crash there are both or
neither (https://docs.stripe.com/api/idempotent_requests).
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Protocol, TypeVar, cast

import orjson
from django.db import transaction
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request

from alice.common.errors import DomainError, Invalid

WELL_FORMED_KEY = re.compile(r'"[\x20\x21\x23-\x7e]{1,255}"|[\x21\x23-\x7e][\x20-\x7e]{0,254}')
KEPT_HEADERS = ("ETag", "Location", "Upload-Expires")

Handler = TypeVar("Handler", bound=Callable[..., HttpResponseBase])


class KeyInFlight(DomainError):
    code = "idempotency_key_in_flight"
    detail = "A request with this Idempotency-Key is still being worked on."


class KeyReused(DomainError):
    code = "idempotency_key_reused"
    status = 422
    detail = "This Idempotency-Key was used for a different request."


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request under a key: whose, on which route, and a digest of what it asks for."""

    user_id: int
    route: str
    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class HasFingerprint(Protocol):
    """A file in a form."""

    def fingerprint(self) -> list[str]:
        """What is the same when the same file is sent again."""


class AnswerStore(Protocol):
    def claim(self, attempt: Attempt) -> StoredAnswer | None:
        """The stored answer, or None with the key held until the transaction ends.

        Raises `KeyInFlight` while a twin holds the key and `KeyReused` for another request.
        """

    def keep(self, attempt: Attempt, answer: StoredAnswer) -> None:
        """Store `answer` in the current transaction."""


_stores: list[AnswerStore] = []


def register_answer_store(store: AnswerStore) -> None:
    """Have answers kept by `store`."""
    _stores[:] = [store]


def idempotent(handler: Handler) -> Handler:
    """Have a view method honour the Idempotency-Key of signed-in callers.

    Same key and body: the stored answer with `Idempotent-Replayed: true`. A refused request is
    not stored. What the method does outside of the database is not undone when its transaction
    fails, and holds it open meanwhile: it must be something that can be found and undone later.
    """

    @wraps(handler)
    def answer_once(view: Any, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        key = _key_of(request)
        if key is None or request.user.pk is None:
            return handler(view, request, *args, **kwargs)
        # The body is read before the transaction begins.
        attempt = _attempt(request, key)
        with transaction.atomic():
            if (stored := _stores[0].claim(attempt)) is not None:
                return _response(stored, {"Idempotent-Replayed": "true"})
            answer = _answer_of(handler(view, request, *args, **kwargs))
            if answer.status < 400:
                _stores[0].keep(attempt, answer)
            return _response(answer)

    answer_once.is_idempotent = True  # type: ignore[attr-defined]  # read by the OpenAPI description
    return cast("Handler", answer_once)


def _key_of(request: Request) -> str | None:
    header: str | None = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if header is None:
        return None
    if not WELL_FORMED_KEY.fullmatch(header):
        raise Invalid("Idempotency-Key must be 1 to 255 printable ASCII characters.")
    return header[1:-1] if header.startswith('"') else header


def _attempt(request: Request, key: str) -> Attempt:
    match = request._request.resolver_match
    asked = [request.method, request.get_full_path(), request.data]
    text = orjson.dumps(asked, default=_fingerprint, option=orjson.OPT_SORT_KEYS)
    fingerprint = hashlib.sha256(text).hexdigest()
    route = f"{request.method} {match.route if match else request.path}"
    return Attempt(cast("int", request.user.pk), route, key, fingerprint)


def _fingerprint(file: HasFingerprint) -> list[str]:
    return file.fingerprint()


def _answer_of(response: HttpResponseBase) -> StoredAnswer:
    headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    if isinstance(response, HttpResponse) and not hasattr(response, "data"):
        return StoredAnswer(response.status_code, response.content, headers)
    data = getattr(response, "data", None)
    body = b"" if data is None else orjson.dumps(data, default=str)
    return StoredAnswer(response.status_code, body, headers)


def _response(answer: StoredAnswer, headers: dict[str, str] | None = None) -> HttpResponse:
    return HttpResponse(
        answer.body,
        status=answer.status,
        content_type="application/json",
        headers=answer.headers | (headers or {}),
    )
