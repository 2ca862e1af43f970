"""The page of a share, for people without an account."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from alice.common import gate, request_context
from alice.common.errors import DomainError, NotFound, error_response
from collaboration.models import Permission
from collaboration.services import shares
from collaboration.services.shareables import Description
from collaboration.views.shares import PRIVATE, LinkView, is_opening

TEMPLATE = "collaboration/shared.html"
FORMS = ["text/html", "application/json"]
CLOSED = (
    "This link opens nothing, or nothing any more. If it was shared with you by name, sign in:"
    " you find it among what is shared with you."
)
NOUNS = {
    "item": "Item",
    "file": "File",
    "video": "Video",
    "audio": "Sound",
    "image": "Picture",
    "room": "Room",
}
link_as_json = LinkView.as_view()


@method_decorator(csrf_exempt, name="dispatch")  # it changes nothing and asks for nothing
class SharedPage(View):
    http_method_names = ["get", "head", "options"]

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        response = super().dispatch(request, *args, **kwargs)
        for name, value in PRIVATE.items():
            response.headers[name] = value
        patch_vary_headers(response, ["Accept", "Authorization"])
        return response

    def get(self, request: HttpRequest, token: str) -> HttpResponseBase:
        if request.get_preferred_type(FORMS) == "application/json":
            return link_as_json(request, token=token)
        try:
            gate.admit_peer(request, request_context.current().peer)
            opened = shares.open_share(token=token, viewer_id=None, is_counted=is_opening(request))
        except DomainError as error:
            return self.refuse(request, error)
        share = opened.share
        context = {
            "seen": opened.description,
            "noun": NOUNS[opened.description.kind],
            "links": relative_links(opened.description),
            "owner": share.owner_username,
            "expires_at": share.expires_at,
            "is_editable": share.permission == Permission.EDIT,
            "chat_link": chat_link(opened.description, token),
        }
        return self.show(request, context)

    def http_method_not_allowed(
        self, request: HttpRequest, *args: object, **kwargs: object
    ) -> HttpResponse:
        return error_response(405, headers={"Allow": "GET, HEAD, OPTIONS"})

    def refuse(self, request: HttpRequest, error: DomainError) -> HttpResponse:
        problem = CLOSED if isinstance(error, NotFound) else error.detail
        response = self.show(request, {"problem": problem}, status=error.status)
        for name, value in error.headers.items():
            response.headers[name] = value
        return response

    def show(
        self, request: HttpRequest, context: dict[str, object], status: int = 200
    ) -> HttpResponse:
        response = render(request, TEMPLATE, context, status=status)
        response.headers["Content-Security-Policy"] = content_security_policy()
        return response


def relative_links(seen: Description) -> dict[str, str]:
    """The links of a description at whichever host the page itself was opened."""
    links = {**seen.links, "preview": seen.preview}
    return {name: link.removeprefix(settings.PUBLIC_URL) for name, link in links.items() if link}


def chat_link(seen: Description, token: str) -> str:
    """Where a room opens; the page takes the share up itself, from the fragment."""
    if seen.kind != "room":
        return ""
    page = reverse("chat-room-page", kwargs={"room_id": seen.details["room_id"]})
    return f"{page}#share={token}"


def content_security_policy() -> str:
    """No script at all; bytes from here, and from where the product's own store keeps them."""
    bytes_from = sources_of_bytes()
    return (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
        f"frame-ancestors 'none'; img-src {bytes_from}; media-src {bytes_from}"
    )


def sources_of_bytes() -> str:
    """From where a page may load what people uploaded, as a source list of a policy."""
    if not settings.AWS_STORAGE_BUCKET_NAME:
        return "'self'"
    # Links to bytes lead on to the bucket, by a host that depends on region and style.
    endpoint = settings.AWS_S3_ENDPOINT_URL or "https:"
    return "'self' https:" if endpoint.startswith("https:") else "'self' http:"
