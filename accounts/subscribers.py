from accounts.events import SessionsEnded
from alice.common import gate
from alice.common.events import subscribe


@subscribe(SessionsEnded)
def refuse_their_tokens(event: SessionsEnded) -> None:
    gate.end_sessions(list(event.session_ids))
