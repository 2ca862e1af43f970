"""Rooms as things that can be shared."""

from collections.abc import Collection

from django.conf import settings

from collaboration.models import ResourceType, Room
from collaboration.services.shareables import Brief, Description, Shareable


def room_briefs(room_ids: Collection[int]) -> dict[int, Brief]:
    """A line about each room, by its row's id."""
    rows = Room.objects.filter(pk__in=room_ids).values_list("pk", "room_id", "title")
    return {pk: Brief(title or room_id, path_of(room_id)) for pk, room_id, title in rows}


def describe_room(room_id: int) -> Description | None:
    """A room as its share shows it: the name and nothing that was said there."""
    room = Room.objects.filter(pk=room_id).first()
    if room is None:
        return None
    return Description(
        kind="room",
        title=room.title or room.room_id,
        path=path_of(room.room_id),
        details={"room_id": room.room_id},
    )


def path_of(room_id: str) -> str:
    """Where the signed in read a room."""
    return f"{settings.API_PREFIX}chat/{room_id}"


ROOM = Shareable(
    resource_type=ResourceType.ROOM,
    rows=Room.objects.all,
    briefs=room_briefs,
    describe=describe_room,
)
