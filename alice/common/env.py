"""Typed readers of the environment that report every fault at once."""

import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar
from urllib.parse import SplitResult, urlsplit

Choice = TypeVar("Choice", bound=str)

TRUE_WORDS = {"1", "true", "yes", "on"}
FALSE_WORDS = {"0", "false", "no", "off", ""}


class EnvironmentFaults(Exception):
    """Every setting that could not be read, one sentence each."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = list(faults)
        super().__init__("The environment is not usable:\n  - " + "\n  - ".join(self.faults))


class Env:
    """Reads settings by type, notes what is wrong and goes on, until `raise_faults()`.

    A reader answers its default where the variable is unset or faulty, so one run names all
    faults instead of the first.
    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self.environ = os.environ if environ is None else environ
        self.faults: list[str] = []

    def fault(self, sentence: str) -> None:
        self.faults.append(sentence)

    def raise_faults(self) -> None:
        """Raise `EnvironmentFaults` naming all of them, if there are any."""
        if self.faults:
            raise EnvironmentFaults(self.faults)

    def text(self, name: str, default: str = "") -> str:
        """The value without the spaces around it; an empty one counts as unset."""
        return self.environ.get(name, "").strip() or default

    def secret(self, name: str, default: str = "") -> str:
        """The value of `name`, or the content of the file that `<name>_FILE` names."""
        path = self.environ.get(f"{name}_FILE")
        if not path:
            return self.text(name, default)
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            self.fault(f"{name}_FILE cannot be read: {error}.")
            return default

    def boolean(self, name: str, *, default: bool = False) -> bool:
        value = self.environ.get(name)
        if value is None:
            return default
        word = value.strip().lower()
        if word not in TRUE_WORDS | FALSE_WORDS:
            self.fault(f"{name} must be true or false, not {value!r}.")
            return default
        return word in TRUE_WORDS

    def integer(
        self, name: str, default: int, *, minimum: int = 0, maximum: float = math.inf
    ) -> int:
        value = self.text(name)
        if not value:
            return default
        try:
            number = int(value)
        except ValueError:
            self.fault(f"{name} must be a whole number, not {value!r}.")
            return default
        if not minimum <= number <= maximum:
            upper = f" and at most {maximum}" if maximum < math.inf else ""
            self.fault(f"{name} must be at least {minimum}{upper}, not {number}.")
            return default
        return number

    def choice(self, name: str, choices: Iterable[Choice], default: Choice) -> Choice:
        value = self.text(name)
        known = {str(choice): choice for choice in choices}
        if not value:
            return default
        if value not in known:
            self.fault(f"{name} must be one of {', '.join(known)}, not {value!r}.")
            return default
        return known[value]

    def words(self, name: str, default: str = "") -> list[str]:
        """A comma-separated list without its empty parts."""
        return [word.strip() for word in self.text(name, default).split(",") if word.strip()]

    def path(self, name: str, default: Path) -> Path:
        value = self.text(name)
        return Path(value).expanduser().absolute() if value else default

    def url(self, name: str, default: str, *, schemes: Iterable[str]) -> str:
        value = self.text(name, default)
        allowed = tuple(schemes)
        parts = split_url(value)
        if value and (parts is None or parts.scheme not in allowed):
            begins = " or ".join(f"{scheme}://" for scheme in allowed)
            self.fault(f"{name} must be a URL that begins with {begins}.")
            return default
        return value

    def origins(self, name: str, default: str = "") -> list[str]:
        """Web origins: scheme and host, perhaps a port, and no path."""
        origins = self.words(name, default)
        for origin in origins:
            parts = split_url(origin)
            is_web = parts is not None and parts.scheme in {"http", "https"}
            if parts is None or not is_web or origin != f"{parts.scheme}://{parts.netloc}":
                example = "such as https://app.example"
                self.fault(f"{name} must list origins {example}, not {origin!r}.")
        return origins


def split_url(url: str) -> SplitResult | None:
    """The parts of a URL, or None when it has none or its port is no number."""
    try:
        parts = urlsplit(url)
        has_good_port = parts.port is None or parts.port > 0
    except ValueError:
        return None
    return parts if has_good_port else None
