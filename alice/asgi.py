"""The ASGI application: HTTP goes to Django's WSGI handler, websockets to Channels."""

import atexit
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alice.settings")

from channels.routing import ProtocolTypeRouter, URLRouter  # type: ignore[import-untyped]
from django.conf import settings
from django.core.cache import caches
from django.db import connections
from django.urls import re_path

from alice.bridge.application import WsgiBridge
from alice.bridge.messages import Receive, Refusal, Scope, Send
from alice.common.wsgi import wsgi_application


def open_caches() -> None:
    """Open this thread's caches; opened within a request they would end with its context."""
    for alias in settings.CACHES:
        caches[alias]


async def refuse_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse a websocket before it is accepted: 404, or 403 where the server can no other."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close"})
        return
    refusal = Refusal(404, "not_found", "Not found.")
    await send({**refusal.start(), "type": "websocket.http.response.start"})
    await send({"type": "websocket.http.response.body", "body": refusal.body()})


handler = wsgi_application()
from alice.body_rules import body_rule  # noqa: E402 - it imports models, which need the apps

settings.REQUEST_SPOOL_DIR.mkdir(parents=True, exist_ok=True)
bridge = WsgiBridge(
    handler,
    body_rule=body_rule,
    threads=settings.WEB_THREADS,
    spool_directory=settings.REQUEST_SPOOL_DIR,
    on_thread_start=open_caches,
    on_thread_exit=connections.close_all,
)
atexit.register(bridge.shutdown)

# Channels routes to ASGI applications, which Django's types know nothing of.
sockets = URLRouter([re_path("", refuse_socket)])  # type: ignore[arg-type]
application = ProtocolTypeRouter({"http": bridge, "websocket": sockets})
