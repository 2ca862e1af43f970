"""The clients that docs/websockets.md shows, run as they stand there against a whole server."""

import re
import signal
import subprocess
import sys

import pytest

from alice.tests.node import node
from alice.tests.whole import PROJECT, wait_until, whole_alice

pytestmark = [pytest.mark.live, pytest.mark.enable_socket, pytest.mark.xdist_group("faults")]

GUIDE = (PROJECT / "docs/websockets.md").read_text()
LINES_MAX = 30
# The guide's client for pages, with the arguments of the other one.
START = """
const [site, room, token, afterSeq] = process.argv.slice(2);
const show = ({ seq, message }) => console.log(seq, message);
listen(site, room, token, Number(afterSeq), show).catch(({ message }) => {
  console.error(message);
  process.exit(1);
});
"""


def code_of(language):
    (block,) = re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    return block


@pytest.fixture(scope="module")
def alice():
    with whole_alice() as alice:
        yield alice


@pytest.fixture
def api(alice):
    with alice.client() as client:
        yield client


@pytest.fixture(params=["python", "javascript"])
def command(request, tmp_path):
    """Runs the client that the guide shows."""
    if request.param == "python":
        path, runner, text = tmp_path / "client.py", sys.executable, code_of("python")
    else:
        path, runner, text = tmp_path / "client.mjs", node(), code_of("javascript") + START
    path.write_text(text)
    return [runner, path]


class Listener:
    """A client in a process of its own, and the lines it printed."""

    def __init__(self, command, alice, *, room, token, path):
        self.path = path
        with path.open("w") as output:
            self.process = subprocess.Popen(  # noqa: S603
                [*command, alice.base_url, room, token, "0"],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.kill()
        self.process.wait()

    def lines(self):
        return self.path.read_text().splitlines()

    def heard(self, count):
        wait_until(lambda: len(self.lines()) >= count, what=f"hearing: {self.lines()}")


def say(api, room, *texts):
    for text in texts:
        answer = api.post("/api/chat/send", json={"room_id": room, "message": text})
        assert answer.status_code == 201, answer.text


def lose_the_web(alice):
    """Kill every web process, and with them all connections; others take their place."""
    killed = {name: alice.signal(name) for name in alice.pids() if name.startswith("web-")}
    assert len(killed) == 2
    wait_until(lambda: not killed.items() & alice.pids().items(), what="the end")
    wait_until(alice.is_ready, 60, "the return")


@pytest.mark.parametrize("language", ["python", "javascript"])
def test_the_clients_are_short(language):
    assert len(code_of(language).splitlines()) <= LINES_MAX


def test_a_client_prints_everything_once_and_in_order(alice, api, command, tmp_path):
    room, output = tmp_path.name[-40:].strip("_"), tmp_path / "output"
    token = api.headers["Authorization"].removeprefix("Bearer ")
    say(api, room, "before")
    with Listener(command, alice, room=room, token=token, path=output) as listener:
        listener.heard(1)
        say(api, room, "live")
        listener.heard(2)
        # It sleeps while the server goes, so what is said now is said while it is away.
        listener.process.send_signal(signal.SIGSTOP)
        lose_the_web(alice)
        say(api, room, "away", "away too")
        listener.process.send_signal(signal.SIGCONT)
        listener.heard(4)
        say(api, room, "live again")
        listener.heard(5)

    assert listener.lines() == ["1 before", "2 live", "3 away", "4 away too", "5 live again"]


def test_a_client_that_is_refused_says_so_and_ends(alice, command, tmp_path):
    output = tmp_path / "output"
    with Listener(command, alice, room="garden", token="made-up", path=output) as listener:
        assert listener.process.wait(30) == 1

    assert listener.lines() == ["Refused: 401"]


def test_a_client_keeps_out_of_a_room_that_is_not_there(alice, api, command, tmp_path):
    token = api.headers["Authorization"].removeprefix("Bearer ")
    output = tmp_path / "output"
    with Listener(command, alice, room="no%20room", token=token, path=output) as listener:
        assert listener.process.wait(30) == 1

    assert listener.lines() == ["Refused: 4404"]
