"""HTTP for the stand-in: the API below /v1, and the pages people see."""

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol
from urllib.parse import urlsplit

from billing.tests.fake_stripe.api import Api, Call, encode
from billing.tests.fake_stripe.faults import Dropped
from billing.tests.fake_stripe.forms import decode


class Page(Protocol):
    """What a page answers: HTML, a PDF, or a way to another address."""

    @property
    def status(self) -> int: ...
    @property
    def content_type(self) -> str: ...
    @property
    def body(self) -> bytes: ...
    @property
    def location(self) -> str: ...


PageMaker = Callable[[str, str, dict[str, str]], Page]
SECURITY = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Server(ThreadingHTTPServer):
    """Serves one `Api`, and pages where there are any."""

    daemon_threads = True
    api: Api
    pages: PageMaker

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller who hung up is no matter; any other error shows in the answer, a 500."""


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    # One write per answer, at once: otherwise each takes 40 ms more.
    wbufsize = 65536
    disable_nagle_algorithm = True

    def serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        parts = urlsplit(self.path)
        if not parts.path.startswith("/v"):
            self.serve_page(parts.path, body)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        call = Call(self.command, parts.path, decode(body or parts.query), headers)
        try:
            answer = self.server.api.answer(call)
        except Dropped:
            self.close_connection = True
            return
        self.send(answer.status, "application/json", encode(answer), answer.headers)

    do_GET = do_POST = do_DELETE = serve  # noqa: N815, the names the library calls

    def serve_page(self, path: str, body: str) -> None:
        if self.headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"} and body:
            self.send(403, "text/plain", b"Press this button on its own page.", SECURITY)
            return
        page = self.server.pages(self.command, path, decode(body))
        location = {"Location": page.location} if page.location else {}
        self.send(page.status, page.content_type, page.body, {**SECURITY, **location})

    def send(self, status: int, content_type: str, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *arguments: object) -> None:
        """Says nothing: `Api.calls` is the log."""
