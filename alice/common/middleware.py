"""What happens around every request, and what happens only around pages."""

import logging
import time
from collections.abc import Callable
from typing import Any, cast

from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponseForbidden
from django.http.response import HttpResponseBase
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.csrf import CsrfViewMiddleware

from alice.common import request_context
from alice.common.errors import error_response
from alice.common.peers import peer_of

logger = logging.getLogger("alice.requests")

Answer = Callable[[HttpRequest], HttpResponseBase]

# Their Content-Length would be that of another answer, or none at all (RFC 9110, section 8.6).
BODILESS = frozenset({204, 304})
QUIET_PATHS = frozenset({"/livez", "/readyz", "/api/system/health"})


class RequestMiddleware:
    """Gives a request its id, refuses NUL in its URL, names the window, logs one line."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        offered = request.META.get("HTTP_X_REQUEST_ID", "")
        context = request_context.RequestContext(
            request_context.new_request_id(offered), peer=peer_of(request)
        )
        request_context.enter(context)
        try:
            response = self._answer(request)
            self._set_headers(request, response, context.request_id)
            if request.path not in QUIET_PATHS:
                self._log(request, response, started, context)
        finally:
            request_context.leave()
        return response

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
        if "%00" in request.META.get("QUERY_STRING", ""):
            return error_response(400, detail="The query string holds a NUL character.")
        if "\0" in request.path:
            return error_response(404)
        return self.get_response(request)

    def _set_headers(
        self, request: HttpRequest, response: HttpResponseBase, request_id: str
    ) -> None:
        headers = response.headers
        headers["X-Request-ID"] = request_id
        if response.status_code in BODILESS:
            headers.pop("Content-Type", None)
            headers.pop("Content-Length", None)
        window = getattr(request, "rate_window", None)
        if window is not None:
            headers["X-RateLimit-Limit"] = str(window.limit)
            headers["X-RateLimit-Remaining"] = str(window.remaining)
            headers["X-RateLimit-Reset"] = str(window.reset_seconds)

    def _log(
        self,
        request: HttpRequest,
        response: HttpResponseBase,
        started: float,
        context: request_context.RequestContext,
    ) -> None:
        logger.info(
            "%s %s",
            request.method,
            request.path,
            extra={
                "plain": {
                    "status": response.status_code,
                    "duration_ms": round((time.perf_counter() - started) * 1000, 2),
                    "peer": context.peer,
                    "user_id": context.user_id,
                }
            },
        )


class PageMiddleware:
    """Sessions, CSRF, sign-in, messages and framing for pages; the API goes past all at once.

    The API knows no cookies, and each layer that it has to pass costs every request.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response
        self.csrf = CsrfViewMiddleware(
            AuthenticationMiddleware(MessageMiddleware(XFrameOptionsMiddleware(get_response)))
        )
        self.for_pages = SessionMiddleware(self.csrf)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if is_api(request):
            return self.get_response(request)
        if "\0" in request.COOKIES.get(settings.SESSION_COOKIE_NAME, ""):
            # PostgreSQL could not even look for it.
            del request.COOKIES[settings.SESSION_COOKIE_NAME]
        return cast("HttpResponseBase", self.for_pages(request))  # a coroutine only under ASGI

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponseForbidden | None:
        """Where Django checks CSRF; views of the API are exempt by themselves."""
        if is_api(request):
            return None
        return self.csrf.process_view(request, view, args, kwargs)


def is_api(request: HttpRequest) -> bool:
    """Whether the request is for the API or a probe, which have no use for cookies."""
    return request.path.startswith(settings.API_PREFIX) or request.path in QUIET_PATHS
