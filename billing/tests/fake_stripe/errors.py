"""The ways in which Stripe refuses (https://docs.stripe.com/api/errors)."""

from typing import Any


class Refused(Exception):
    """An answer other than 200, in Stripe's form."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        error = {"type": kind, "message": message, "code": code, "param": param}
        self.body: dict[str, Any] = {"error": {k: v for k, v in error.items() if v is not None}}


def no_such(noun: str, object_id: str, *, param: str | None = None) -> Refused:
    """What is unknown: 404 when the path names it, 400 when the parameter `param` does."""
    status = 400 if param else 404
    message = f"No such {noun}: '{object_id}'"
    return Refused(message, status=status, code="resource_missing", param=param or "id")


def missing(param: str) -> Refused:
    return Refused(f"Missing required param: {param}.", code="parameter_missing", param=param)


def unknown(param: str) -> Refused:
    return Refused(f"Received unknown parameter: {param}", code="parameter_unknown", param=param)


def declined(message: str = "Your card was declined.", code: str = "card_declined") -> Refused:
    return Refused(message, status=402, kind="card_error", code=code)
