"""What can be shared: each kind is registered by the app that owns it."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.utils.dateformat import format as in_words

from accounts.models import User

Kind = Literal["item", "file", "video", "audio", "image", "room"]


class Rows(Protocol):
    """A queryset of what is there, in no trash, that knows its owners and its viewers."""

    def owned_by(self, user: AbstractBaseUser | AnonymousUser) -> QuerySet[Any]: ...

    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> QuerySet[Any]: ...


@dataclass(frozen=True, slots=True)
class Brief:
    """A line about a thing: its title, and the path at which the signed in find it."""

    title: str
    path: str


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of text on the page of a share."""

    kind: Literal["text", "heading", "quote", "list", "code"]
    text: str = ""
    entries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A thing as its share shows it, to people and to programs.

    `blocks` and `facts` (label and words) are for the page, `details` for JSON. `links` are
    signed: whoever has one needs no account for 15 minutes. `preview` is one to a picture.
    """

    kind: Kind
    title: str
    path: str
    text: str = ""
    tags: tuple[str, ...] = ()
    blocks: tuple[Block, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    links: Mapping[str, str | None] = field(default_factory=dict)
    preview: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shareable:
    """One kind of thing. What is in the trash or gone is in none of the three answers."""

    resource_type: str
    rows: Callable[[], Rows]
    briefs: Callable[[Collection[int]], Mapping[int, Brief]]
    describe: Callable[[int], Description | None]

    def is_owned(self, user_id: int, resource_id: int) -> bool:
        """Whether it is there and the user's own to share."""
        return self.rows().owned_by(User(pk=user_id)).filter(pk=resource_id).exists()

    def is_visible(self, user_id: int, resource_id: int) -> bool:
        """Whether it is there and the user may see it."""
        return self.rows().visible_to(User(pk=user_id)).filter(pk=resource_id).exists()


_shareables: dict[str, Shareable] = {}


def register_shareable(shareable: Shareable) -> None:
    """Let things of this kind be shared."""
    _shareables[shareable.resource_type] = shareable


def shareable_of(resource_type: str) -> Shareable:
    """The kind registered as `resource_type`, one of `collaboration.models.ResourceType`."""
    return _shareables[resource_type]


def moment_in_words(moment: datetime) -> str:
    """A point in time as a fact of a page."""
    return f"{in_words(moment.astimezone(UTC), 'j F Y, H:i')} UTC"


def briefs_of(things: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Brief]:
    """A line about each of many (resource_type, id), in one query a kind.

    What cannot be opened now, in the trash or gone, is left out.
    """
    ids: dict[str, set[int]] = {}
    for resource_type, resource_id in things:
        ids.setdefault(resource_type, set()).add(resource_id)
    return {
        (resource_type, resource_id): brief
        for resource_type, wanted in ids.items()
        for resource_id, brief in shareable_of(resource_type).briefs(wanted).items()
    }
