# ruff: noqa: S603
import os
import socket
import subprocess
import sys

import pytest

from alice.runtime.child import CONTROL_VARIABLE, GO, READY
from alice.runtime.config import PROJECT_DIR
from alice.runtime.sockets import bind_listeners

pytestmark = pytest.mark.live


@pytest.fixture
def web():
    """A web process, its listener and our end of its control socket."""
    (listener,) = bind_listeners("127.0.0.1", 0)
    ours, theirs = socket.socketpair()
    ours.settimeout(20)
    module = "alice.runtime.tests.stub_application"
    with (
        listener,
        ours,
        theirs,
        subprocess.Popen(
            [sys.executable, "-m", module, "--fd", str(listener.fileno())],
            cwd=PROJECT_DIR,
            env={"PATH": os.environ["PATH"], CONTROL_VARIABLE: str(theirs.fileno())},
            pass_fds=[listener.fileno(), theirs.fileno()],
            stdout=subprocess.PIPE,
        ) as process,
    ):
        theirs.close()
        yield process, listener, ours
        process.kill()


def ask(listener):
    link = socket.create_connection(listener.getsockname(), timeout=20)
    link.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    return link


def test_it_serves_once_it_has_leave_to(web):
    _, listener, control = web
    with ask(listener) as early:
        control.sendall(GO)

        assert control.recv(1) == READY
        assert early.makefile("rb").read().endswith(b"ok")


def test_it_ends_in_order_when_told_to(web):
    process, _, control = web
    control.sendall(GO)
    control.recv(1)

    process.terminate()

    assert process.communicate(timeout=10)[0] == b"left in order"
    assert process.returncode == 0


def test_it_ends_when_its_supervisor_is_gone(web):
    process, _, control = web
    control.sendall(GO)
    control.recv(1)

    control.close()

    assert process.wait(10) == 0


def test_it_never_serves_if_its_supervisor_goes_first(web):
    process, _, control = web

    control.close()

    assert process.wait(10) == 1
