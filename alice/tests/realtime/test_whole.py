"""No message that was acknowledged is missed, whatever ends: with real processes, from outside."""

import contextlib
import signal
import threading
import time

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from alice.tests.realtime.kit import open_socket
from alice.tests.whole import wait_until, whole_alice

pytestmark = [pytest.mark.live, pytest.mark.enable_socket, pytest.mark.xdist_group("faults")]

ROOM = "faults"


@pytest.fixture(scope="module")
def alice():
    with whole_alice(CHAT_MESSAGES_PER_WINDOW="1000000") as alice:
        yield alice


class Writer:
    """A thread that says something again and again; remembers the seq of what was stored."""

    def __init__(self, alice):
        self.client = alice.client()
        self.acknowledged = []
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.write)

    def __enter__(self):
        self.thread.start()
        self.wait_for_more(10)
        return self

    def __exit__(self, *exception):
        self.is_over.set()
        self.thread.join()
        self.client.close()

    def write(self):
        while not self.is_over.is_set():
            with contextlib.suppress(httpx.TransportError):
                body = {"room_id": ROOM, "message": "said"}
                answer = self.client.post("/api/chat/send", json=body)
                if answer.status_code in (200, 201):
                    self.acknowledged.append(answer.json()["seq"])
            time.sleep(0.005)

    def wait_for_more(self, count):
        goal = len(self.acknowledged) + count
        wait_until(lambda: len(self.acknowledged) >= goal, 60, "writing")


def heard_up_to(socket, seq):
    """The numbers of the messages that come, to the one that is awaited."""
    heard = []
    while not heard or heard[-1] < seq:
        frame = socket.next()
        if frame["type"] == "message":
            heard.append(frame["seq"])
    return heard


def token_of(alice):
    with alice.client() as client:
        return client.headers["Authorization"].removeprefix("Bearer ")


@pytest.mark.parametrize("times", [1, 2])
def test_a_reader_hears_all_that_was_acknowledged_while_valkey_was_killed(alice, times):
    path, token = f"/ws/chat/{ROOM}", token_of(alice)
    with open_socket(alice.base_url, path, token=token, max_queue=None) as socket:
        first = socket.next()["seq"]
        with Writer(alice) as writer:
            for _ in range(times):
                alice.signal("Valkey", signal.SIGKILL)
                writer.wait_for_more(100)
        heard = heard_up_to(socket, writer.acknowledged[-1])

    assert heard == list(range(first + 1, writer.acknowledged[-1] + 1))


def heard_by_resuming(alice, token, after_seq, up_to):
    """The numbers of what comes after one, as a client hears it that connects again."""
    heard = [after_seq]
    while heard[-1] < up_to:
        opened = open_socket(alice.base_url, f"/ws/chat/{ROOM}", token=token)
        with opened as socket, contextlib.suppress(ConnectionClosed):
            socket.next()
            socket.send({"type": "resume", "after_seq": heard[-1]})
            heard += [seq for seq in heard_up_to(socket, up_to) if seq > heard[-1]]
    return heard[1:]


def test_a_reload_tells_the_sockets_and_whoever_resumes_misses_nothing(alice):
    path, token = f"/ws/chat/{ROOM}", token_of(alice)
    with open_socket(alice.base_url, path, token=token, max_queue=None) as socket:
        first = socket.next()["seq"]
        with Writer(alice) as writer:
            alice.process.send_signal(signal.SIGHUP)
            end = socket.end()
            writer.wait_for_more(50)
    heard = [frame["seq"] for frame in end.frames if frame["type"] == "message"]
    heard += heard_by_resuming(alice, token, [first, *heard][-1], writer.acknowledged[-1])
    wait_until(lambda: "Reloaded." in alice.console(), what="the reload")

    assert end.code == 1012
    assert heard == list(range(first + 1, writer.acknowledged[-1] + 1))
