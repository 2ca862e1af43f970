"""What a resumable upload can become; apps above register theirs."""

from dataclasses import dataclass
from typing import Protocol

from django.conf import settings

from files.storage.incoming import Received


class Finish(Protocol):
    def __call__(
        self,
        *,
        owner_id: int,
        received: Received,
        original_filename: str,
        description: str,
        tags: list[str],
    ) -> int:
        """Keep received bytes as an object and return its id.

        It runs in a transaction that is open already, and the bytes are paid for: the charge of
        the upload becomes the object's. A `DomainError` below 500 is final: the upload is given
        up and the error answered. After any other the client may try again.
        """


@dataclass(frozen=True, slots=True)
class Target:
    """One kind of object: how it is made, and its address below /api, such as `files/{id}`."""

    finish: Finish
    path: str

    def location(self, result_id: int) -> str:
        """The path of an object of this kind."""
        return settings.API_PREFIX + self.path.format(id=result_id)


_targets: dict[str, Target] = {}


def register_upload_target(name: str, target: Target) -> None:
    """Have uploads whose metadata names `name` become such objects; called from `ready()`."""
    _targets[name] = target


def upload_target(name: str) -> Target:
    """The registered target of that name; `KeyError` for one that nobody registered."""
    return _targets[name]


def target_names() -> list[str]:
    """What an upload can become, in order of the alphabet."""
    return sorted(_targets)
