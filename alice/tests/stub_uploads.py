"""A web process that keeps partial bodies: each as the file `kept` in `STUB_DIRECTORY`."""

import atexit
import os
import shutil
from pathlib import Path

from alice.bridge.application import WsgiBridge
from alice.bridge.bodies import BodyRule
from alice.runtime import web

directory = Path(os.environ["STUB_DIRECTORY"])


def keep(environ, start_response):
    assert environ["alice.body_is_partial"]
    with (directory / "kept").open("wb") as file:
        shutil.copyfileobj(environ["wsgi.input"], file)
    start_response("204 No Content", [])
    return []


def body_rule(environ):
    (directory / "reading").touch()
    return BodyRule(10_000_000, keeps_partial=True)


bridge = WsgiBridge(keep, body_rule=body_rule, spool_directory=directory)
atexit.register(bridge.shutdown)

if __name__ == "__main__":
    web.APPLICATION = "alice.tests.stub_uploads:bridge"
    web.GRACE_SECONDS = 2
    web.main()
