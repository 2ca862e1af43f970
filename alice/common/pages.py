"""Pages for people that are one file for everybody: a script asks the API for what they show."""

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from alice.common import gate, request_context
from alice.common.errors import DomainError, error_response


@method_decorator(csrf_exempt, name="dispatch")  # it changes nothing and asks for nothing
class ScriptedPage(View):
    """Public, since no data is in it; only its own scripts and styles run (CSP level 3)."""

    http_method_names = ["get", "head", "options"]
    template_name: str

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        response = super().dispatch(request, *args, **kwargs)
        response.headers["Content-Security-Policy"] = self.content_security_policy(request)
        response.headers["Cache-Control"] = "no-cache"
        return response

    def get(self, request: HttpRequest, **kwargs: object) -> HttpResponse:
        try:
            gate.admit_peer(request, request_context.current().peer)
        except DomainError as error:
            told = {"problem": error.detail}
            response = render(request, self.template_name, told, status=error.status)
            for name, value in error.headers.items():
                response.headers[name] = value
            return response
        return render(request, self.template_name)

    def http_method_not_allowed(
        self, request: HttpRequest, *args: object, **kwargs: object
    ) -> HttpResponse:
        return error_response(405, headers={"Allow": "GET, HEAD, OPTIONS"})

    def bytes_from(self) -> str:
        """From where the page shows pictures and plays sound, as CSP writes it."""
        return "'self'"

    def content_security_policy(self, request: HttpRequest) -> str:
        """Scripts and styles that are files of ours, and connections to this host alone."""
        scheme = "wss" if request.is_secure() else "ws"
        return (
            "default-src 'none'; script-src 'self'; style-src 'self'; "
            f"connect-src 'self' {scheme}://{request.get_host()}; "
            f"img-src {self.bytes_from()}; media-src {self.bytes_from()}; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
