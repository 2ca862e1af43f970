"""A web process around an application that only says ok."""

import atexit
import sys

from alice.runtime import web


async def application(scope, receive, send):
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


if __name__ == "__main__":
    atexit.register(sys.stdout.write, "left in order")
    web.APPLICATION = "alice.runtime.tests.stub_application:application"
    web.main()
