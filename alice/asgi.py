"""The ASGI application: HTTP goes to Django's WSGI handler, websockets to Channels."""

import atexit
import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alice.settings")

from channels.routing import ProtocolTypeRouter, URLRouter  # type: ignore[import-untyped]
from django.conf import settings
from django.core.cache import caches
from django.db import connections
from django.urls import re_path

from alice.bridge.application import WsgiBridge
from alice.common.wsgi import wsgi_application


def open_caches() -> None:
    """Open this thread's caches; opened within a request they would end with its context."""
    for alias in settings.CACHES:
        caches[alias]


handler = wsgi_application()
# These import models, which need the apps.
from alice.body_rules import body_rule  # noqa: E402
from alice.common.realtime.consumers import EventsConsumer  # noqa: E402
from alice.common.realtime.refusals import refuse_unknown  # noqa: E402
from alice.common.realtime.threads import threads  # noqa: E402
from collaboration.routing import websocket_urlpatterns as chat_sockets  # noqa: E402

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
atexit.register(threads.shutdown)

# Channels routes to ASGI applications, which Django's types know nothing of.
routes: list[Any] = [
    re_path(r"^ws/events$", EventsConsumer.as_asgi()),
    *chat_sockets,
    re_path("", refuse_unknown),  # type: ignore[arg-type]
]
application = ProtocolTypeRouter({"http": bridge, "websocket": URLRouter(routes)})
