"""The chat page: one file for everybody, which asks the API for all that it shows."""

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from alice.common import gate, request_context
from alice.common.errors import DomainError, error_response
from collaboration.views.pages import sources_of_bytes

TEMPLATE = "collaboration/chat.html"


@method_decorator(csrf_exempt, name="dispatch")  # it changes nothing and asks for nothing
class ChatPage(View):
    """Public, and the same whether or not there is such a room: no data is in it."""

    http_method_names = ["get", "head", "options"]

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        response = super().dispatch(request, *args, **kwargs)
        response.headers["Content-Security-Policy"] = content_security_policy(request)
        response.headers["Cache-Control"] = "no-cache"
        return response

    def get(self, request: HttpRequest, room_id: str = "") -> HttpResponse:
        try:
            gate.admit_peer(request, request_context.current().peer)
        except DomainError as error:
            response = render(request, TEMPLATE, {"problem": error.detail}, status=error.status)
            for name, value in error.headers.items():
                response.headers[name] = value
            return response
        return render(request, TEMPLATE)

    def http_method_not_allowed(
        self, request: HttpRequest, *args: object, **kwargs: object
    ) -> HttpResponse:
        return error_response(405, headers={"Allow": "GET, HEAD, OPTIONS"})


def content_security_policy(request: HttpRequest) -> str:
    """Scripts and styles that are files of ours, and connections to this host alone."""
    scheme = "wss" if request.is_secure() else "ws"
    bytes_from = sources_of_bytes()
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; "
        f"connect-src 'self' {scheme}://{request.get_host()}; "
        f"img-src {bytes_from}; media-src {bytes_from}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
