"""The page on which a person subscribes, and sees what it brings."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views import View

from alice.common import gate, request_context
from alice.common.errors import DomainError, error_response

TEMPLATE = "billing/page.html"
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src 'self';"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class BillingPage(View):
    """The same for everybody: who has signed in, and to what, only its script knows."""

    http_method_names = ["get", "head", "options"]

    def get(self, request: HttpRequest) -> HttpResponse:
        try:
            gate.admit_peer(request, request_context.current().peer)
        except DomainError as error:
            return error_response(error.status, error.code, error.detail, error.headers)
        response = render(request, TEMPLATE)
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response

    def http_method_not_allowed(
        self, request: HttpRequest, *args: object, **kwargs: object
    ) -> HttpResponse:
        return error_response(405, headers={"Allow": "GET, HEAD, OPTIONS"})
