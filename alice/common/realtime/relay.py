"""One relay per process: hears each group once from Redis, hands its frames to local sockets."""

import asyncio
import heapq
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

from django.conf import settings
from django.db import Error as DatabaseFault

from alice.common import gate
from alice.common.realtime.audiences import Audience, Outlet
from alice.common.realtime.catching_up import catch_up_source
from alice.common.realtime.close_codes import SIGNED_OUT
from alice.common.realtime.frames import wire_frame
from alice.common.realtime.messages import (
    CLOSE,
    EVERYWHERE,
    FRAME,
    GAP,
    channel_of,
    config,
    decode,
)
from alice.common.realtime.subscriptions import RETRY_SECONDS, Subscriptions
from alice.common.realtime.threads import threads
from alice.common.realtime.wire import text_frame

logger = logging.getLogger("alice.realtime")

JOIN_SECONDS = 2.0  # that a socket waits for Redis before it is greeted all the same
ASK_AGAIN_SECONDS = 1.0
LINGER_SECONDS = 5.0  # that a group without sockets stays subscribed
HOLE_SECONDS = 0.25  # that a missing frame may be late
GAPS_AT_ONCE = 8
LOOKS_AT_ONCE = 10
TOKEN_EXPIRED = "token_expired"  # noqa: S105 - a code, as REST answers it

OnGap = Callable[[], Awaitable[bool]]  # False: not now, ask again


class Relay:
    """Belongs to one event loop. Its methods are to be called in that loop."""

    def __init__(self) -> None:
        self.audiences: dict[str, Audience] = {}
        self.outlets: dict[Outlet, OnGap] = {}
        self.is_lost = False
        self._has_begun = False
        self._subscriptions = Subscriptions(
            config()["hosts"][0],
            on_message=self._hear,
            on_confirmed=self._confirm,
            on_lost=self._lose,
        )
        self._groups: dict[str, str] = {}  # by channel
        self._wish = asyncio.Event()
        self._holes: set[Audience] = set()
        self._gap_turns = asyncio.Semaphore(GAPS_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    async def join(
        self,
        outlet: Outlet,
        *,
        heard: Iterable[str],
        closing: Iterable[str],
        sequence: str,
        on_gap: OnGap,
    ) -> None:
        """Have `outlet` hear the groups `heard`, and closed with them or with those of `closing`.

        `sequence` is the one of `heard` whose frames have a seq, if any. Returns when Redis has
        taken the subscriptions: what is published from then on is heard. While Redis is away it
        returns at once, and `on_gap` is called when it is back, again and again while False.
        """
        self._begin()
        self.outlets[outlet] = on_gap
        for group in heard:
            audience = self._enter(outlet, group)
            audience.is_heard = True
            audience.is_sequenced = audience.is_sequenced or group == sequence
        for group in closing:
            self._enter(outlet, group)
        waiting = [one for one in outlet.audiences if one.is_heard and not one.is_confirmed]
        if not waiting:
            return
        self._wish.set()
        if not self.is_lost:
            await self._wait_for(waiting)
        for audience in waiting:
            audience.is_late = audience.is_late or not audience.is_confirmed

    def leave(self, outlet: Outlet) -> None:
        """Have `outlet` hear nothing more."""
        self.outlets.pop(outlet, None)
        for audience in outlet.audiences:
            audience.outlets.discard(outlet)
            if audience.outlets:
                continue
            if audience.is_heard:
                audience.rest()
                audience.empty_since = time.monotonic()
            else:
                del self.audiences[audience.group], self._groups[channel_of(audience.group)]
        outlet.audiences = []

    def size(self, group: str) -> int:
        """How many sockets of this process are in `group`."""
        audience = self.audiences.get(group)
        return len(audience.outlets) if audience else 0

    def _enter(self, outlet: Outlet, group: str) -> Audience:
        audience = self.audiences.get(group)
        if audience is None:
            audience = self.audiences[group] = Audience(group, self._note_hole)
            self._groups[channel_of(group)] = group
        audience.outlets.add(outlet)
        audience.empty_since = None
        outlet.audiences.append(audience)
        return audience

    async def _wait_for(self, audiences: list[Audience]) -> None:
        try:
            async with asyncio.timeout(JOIN_SECONDS):
                for audience in audiences:
                    await audience.ready.wait()
        except TimeoutError:
            logger.warning("Redis took no subscription within %s s", JOIN_SECONDS)

    def _begin(self) -> None:
        if self._has_begun:
            return
        self._has_begun = True
        audience = self.audiences[EVERYWHERE] = Audience(EVERYWHERE, self._note_hole)
        audience.is_heard = True
        self._groups[channel_of(EVERYWHERE)] = EVERYWHERE
        self._spawn(self._keep_subscribed())
        self._spawn(self._keep_checking())

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Subscribing

    async def _keep_subscribed(self) -> None:
        try:
            while True:
                await self._ask_for_changes()
        finally:  # the loop ends
            await self._subscriptions.flush()

    async def _ask_for_changes(self) -> None:
        self._wish.clear()
        try:
            await self._subscribe()
            await self._unsubscribe()
        # As in the reader: the next round tries again.
        except Exception as fault:  # noqa: BLE001
            self._lose(fault)
        with suppress(TimeoutError):
            async with asyncio.timeout(RETRY_SECONDS if self.is_lost else ASK_AGAIN_SECONDS):
                await self._wish.wait()

    async def _subscribe(self) -> None:
        if self.is_lost and self._subscriptions.is_begun:
            return  # the reader is about to; two at once would be in each other's way
        asked_before = time.monotonic() - ASK_AGAIN_SECONDS
        for audience in list(self.audiences.values()):
            is_wanted = audience.is_heard and not audience.is_confirmed
            if is_wanted and audience.asked_at <= asked_before:
                audience.asked_at = time.monotonic()
                await self._subscriptions.ask_for(channel_of(audience.group))

    async def _unsubscribe(self) -> None:
        if self.is_lost:
            return
        empty_before = time.monotonic() - LINGER_SECONDS
        for audience in list(self.audiences.values()):
            if audience.empty_since is None or audience.empty_since > empty_before:
                continue
            channel = channel_of(audience.group)
            del self.audiences[audience.group], self._groups[channel]
            await self._subscriptions.unsubscribe(channel)

    def _confirm(self, channel: str) -> None:
        audience = self.audiences.get(self._groups.get(channel, ""))
        if audience is None:
            return
        was_confirmed, audience.is_confirmed = audience.is_confirmed, True
        audience.ready.set()
        if audience.group == EVERYWHERE:
            self._return(missed=was_confirmed)
        elif audience.is_late:
            audience.is_late = False
            self._spawn(self._catch_all_up([audience]))

    def _lose(self, fault: Exception) -> None:
        if not self.is_lost:
            logger.warning("Sockets are cut off from Redis", extra={"fault": repr(fault)})
        self.is_lost = True
        for audience in self.audiences.values():
            audience.asked_at = float("-inf")
            if not audience.is_confirmed:
                audience.ready.set()

    def _return(self, *, missed: bool) -> None:
        if self.is_lost:
            logger.info("Sockets hear of Redis again")
        self.is_lost = False
        self._wish.set()
        if missed:
            self._spawn(self._catch_all_up(list(self.audiences.values())))

    # Hearing

    def _hear(self, channel: str, data: bytes) -> None:
        group = self._groups.get(channel)
        audience = self.audiences.get(group) if group else None
        if audience is None:
            return
        try:
            self._act(audience, decode(data))
        except (KeyError, TypeError, ValueError):
            logger.exception("A message to sockets makes no sense", extra={"group": group})

    def _act(self, audience: Audience, message: dict[str, Any]) -> None:
        if message["type"] == FRAME:
            audience.hear(text_frame(message["text"]), message["seq"])
        elif message["type"] == CLOSE:
            self._close(message["group"], message["code"], message["reason"])
        elif message["type"] == GAP:
            is_for_all = audience.group == EVERYWHERE
            missing = list(self.audiences.values()) if is_for_all else [audience]
            self._spawn(self._catch_all_up(missing))

    def _close(self, group: str, code: int, reason: str) -> None:
        audience = self.audiences.get(group)
        for outlet in list(audience.outlets) if audience else []:
            for heard in outlet.audiences:
                heard.tell_batch()  # as it was published before
            outlet.wire.close(code, reason)

    # Catching up

    def _note_hole(self, audience: Audience) -> None:
        if audience not in self._holes:
            self._holes.add(audience)
            self._spawn(self._fill_hole(audience))

    async def _fill_hole(self, audience: Audience) -> None:
        await asyncio.sleep(HOLE_SECONDS)
        try:
            if audience.held:
                await self._catch_up(audience)
        finally:
            self._holes.discard(audience)
        if audience.held:  # it came while the frames were read
            self._note_hole(audience)

    async def _catch_all_up(self, audiences: list[Audience]) -> None:
        outlets: dict[Outlet, None] = {}
        for audience in audiences:
            while audience.is_sequenced and audience.outlets:
                if await self._catch_up(audience):
                    break
                await asyncio.sleep(ASK_AGAIN_SECONDS)
            outlets |= dict.fromkeys(audience.outlets)
        for outlet in outlets:
            self._spawn(self._tell_gap(outlet))

    async def _tell_gap(self, outlet: Outlet) -> None:
        async with self._gap_turns:
            while on_gap := self.outlets.get(outlet):
                if await on_gap():
                    return
                await asyncio.sleep(ASK_AGAIN_SECONDS)

    async def _catch_up(self, audience: Audience) -> bool:
        """Read what did not come from its source; go on without what is not there either.

        False when it cannot be read at the moment.
        """
        highest = max(audience.held, default=0)
        while (asked := audience.last_seq) is not None:
            try:
                missed = await threads.run(_read_missed, audience.group, asked)
            except DatabaseFault as fault:
                logger.warning("Missed frames could not be read: %s", fault)
                return False
            for seq, frame in missed:
                audience.hear(frame, seq)
            if audience.last_seq == asked:
                break
        # What was published since the last look may still be on its way.
        if audience.held and min(audience.held) <= highest:
            audience.skip_hole()
        return True

    # What nobody tells

    async def _keep_checking(self) -> None:
        """Notice what nobody told: sessions that ended or ran out, frames that were never sent."""
        while True:
            await asyncio.sleep(settings.SOCKET_CHECK_SECONDS)
            self._close_expired()
            try:
                await self._close_ended()
                await self._look_for_untold()
            except DatabaseFault as fault:
                logger.warning("Nobody can tell what sockets have missed: %s", fault)
            except Exception:
                logger.exception("What sockets have missed was not looked for")

    def _close_expired(self) -> None:
        now = time.time()
        for outlet in self.outlets:
            if outlet.ends_at <= now:
                outlet.wire.close(SIGNED_OUT, TOKEN_EXPIRED)

    async def _close_ended(self) -> None:
        sessions = {outlet.session_id for outlet in self.outlets}
        ended = await threads.run(gate.ended_sessions, sessions) if sessions else set()
        for outlet in self.outlets:
            if outlet.session_id in ended:
                outlet.wire.close(SIGNED_OUT, gate.SessionEnded.code)

    async def _look_for_untold(self) -> None:
        """Catch up where it was asked longest ago.

        Whoever is killed between the commit and the push leaves no hole, if nothing follows.
        """
        rooms = [one for one in self.audiences.values() if one.is_sequenced and one.outlets]
        for audience in heapq.nsmallest(LOOKS_AT_ONCE, rooms, key=lambda one: one.looked_at):
            audience.looked_at = time.monotonic()
            await self._catch_up(audience)


def _read_missed(group: str, after_seq: int) -> list[tuple[int, bytes]]:
    found = catch_up_source(group)
    if found is None:
        return []
    source, pk = found
    return [(seq, wire_frame(frame)) for seq, frame in source(pk, after_seq)]


_relays: "WeakKeyDictionary[asyncio.AbstractEventLoop, Relay]" = WeakKeyDictionary()


def relay() -> Relay:
    """The relay of the running event loop, of which a web process has one."""
    loop = asyncio.get_running_loop()
    if loop not in _relays:
        _relays[loop] = Relay()
    return _relays[loop]
