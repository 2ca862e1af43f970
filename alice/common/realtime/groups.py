"""The audiences of frames: one function for each kind, whose name is `<kind>.<ids>`."""


def user_group(user_id: int) -> str:
    """Every socket of a user."""
    return f"user.{user_id}"


def session_group(session_id: int) -> str:
    """Every socket that signed in with a session; only for `close_group`."""
    return f"session.{session_id}"


def room_group(room_pk: int) -> str:
    """Every socket in a chat room."""
    return f"room.{room_pk}"


def member_group(room_pk: int, user_id: int) -> str:
    """The sockets of one user in one room; only for `close_group`."""
    return f"member.{room_pk}-{user_id}"
