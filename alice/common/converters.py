"""Path converters that every app uses."""

from django.urls import register_converter

LARGEST_ID = 2**63 - 1


class IdConverter:
    """A positive 64-bit integer without sign or leading zero; anything else is no such path."""

    regex = "[1-9][0-9]{0,18}"

    def to_python(self, value: str) -> int:
        number = int(value)
        if number > LARGEST_ID:
            raise ValueError
        return number

    def to_url(self, value: int) -> str:
        return str(value)


def register() -> None:
    """Make `<id:name>` known to URL patterns and to routers' `lookup_value_converter`."""
    register_converter(IdConverter, "id")
