"""Who in this process hears what: no input or output here but writing to sockets."""

import asyncio
from collections.abc import Callable

from alice.common.realtime.signing_in import Identity
from alice.common.realtime.wire import Wire

HELD_MAX = 1000
# Most of a delivery is its system call, of some 10 us. Frames that follow one another sooner than
# this for each socket go out together: a busy group takes up an eighth of the loop at most.
PAUSE_SECONDS_EACH = 0.000_075
PAUSE_SECONDS_MAX = 0.1
BATCH_BYTES = 256 * 1024

Frames = list[tuple[bytes, int]]  # with their seq, or 0


class Outlet:
    """A socket as the relay sees it. Until it is greeted, what it hears is kept for after."""

    def __init__(self, wire: Wire, identity: Identity) -> None:
        self.wire = wire
        self.user_id = identity.user_id
        self.session_id = identity.session_id
        self.ends_at = identity.ends_at
        self.audiences: list[Audience] = []
        # Frames of the sequence up to this one were part of what hello told.
        self.since = 0
        self.early: Frames | None = []

    def hear(self, frames: Frames, whole: bytes, first_seq: int) -> None:
        """Write `frames`, which are `whole` together, unless hello had told of them already."""
        if self.early is not None:
            self.early += frames
        elif first_seq > self.since or not first_seq:
            self.wire.write(whole)
        else:
            self._write_unknown(frames)

    def greet(self, hello: bytes, since: int) -> None:
        """Write the first frame, then what came in the meantime."""
        early, self.early, self.since = self.early or [], None, since
        self.wire.write(hello)
        self._write_unknown(early)

    def _write_unknown(self, frames: Frames) -> None:
        for frame, seq in frames:
            if seq > self.since or not seq:
                self.wire.write(frame)


class Audience:
    """The sockets of one group in this process; puts frames that have a seq into their order."""

    def __init__(self, group: str, on_hole: "Callable[[Audience], None]") -> None:
        self.group = group
        self.outlets: set[Outlet] = set()
        self.is_heard = False  # whether Redis is to be asked for its frames
        self.is_confirmed = False  # whether Redis has said that it sends them
        self.is_late = False  # whether somebody was greeted before it said so
        self.ready = asyncio.Event()  # no use in waiting any longer
        self.asked_at = float("-inf")
        self.looked_at = float("-inf")
        self.empty_since: float | None = None
        self.is_sequenced = False
        self.last_seq: int | None = None
        self.held: dict[int, bytes] = {}
        self._on_hole = on_hole
        self._batch: Frames = []
        self._batch_bytes = 0
        self._told_at = float("-inf")

    def hear(self, frame: bytes, seq: int | None) -> None:
        """Hand `frame` to every socket, when it is its turn; a second one is dropped."""
        if not self.outlets:
            return
        if seq is None or not self.is_sequenced:
            self._tell(frame, 0)
        elif self.last_seq is None or seq > self.last_seq:
            self.held[seq] = frame
            self._tell_held()

    def begin(self, seq: int) -> None:
        """Take frames up to `seq` as known to all, if nobody here has heard any yet."""
        if self.last_seq is None:
            self.last_seq = seq
            self.held = {held: frame for held, frame in self.held.items() if held > seq}
            self._tell_held()

    def rest(self) -> None:
        """Forget where the frames were: the last socket has left, the next one is told anew."""
        self.last_seq = None
        self.held.clear()
        self._batch = []

    def skip_hole(self) -> None:
        """Go on with what there is: nobody has what is missing."""
        if self.held and self.last_seq is not None:
            self.last_seq = min(self.held) - 1
            self._tell_held()

    def _tell_held(self) -> None:
        if self.last_seq is None:
            if len(self.held) > HELD_MAX:
                self.held.clear()  # whoever is greeted later reads them
            return
        while (frame := self.held.pop(self.last_seq + 1, None)) is not None:
            self.last_seq += 1
            self._tell(frame, self.last_seq)
        if self.held:
            self._on_hole(self)

    def _tell(self, frame: bytes, seq: int) -> None:
        self._batch.append((frame, seq))
        self._batch_bytes += len(frame)
        loop = asyncio.get_running_loop()
        pause = min(len(self.outlets) * PAUSE_SECONDS_EACH, PAUSE_SECONDS_MAX)
        wait = self._told_at + pause - loop.time()
        if wait <= 0 or self._batch_bytes > BATCH_BYTES:
            self.tell_batch()
        elif len(self._batch) == 1:
            loop.call_later(wait, self.tell_batch)

    def tell_batch(self) -> None:
        """Write what waits for more to come."""
        frames, self._batch, self._batch_bytes = self._batch, [], 0
        if not frames:
            return
        self._told_at = asyncio.get_running_loop().time()
        whole = b"".join(frame for frame, _seq in frames)
        first_seq = next((seq for _frame, seq in frames if seq), 0)
        for outlet in self.outlets:
            outlet.hear(frames, whole, first_seq)
