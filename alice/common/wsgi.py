"""Django's WSGI handler, for requests whose headers Django itself would stumble over."""

from typing import Any

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest


class LenientRequest(WSGIRequest):
    """Takes a Content-Type that cannot be parsed for none; Django fails before any view."""

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            super()._set_content_type_params(meta)  # type: ignore[misc]  # not in the stubs
        except (LookupError, ValueError):
            meta["CONTENT_TYPE"] = self.content_type = ""
            self.content_params = {}


class LenientHandler(WSGIHandler):
    request_class = LenientRequest


def wsgi_application() -> LenientHandler:
    """Set Django up and return the handler, as `get_wsgi_application` does."""
    django.setup(set_prefix=False)
    return LenientHandler()
