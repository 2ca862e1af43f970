"""Refusing a websocket before it is accepted."""

from alice.bridge.messages import Receive, Refusal, Scope, Send


async def refuse(scope: Scope, send: Send, refusal: Refusal) -> None:
    """Answer the handshake with the status and JSON of `refusal`; 403 if the server cannot."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close"})
        return
    await send({**refusal.start(), "type": "websocket.http.response.start"})
    await send({"type": "websocket.http.response.body", "body": refusal.body()})


async def refuse_unknown(scope: Scope, receive: Receive, send: Send) -> None:
    """The application of paths that lead nowhere."""
    await refuse(scope, send, Refusal(404, "not_found", "Not found."))
