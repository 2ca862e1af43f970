"""Serves a WSGI application from an ASGI server; see `alice.bridge.application`."""
