"""The one connection by which a process hears of all its groups."""

import asyncio
from collections.abc import Callable
from typing import Any

import redis
from channels_redis.pubsub import RedisSingleShardConnection  # type: ignore[import-untyped]

RETRY_SECONDS = 0.25
PING_SECONDS = 5.0
SILENT_PINGS = 2


class Subscriptions(RedisSingleShardConnection):  # type: ignore[misc]
    """The connection of channels_redis' pub/sub layer, which reconnects and subscribes anew.

    The layer's own reader tells neither that it was cut off, and so missed something, nor when
    Redis has taken a subscription, from which on nothing is missed. This one does both:
    `on_confirmed(channel)` is called for every subscription, and again for each of them after
    a reconnection. All that Redis is asked for anew it takes at once, so what the first of these
    calls says holds for all. `on_lost(fault)` may be called more than once for one loss.
    """

    def __init__(
        self,
        host: dict[str, Any],
        *,
        on_message: Callable[[str, bytes], None],
        on_confirmed: Callable[[str], None],
        on_lost: Callable[[Exception], None],
    ) -> None:
        super().__init__(host, None)
        self._on_message = on_message
        self._on_confirmed = on_confirmed
        self._on_lost = on_lost
        self._silences = 0

    @property
    def is_begun(self) -> bool:
        """Whether there is something to be subscribed anew, for which the reader cares."""
        return bool(self._pubsub and self._pubsub.subscribed)

    async def ask_for(self, channel: str) -> None:
        """Ask Redis for what is published to `channel`, even if it was asked before."""
        self._subscribed_to.discard(channel)
        await self.subscribe(channel)

    async def _do_receiving(self) -> None:
        while True:
            try:
                await self._take_next()
            # Whatever goes wrong with the connection, the next round makes a new one.
            except Exception as fault:  # noqa: BLE001
                self._on_lost(fault)
                await asyncio.sleep(RETRY_SECONDS)

    async def _take_next(self) -> None:
        if not self.is_begun:
            await asyncio.sleep(RETRY_SECONDS)
            return
        message = await self._pubsub.get_message(timeout=PING_SECONDS)
        if message is None:
            await self._look_alive()
            return
        self._silences = 0
        if message["type"] == "message":
            self._on_message(message["channel"].decode(), message["data"])
            # What is read already is taken without a pause: let the frames go out.
            await asyncio.sleep(0)
        elif message["type"] == "subscribe":
            self._on_confirmed(message["channel"].decode())

    async def _look_alive(self) -> None:
        """A server that vanished without a word is noticed by what it does not answer."""
        self._silences += 1
        if self._silences > SILENT_PINGS:
            self._silences = 0
            await self._pubsub.connection.disconnect()
            raise redis.ConnectionError("Redis does not answer.")
        await self._pubsub.ping()
