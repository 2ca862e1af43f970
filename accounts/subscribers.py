from accounts.events import SessionsEnded
from alice.common import gate
from alice.common.events import subscribe
from alice.common.realtime.close_codes import SIGNED_OUT
from alice.common.realtime.groups import session_group
from alice.common.realtime.push import close_group


@subscribe(SessionsEnded)
def refuse_their_tokens(event: SessionsEnded) -> None:
    gate.end_sessions(list(event.session_ids))


@subscribe(SessionsEnded)
def close_their_sockets(event: SessionsEnded) -> None:
    for session_id in event.session_ids:
        close_group(session_group(session_id), SIGNED_OUT, gate.SessionEnded.code)
