"""One question per request: is the session still good, and is its window spent?

Redis holds, for every session in use, whether it lives (`1`) or has ended (`0`), and for every
user the tier. Both are copies that may be lost: what is not there is read from PostgreSQL and put
there again, and an end that was written is never overwritten by a late reader.
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from django.conf import settings
from django.http import HttpRequest

from alice.common import request_context, tiers, windows
from alice.common.errors import DomainError, TooManyRequests
from alice.common.peers import peer_key
from alice.common.redis_client import RedisDown, Script, breaker, client
from alice.common.tiers import Entitlements
from alice.common.windows import Window

WINDOW_SECONDS = 60
COPY_SECONDS = 60
LIVES, ENDED = "1", "0"

# KEYS: session, tier, window. ARGV: window ms, then tier, limit, tier, limit, ... (first is the
# one for tiers without an entry). Answers {state, limit, used, ms left, tier}.
ADMIT = """
local state = redis.call('GET', KEYS[1])
if state == '0' then return {'ended'} end
local tier = redis.call('GET', KEYS[2])
if not state or not tier then return {'unknown'} end
local limit = ARGV[3]
for i = 2, #ARGV, 2 do
  if ARGV[i] == tier then limit = ARGV[i + 1] end
end
local used = redis.call('INCR', KEYS[3])
local left = redis.call('PTTL', KEYS[3])
if left < 0 then
  redis.call('PEXPIRE', KEYS[3], ARGV[1])
  left = tonumber(ARGV[1])
end
return {'lives', tonumber(limit), used, left, tier}
"""

SessionSource = Callable[[int, int], bool]
LiveSource = Callable[[Collection[int]], set[int]]
_session_sources: list[SessionSource] = []
_live_sources: list[LiveSource] = []


class SessionEnded(DomainError):
    """The token is genuine, but its session was ended or has run out."""

    code = "session_ended"
    status = 401
    detail = "This session has ended. Sign in again."


class RequestLimitReached(TooManyRequests):
    code = "request_limit_reached"


@dataclass(frozen=True, slots=True)
class _Keys:
    session: str
    tier: str
    window: str


@dataclass(frozen=True, slots=True)
class _Admission:
    window: Window
    tier: str


def register_session_source(source: SessionSource) -> None:
    """Have `source(session_id, user_id)` say whether a session lives, when Redis cannot."""
    _session_sources[:] = [source]


def register_live_source(source: LiveSource) -> None:
    """Have `source(session_ids)` say which of many sessions live, when Redis cannot."""
    _live_sources[:] = [source]


def admit(request: HttpRequest, *, session_id: int, user_id: int) -> None:
    """Let a signed-in request pass, or raise `SessionEnded` or `RequestLimitReached`.

    One round trip to Redis and no SQL while the session is in use. A session that Redis does not
    know, or Redis out of reach, is looked up in PostgreSQL; limits are then counted by this
    process. The window is left on the request for the answer's headers, and the tier in its
    context for whoever asks `tiers`.
    """
    keys = _Keys(f"session:{session_id}", f"tier:{user_id}", f"window:user:{user_id}")
    try:
        admitted = _admission_of(keys, session_id, user_id)
        tiers.remember_admitted(user_id, admitted.tier)
        _judge(request, admitted.window)
    except SessionEnded:
        # Its user's window is closed to it, but asking on and on must cost something.
        admit_peer(request, request_context.current().peer)
        raise


def admit_peer(request: HttpRequest, peer: str, *, tier: str = tiers.ANONYMOUS_TIER) -> None:
    """Let a request without a session pass, or raise `RequestLimitReached` for its peer.

    The peer has a window of its own for each `tier`.
    """
    key = f"window:{tier}:{peer_key(peer)}"
    limit = tiers.entitlements(tier).requests_per_minute
    _judge(request, windows.spend(key, limit=limit, seconds=WINDOW_SECONDS))


def admit_socket(*, session_id: int, user_id: int) -> None:
    """Let a socket of the peer in hand open: it counts as one request, and is refused as one."""
    admit(HttpRequest(), session_id=session_id, user_id=user_id)
    tiers.forget_admitted()  # a socket outlives its tier


def admit_nameless_socket() -> None:
    """Let a socket that has not signed in, or could not, open: one request of its peer."""
    admit_peer(HttpRequest(), request_context.current().peer)


def ended_sessions(session_ids: Collection[int]) -> set[int]:
    """Which of these sessions are over: one round trip, and SQL for those Redis does not know.

    Raises `OperationalError` when neither can tell.
    """
    ids = list(session_ids)
    try:
        states = breaker.call(lambda: _states_of(ids))
    except RedisDown:
        return set(ids) - _live_among(ids)
    ended = {one for one, state in zip(ids, states, strict=True) if state == ENDED.encode()}
    unknown = [one for one, state in zip(ids, states, strict=True) if state is None]
    live = _live_among(unknown)
    _keep_copies(live)
    return ended | (set(unknown) - live)


def _states_of(session_ids: list[int]) -> list[bytes | None]:
    return cast("list[bytes | None]", client().mget([f"session:{one}" for one in session_ids]))


def _live_among(session_ids: list[int]) -> set[int]:
    live = set(session_ids)
    for source in _live_sources:
        live &= source(session_ids) if live else set()
    return live


def _keep_copies(session_ids: Collection[int]) -> None:
    if not session_ids:
        return

    def fill() -> None:
        pipeline = client().pipeline(transaction=False)
        for session_id in session_ids:
            # NX: whoever ended it since has written the newer value.
            pipeline.set(f"session:{session_id}", LIVES, ex=COPY_SECONDS, nx=True)
        pipeline.execute()

    with suppress(RedisDown):
        breaker.call(fill)


def end_sessions(session_ids: list[int]) -> None:
    """Have every process refuse these sessions from now on.

    To be called once the end is committed. While Redis is away each request asks PostgreSQL; the
    marks are then written before Redis is trusted again.
    """
    if not session_ids:
        return
    try:
        breaker.call(lambda: _mark_ended(session_ids))
    except RedisDown:
        breaker.when_back(lambda: _mark_ended(session_ids))


def change_tier(user_id: int, tier: str) -> None:
    """Have the user's next request counted against `tier`. To be called after the commit."""
    tiers.forget_admitted()

    def write() -> None:
        client().set(f"tier:{user_id}", tier, ex=COPY_SECONDS)

    try:
        breaker.call(write)
    except RedisDown:
        breaker.when_back(write)


def _mark_ended(session_ids: list[int]) -> None:
    # An access token outlives its session by its own life at most; so must the mark.
    seconds = int(settings.ACCESS_TOKEN_LIFETIME.total_seconds()) + COPY_SECONDS
    pipeline = client().pipeline(transaction=False)
    for session_id in session_ids:
        pipeline.set(f"session:{session_id}", ENDED, ex=seconds)
    pipeline.execute()


def _admission_of(keys: _Keys, session_id: int, user_id: int) -> _Admission:
    try:
        return _ask(keys) or _ask_after_filling(keys, session_id, user_id)
    except RedisDown:
        _require_live(session_id, user_id)
        return _local_admission(keys.window, tiers.tiers_of([user_id])[user_id])


admit_script = Script(ADMIT)


def _ask(keys: _Keys) -> _Admission | None:
    table: Mapping[str, Entitlements] = settings.TIERS
    default = table[tiers.DEFAULT_TIER].requests_per_minute
    args: list[str | int] = [WINDOW_SECONDS * 1000, tiers.DEFAULT_TIER, default]
    for name, tier in table.items():
        args += [name, tier.requests_per_minute]
    answer = admit_script([keys.session, keys.tier, keys.window], args)
    if answer[0] == b"ended":
        raise SessionEnded
    if answer[0] == b"unknown":
        return None
    _state, limit, used, left, tier_name = answer
    return _Admission(windows.window_from(limit, used, left), tier_name.decode())


def _ask_after_filling(keys: _Keys, session_id: int, user_id: int) -> _Admission:
    _require_live(session_id, user_id)
    tier = tiers.tiers_of([user_id])[user_id]

    def fill() -> None:
        # NX: between the look-up and here the session may have ended or the tier changed, and
        # whoever did that has written the newer value.
        pipeline = client().pipeline(transaction=False)
        pipeline.set(keys.session, LIVES, ex=COPY_SECONDS, nx=True)
        pipeline.set(keys.tier, tier, ex=COPY_SECONDS, nx=True)
        pipeline.execute()

    breaker.call(fill)
    return _ask(keys) or _local_admission(keys.window, tier)


def _require_live(session_id: int, user_id: int) -> None:
    if not all(source(session_id, user_id) for source in _session_sources):
        raise SessionEnded


def _local_admission(key: str, tier: str) -> _Admission:
    limit = tiers.entitlements(tier).requests_per_minute
    return _Admission(windows.spend_here(key, limit=limit, seconds=WINDOW_SECONDS), tier)


def _judge(request: HttpRequest, window: Window) -> None:
    request.rate_window = window  # type: ignore[attr-defined]  # read by the middleware
    if window.is_exceeded:
        raise RequestLimitReached(
            f"More than {window.limit} requests in {WINDOW_SECONDS} seconds.",
            retry_after=window.reset_seconds,
        )
