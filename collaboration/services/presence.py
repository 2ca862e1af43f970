"""Who is in a room just now, and who is typing: kept in Redis, gone by itself.

A socket that is here says so again and again; what a killed process held is over by itself.
Without Redis nobody is seen to be here, and nothing else suffers.
"""

import logging
import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connections

from accounts.models import User
from alice.common.events import publish
from alice.common.redis_client import RedisDown, Script
from collaboration.events import RoomShut, RoomTold
from collaboration.models import Room

logger = logging.getLogger("alice.presence")

BEAT_SECONDS = 15
HERE_SECONDS = 40
TYPING_SECONDS = 8
# Typing is told again after so long, so that it does not seem to end while it goes on.
TYPING_TOLD_EVERY_SECONDS = 3
SHOWN_MAX = 500

# Two sorted sets by the time at which it is over: the people of the room, and the sockets of one
# of them. KEYS: people, sockets. ARGV: person, socket, seconds. Answers whether they just came.
ARRIVE = """
local now = tonumber(redis.call('TIME')[1])
local known = redis.call('ZSCORE', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[2])
redis.call('EXPIRE', KEYS[2], ARGV[3])
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
if known and tonumber(known) > now then return 0 end
return 1
"""
# Answers whether that was their last socket here.
LEAVE = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREM', KEYS[2], ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
if redis.call('ZCARD', KEYS[2]) > 0 then return 0 end
return redis.call('ZREM', KEYS[1], ARGV[1])
"""
# Answers those whose time is over, each to one caller only.
SWEEP = """
local now = tonumber(redis.call('TIME')[1])
local gone = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 1000)
if #gone > 0 then redis.call('ZREM', KEYS[1], unpack(gone)) end
return gone
"""
LIST = """
local now = tonumber(redis.call('TIME')[1])
return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf', 'LIMIT', 0, ARGV[1])
"""
# KEYS: those typing, whether it was told. ARGV: person, seconds, told every so many.
TYPE = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
if redis.call('SET', KEYS[2], 1, 'NX', 'EX', ARGV[3]) then return 1 end
return 0
"""
STOP_TYPING = """
redis.call('DEL', KEYS[2])
return redis.call('ZREM', KEYS[1], ARGV[1])
"""
arrive_script, leave_script, sweep_script = Script(ARRIVE), Script(LEAVE), Script(SWEEP)
list_script, type_script, stop_script = Script(LIST), Script(TYPE), Script(STOP_TYPING)


@dataclass(frozen=True, slots=True)
class Visit:
    """One socket of somebody in a room; a guest is there by a share, which can run out."""

    socket_id: str
    room_pk: int
    user_id: int
    username: str
    is_guest: bool = False

    @property
    def person(self) -> str:
        return f"{self.user_id}:{self.username}"

    @property
    def keys(self) -> list[str]:
        return [_people_key(self.room_pk), f"here:{self.room_pk}:{self.user_id}"]


def arrive(visit: Visit) -> None:
    """Somebody has opened a socket in a room; who was not here yet is told to the others."""
    _here.add(visit)
    _come(visit)


def leave(visit: Visit) -> None:
    """A socket is closed; who has no other one in the room is told to be gone."""
    _here.discard(visit)
    if _ask(leave_script, visit.keys, [visit.person, visit.socket_id]):
        stop_typing(room_pk=visit.room_pk, user_id=visit.user_id, username=visit.username)
        _tell_presence(visit.room_pk, visit.person, is_online=False)


def online_in(room_pk: int) -> list[dict[str, Any]]:
    """Who is in a room now, `{user_id, username}` each, at most 500 of them."""
    return _people(_ask(list_script, [_people_key(room_pk)], [SHOWN_MAX]))


def typing_in(room_pk: int) -> list[dict[str, Any]]:
    """Who is typing in a room now, as `online_in`."""
    return _people(_ask(list_script, [_typing_key(room_pk)], [SHOWN_MAX]))


def start_typing(*, room_pk: int, user_id: int, username: str) -> None:
    """Somebody is typing, for 8 s or until they stop; told at most every 3 s."""
    keys = [_typing_key(room_pk), f"typing:{room_pk}:{user_id}"]
    args: list[str | int] = [f"{user_id}:{username}", TYPING_SECONDS, TYPING_TOLD_EVERY_SECONDS]
    if _ask(type_script, keys, args):
        _tell_typing(room_pk, user_id, username, is_typing=True)


def stop_typing(*, room_pk: int, user_id: int, username: str) -> None:
    """Somebody has stopped typing; told if they were."""
    keys = [_typing_key(room_pk), f"typing:{room_pk}:{user_id}"]
    if _ask(stop_script, keys, [f"{user_id}:{username}"]):
        _tell_typing(room_pk, user_id, username, is_typing=False)


def beat(visits: Collection[Visit]) -> None:
    """Say again that these sockets are here; tell who is gone; shut out whose share is over."""
    for visit in visits:
        _come(visit)
    for room_pk in {visit.room_pk for visit in visits}:
        for person in _ask(sweep_script, [_people_key(room_pk)], []) or []:
            _tell_presence(room_pk, person.decode(), is_online=False)
    for visit in visits:
        if visit.is_guest and not _is_welcome(visit):
            publish(RoomShut(room_pk=visit.room_pk, user_id=visit.user_id))


class Visits:
    """The sockets of this process, and a thread that beats for them while there are any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._visits: dict[str, Visit] = {}
        self._is_beating = False

    def add(self, visit: Visit) -> None:
        with self._lock:
            self._visits[visit.socket_id] = visit
            if self._is_beating:
                return
            self._is_beating = True
        threading.Thread(target=self._beat_on, name="presence", daemon=True).start()

    def discard(self, visit: Visit) -> None:
        with self._lock:
            self._visits.pop(visit.socket_id, None)

    def _beat_on(self) -> None:
        pause = threading.Event()
        while not pause.wait(BEAT_SECONDS):
            with self._lock:
                visits = list(self._visits.values())
                self._is_beating = bool(visits)
            if not visits:
                return
            self._beat(visits)

    def _beat(self, visits: list[Visit]) -> None:
        try:
            beat(visits)
        except Exception:
            # The next beat may find the database again; without a thread all would seem gone.
            logger.exception("A beat of presence failed")
        finally:
            connections.close_all()


_here = Visits()


def _come(visit: Visit) -> None:
    args: list[str | int] = [visit.person, visit.socket_id, HERE_SECONDS]
    if _ask(arrive_script, visit.keys, args):
        _tell_presence(visit.room_pk, visit.person, is_online=True)


def _is_welcome(visit: Visit) -> bool:
    rooms = Room.objects.visible_to(User(pk=visit.user_id))
    return rooms.filter(pk=visit.room_pk).exists()


def _tell_presence(room_pk: int, person: str, *, is_online: bool) -> None:
    frame = {"type": "presence", **_person(person), "online": is_online}
    publish(RoomTold(room_pk=room_pk, frame=frame))


def _tell_typing(room_pk: int, user_id: int, username: str, *, is_typing: bool) -> None:
    who = {"user_id": user_id, "username": username}
    frame = {"type": "typing", **who, "typing": is_typing, "seconds": TYPING_SECONDS}
    publish(RoomTold(room_pk=room_pk, frame=frame))


def _people(found: list[bytes] | None) -> list[dict[str, Any]]:
    return [_person(entry.decode()) for entry in found or []]


def _person(entry: str) -> dict[str, Any]:
    user_id, _, username = entry.partition(":")
    return {"user_id": int(user_id), "username": username}


def _people_key(room_pk: int) -> str:
    return f"here:{room_pk}"


def _typing_key(room_pk: int) -> str:
    return f"typing:{room_pk}"


def _ask(script: Script, keys: list[str], args: Sequence[str | int]) -> Any:
    """What Redis answers, None while it is away."""
    try:
        return script(keys, args)
    except RedisDown:
        return None
