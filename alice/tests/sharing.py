"""Things of every kind that can be shared, and the requests that are made of them."""

from dataclasses import dataclass
from typing import Any

from collaboration.models import Room, Share
from collaboration.services import rooms, shares
from content.models import Item
from content.tests.factories import change, make_item
from files.models import File
from files.tests.factories import make_file
from media.models import Media
from media.tests.factories import SAMPLES, make_media
from system.models import Job

SHARE = "/api/collab/share"
KINDS = ["item", "file", "media", "room"]
NAMES = ["item", "file", "media"]


@dataclass(frozen=True)
class Thing:
    """What is shared: its type and id, and its own path."""

    resource_type: str
    resource_id: int
    path: str


def make_thing(kind, owner) -> Thing:
    """An item of two versions, a file, a film or a private room."""
    if kind == "room":
        room = rooms.create_room(creator_id=owner.pk, room_id="cellar", is_private=True)
        return Thing(kind, room.pk, "/api/chat/cellar")
    make = {
        "item": lambda: change(make_item(owner), title="second"),
        "file": lambda: make_file(owner),
        "media": lambda: make_media(owner, SAMPLES / "clip.mp4"),
    }
    row = make[kind]()
    plural = {"item": "items", "file": "files", "media": "media"}[kind]
    return Thing(kind, row.pk, f"/api/{plural}/{row.pk}")


def share(owner, thing, holder=None, **fields) -> Share:
    """A share of what the owner has; without a holder it is a link."""
    return shares.create_share(
        owner_id=owner.pk,
        resource_type=thing.resource_type,
        resource_id=thing.resource_id,
        shared_with_user_id=holder and holder.pk,
        **fields,
    )


def redeem(client, made) -> Any:
    return client.post(f"/api/collab/shared/{made.token}")


def asked(thing, **fields):
    """The body of a request to share a thing by a link."""
    return {"resource_type": thing.resource_type, "resource_id": thing.resource_id, **fields}


# What is asked of each kind: to see it, to change it, and what is for its owner alone.

SEE = {
    "item": [("get", "")],
    "file": [("get", ""), ("get", "/download")],
    "media": [("get", ""), ("get", "/stream")],
    "room": [("get", ""), ("get", "/presence")],
}
CHANGE = {
    "item": [("put", "", {"title": "taken"}), ("patch", "", {"tags": ["taken"]})],
    "file": [("put", "", {"description": "taken"}), ("patch", "", {"tags": ["taken"]})],
    "media": [("put", "", {"description": "taken"}), ("patch", "", {"tags": ["taken"]})],
    "room": [("post", "/api/chat/send", {"room_id": "cellar", "message": "taken"})],
}
OWN = {
    "item": [
        ("post", "/restore", {}),
        ("get", "/revisions", None),
        ("get", "/revisions/1", None),
        ("post", "/revisions/1/restore", {}),
        ("delete", "", None),
    ],
    "file": [("delete", "", None)],
    "media": [
        ("post", "/transcode", {"output_format": "mp3", "quality": "low"}),
        ("delete", "", None),
    ],
    "room": [
        ("patch", "/api/chat/rooms/cellar", {"title": "taken"}),
        ("delete", "/api/chat/rooms/cellar", None),
    ],
}


def answers(client, thing, requests):
    """The statuses that a client gets, one after the other."""
    statuses = []
    for verb, path, *body in requests:
        address = path if path.startswith("/api") else f"{thing.path}{path}"
        response = getattr(client, verb)(address, *[one for one in body if one is not None])
        if response.streaming:
            b"".join(response.streaming_content)
        statuses.append(response.status_code)
    return statuses


def state():
    """All that a refused request must leave as it is."""
    return [
        list(model.objects.order_by("pk").values()) for model in (Item, File, Media, Share, Job)
    ] + [list(Room.objects.order_by("pk").values("title", "last_seq"))]
