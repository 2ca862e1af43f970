import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.utils import timezone

from alice.common.tests.conftest import redis_switch  # noqa: F401 - for these tests too
from notifications import subscribers


class Receiver:
    """An endpoint on loopback: keeps what is posted and answers as it is told."""

    def __init__(self):
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.calls.append((headers, body))
                self.send_response(receiver.status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(receiver.body)))
                self.end_headers()
                self.wfile.write(receiver.body)

            def log_message(self, *_):
                pass

        self.calls, self.status, self.headers, self.body = [], 200, {}, b""
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}/hook"
        self.thread = threading.Thread(target=self.server.serve_forever, args=[0.01])
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def receiver(settings):
    receiver = Receiver()
    settings.OUTBOUND_ALLOWED_NETWORKS = [f"127.0.0.1:{receiver.port}"]
    yield receiver
    receiver.stop()


@pytest.fixture
def nobody_there(settings):
    """The address of an endpoint at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        settings.OUTBOUND_ALLOWED_NETWORKS = [f"127.0.0.1:{port}"]
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture
def frames(monkeypatch):
    """What is pushed to sockets, as (group, frame)."""
    pushed = []
    monkeypatch.setattr(subscribers, "push", lambda group, frame: pushed.append((group, frame)))
    return pushed


@pytest.fixture
def woken(monkeypatch):
    """The channels for which a worker is woken."""
    channels = []
    monkeypatch.setattr(subscribers.tasks.deliver, "delay", channels.append)
    return channels


@pytest.fixture
def regular(alice):
    """alice after her first request: that one looked her session up."""
    alice.get("/api/jobs")
    return alice


@pytest.fixture
def verified(alice):
    """alice with an address that is known to be hers."""
    alice.user.email_verified_at = timezone.now()
    alice.user.save(update_fields=["email_verified_at"])
    return alice.user
