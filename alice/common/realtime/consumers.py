"""The base of all sockets: who is at the other end, what they hear, what they may say."""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

from channels.exceptions import StopConsumer  # type: ignore[import-untyped]
from channels.generic.websocket import AsyncWebsocketConsumer  # type: ignore[import-untyped]
from django.conf import settings

from alice.bridge.messages import Message, Receive, Refusal, Scope, Send
from alice.common import gate, request_context
from alice.common.errors import DomainError, TooManyRequests, known_error
from alice.common.realtime import close_codes
from alice.common.realtime.audiences import Outlet
from alice.common.realtime.frames import (
    BadFrame,
    Bucket,
    TooFast,
    UnknownType,
    error_frame,
    read_frame,
    wire_frame,
)
from alice.common.realtime.greetings import greeting_for
from alice.common.realtime.groups import session_group, user_group
from alice.common.realtime.refusals import refuse
from alice.common.realtime.relay import relay
from alice.common.realtime.signing_in import (
    Credential,
    Identity,
    NotSignedIn,
    credential_of,
    headers_of,
    peer_of_socket,
    refusal_of,
)
from alice.common.realtime.sockets import Admission, Handler, SignedSocket
from alice.common.realtime.threads import threads
from alice.common.realtime.wire import WIRE, Wire

logger = logging.getLogger("alice.requests")

BAD_FRAMES_MAX = 10
REFUSED_IN_ROW_MAX = 100
INTERNAL_ERROR, TRY_AGAIN_LATER = 1011, 1013
CLOSE_CODES = {
    401: close_codes.SIGNED_OUT,
    403: close_codes.NOT_ALLOWED,
    404: close_codes.NOT_FOUND,
    429: close_codes.TOO_FAST,
    500: INTERNAL_ERROR,
    503: TRY_AGAIN_LATER,
}
NO_WIRE = Refusal(501, "no_wire", "This server lacks what sockets need: see docs/adr/0011.")


class TooManySockets(TooManyRequests):
    code = "too_many_sockets"
    detail = "Too many sockets are open. Close some first."


class SocketConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """Signs in, checks Origin, joins groups and hands frames to `frame_handlers` by `type`.

    The hooks are plain functions that run in a thread with a database connection. Channels'
    consumers have a channel of their own each, and a task to hear it: ours hear the relay.
    """

    frame_handlers: Mapping[str, Handler] = {}
    socket: SignedSocket  # from `hello` on

    def authorize(self, user_id: int, url_kwargs: Mapping[str, str]) -> Admission:
        """What the user may hear here. Raises `NotFound` (4404) or `Forbidden` (4403).

        It is asked again when frames may have been lost, news of a removal among them.
        """
        return Admission()

    def hello(self) -> Mapping[str, Any]:
        """The first frame, made when the groups are joined already."""
        return {"type": "hello"}

    def on_gap(self) -> Mapping[str, Any] | None:
        """What to tell this socket when frames may have been lost.

        Frames with a `seq` have been caught up by then, so a hint to look anew is enough.
        """
        return {"type": "resync"}

    def on_leave(self) -> None:
        """Called once after the end of a socket that was greeted."""

    # From here on: the life of a socket

    outlet: Outlet | None = None
    sign_in_timer: asyncio.TimerHandle | None = None
    is_greeted = False
    bad_in_row = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope, self.base_send = scope, send
        self.loop = asyncio.get_running_loop()
        self.started = time.perf_counter()
        offered = headers_of(scope).get("x-request-id", "")
        self.context = request_context.RequestContext(
            request_context.new_request_id(offered), peer=peer_of_socket(scope)
        )
        request_context.enter(self.context)
        try:
            while True:
                await self.dispatch(await receive())
        except StopConsumer:
            return
        finally:
            self._detach()

    async def dispatch(self, message: Message) -> None:
        """Call the method of a message; a fault of ours ends the socket, and is logged once."""
        method = getattr(self, message["type"].replace(".", "_"))
        try:
            await method(message)
        except StopConsumer:
            raise
        except Exception:
            logger.exception("A socket failed")
            self._wire_close(INTERNAL_ERROR, "server_error")

    async def websocket_connect(self, message: Message) -> None:
        refusal = refusal_of(self.scope) if WIRE in self.scope else NO_WIRE
        if refusal:
            self._log(refusal.status)
            await refuse(self.scope, self.base_send, refusal)
            raise StopConsumer
        await self.accept()
        self._log(101)
        self.bucket = Bucket(settings.SOCKET_FRAMES_PER_SECOND)
        try:
            credential = credential_of(self.scope)
        except DomainError as error:
            self._part(error)
            return
        await self._sign_in(credential)

    async def websocket_receive(self, message: Message) -> None:
        if not self.bucket.take():
            self._slow_down()
            return
        self.bucket.refused_in_row = 0
        frame = None
        try:
            frame = read_frame(message)
            await self._take(frame)
        except (BadFrame, UnknownType) as error:
            self._count_bad(error, frame)
        else:
            self.bad_in_row = 0

    async def websocket_disconnect(self, message: Message) -> None:
        was_greeted = self.is_greeted
        self._detach()
        self._log(message.get("code") or 1005)
        if was_greeted and type(self).on_leave is not SocketConsumer.on_leave:
            await threads.run(self._in_context, self._leave_for_good)
        raise StopConsumer

    # Signing in

    async def _sign_in(self, credential: Credential | None) -> None:
        try:
            if credential is None:
                await threads.run(self._in_context, gate.admit_nameless_socket)
                self._await_first_frame()
                return
            identity, admission = await threads.run(self._in_context, self._admit, credential)
            self._count_sockets(identity)
            await self._join(identity, admission)
            await self._greet()
        # Of the database and Redis too: the client is told, and tries again.
        except Exception as error:
            if known_error(error) is None:
                raise
            self._part(error)

    def _await_first_frame(self) -> None:
        self.sign_in_timer = self.loop.call_later(
            settings.SOCKET_SIGN_IN_SECONDS,
            self._wire_close,
            close_codes.SIGN_IN_TOO_SLOW,
            "sign_in_too_slow",
        )

    def _admit(self, credential: Credential) -> tuple[Identity, Admission]:
        try:
            identity = credential.identify()
        except DomainError:
            gate.admit_nameless_socket()
            raise
        gate.admit_socket(session_id=identity.session_id, user_id=identity.user_id)
        self.context.user_id = identity.user_id
        return identity, self.authorize(identity.user_id, self.url_kwargs)

    def _count_sockets(self, identity: Identity) -> None:
        if relay().size(user_group(identity.user_id)) >= settings.SOCKETS_PER_USER:
            raise TooManySockets(retry_after=1)

    async def _join(self, identity: Identity, admission: Admission) -> None:
        wire = self._wire()
        self.socket = SignedSocket(
            user_id=identity.user_id,
            session_id=identity.session_id,
            socket_id=secrets.token_hex(8),
            peer=self.context.peer,
            url_kwargs=self.url_kwargs,
            admission=admission,
            _wire=wire,
            _loop=self.loop,
        )
        self.outlet = Outlet(wire, identity)
        await relay().join(
            self.outlet,
            heard=(user_group(identity.user_id), *admission.groups),
            closing=(session_group(identity.session_id), *admission.close_groups),
            sequence=admission.sequence,
            on_gap=self._tell_gap,
        )

    async def _greet(self) -> None:
        hello = await threads.run(self._in_context, self.hello)
        if self.outlet is None:
            return
        since = hello["seq"] if self.socket.admission.sequence else 0
        for audience in self.outlet.audiences:
            if audience.is_sequenced:
                audience.begin(since)
        self.outlet.greet(wire_frame(hello), since)
        self.is_greeted = True

    # Frames in

    async def _take(self, frame: dict[str, Any]) -> None:
        if self.outlet is None:
            await self._take_first(frame)
        elif frame["type"] == "ping":
            self._send_frame({"type": "pong"} | _ref_of(frame))
        elif handler := self.frame_handlers.get(frame["type"]):
            answer = await threads.run(self._in_context, self._handle, handler, frame)
            if answer is not None:
                self._send_frame(answer)
        else:
            raise UnknownType("type: Nothing of this type can be sent here.")

    async def _take_first(self, frame: dict[str, Any]) -> None:
        token = frame.get("token")
        if frame["type"] != "auth" or not isinstance(token, str):
            self._part(NotSignedIn(), frame)
            return
        if self.sign_in_timer is not None:
            self.sign_in_timer.cancel()
        await self._sign_in(Credential(token=token or "-"))

    def _handle(self, handler: Handler, frame: dict[str, Any]) -> Mapping[str, Any] | None:
        try:
            return handler(self.socket, frame)
        except Exception as error:
            if known_error(error) is None:
                logger.exception("A frame failed", extra={"frame_type": frame["type"]})
            return error_frame(error, frame)

    def _count_bad(self, error: DomainError, frame: dict[str, Any] | None) -> None:
        self.bad_in_row += 1
        self._send_frame(error_frame(error, frame))
        if self.outlet is None:
            self._part(NotSignedIn())
        elif self.bad_in_row >= BAD_FRAMES_MAX:
            self._wire_close(close_codes.BAD_FRAME, error.code)

    def _slow_down(self) -> None:
        if self.bucket.refused_in_row > REFUSED_IN_ROW_MAX:
            self._wire_close(close_codes.TOO_FAST, TooFast.code)
            return
        self._send_frame(error_frame(TooFast()))

    # Frames out and the end

    async def _tell_gap(self) -> bool:
        """Ask anew whether the user may be here, and tell that something may have been missed.

        False while nobody can say whether the user may.
        """
        try:
            frame = await threads.run(self._in_context, self._look_again)
        except Exception as error:
            known = known_error(error)
            if known is None:
                logger.exception("A socket was not told of a gap")
            status = getattr(known, "status", 500)
            if status in (403, 404):
                self._part(error)
            return status != 503
        if frame is not None and self.is_greeted:
            self._send_frame(frame)
        return True

    def _look_again(self) -> Mapping[str, Any] | None:
        self.authorize(self.socket.user_id, self.url_kwargs)
        return self.on_gap()

    def _leave_for_good(self) -> None:
        try:
            self.on_leave()
        except Exception as error:
            if known_error(error) is None:
                logger.exception("A socket did not leave in order")

    def _part(self, error: Exception, frame: Mapping[str, Any] | None = None) -> None:
        """Tell why, and close with the code of the error's status."""
        told = error_frame(error, frame)
        self._send_frame(told)
        status = getattr(known_error(error), "status", 500)
        self._wire_close(CLOSE_CODES.get(status, close_codes.BAD_FRAME), told["code"])

    def _detach(self) -> None:
        if self.sign_in_timer is not None:
            self.sign_in_timer.cancel()
        if self.outlet is not None:
            relay().leave(self.outlet)
            self.outlet = None
        self.is_greeted = False

    @property
    def url_kwargs(self) -> Mapping[str, str]:
        kwargs: Mapping[str, str] = self.scope["url_route"]["kwargs"]
        return kwargs

    def _in_context(self, function: Callable[..., Any], *args: Any) -> Any:
        request_context.enter(self.context)
        return function(*args)

    def _wire(self) -> Wire:
        wire: Wire = self.scope[WIRE]
        return wire

    def _send_frame(self, frame: Mapping[str, Any]) -> None:
        self._wire().write(wire_frame(frame))

    def _wire_close(self, code: int, reason: str) -> None:
        self._wire().close(code, reason)

    def _log(self, status: int) -> None:
        """One line for the handshake's status, one for the code at the end."""
        plain = {
            "status": status,
            "duration_ms": round((time.perf_counter() - self.started) * 1000, 2),
            "peer": self.context.peer,
            "user_id": self.context.user_id,
        }
        logger.info("WS %s", self.scope["path"], extra={"plain": plain})


def _ref_of(frame: Mapping[str, Any]) -> dict[str, Any]:
    return {"ref": frame["ref"]} if isinstance(frame.get("ref"), str | int) else {}


class EventsConsumer(SocketConsumer):
    """/ws/events: whatever is pushed to the user's own group."""

    def hello(self) -> Mapping[str, Any]:
        return {"type": "hello", **greeting_for(self.socket.user_id)}
