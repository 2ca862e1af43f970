"""Rooms and messages for tests, made by the services as in life."""

from collaboration.models import Message, Room
from collaboration.services import rooms
from collaboration.services.messages import Draft, send_message

SEND = "/api/chat/send"


def say(author, room_id="garden", message="Hello!", **fields) -> Message:
    """A message that is stored."""
    draft = Draft(message=message, **fields)
    sent = send_message(author_id=author.pk, room_id=room_id, draft=draft)
    return Message.objects.get(pk=sent.message_id)


def make_room(owner, *members, room_id="cellar", is_private=True, **fields) -> Room:
    """A room of `owner`, private if not said otherwise."""
    return rooms.create_room(
        creator_id=owner.pk,
        room_id=room_id,
        is_private=is_private,
        members=[member.pk for member in members],
        **fields,
    )


def texts(response):
    return [message["message"] for message in response.json()]


def seqs(response):
    return [message["seq"] for message in response.json()]
