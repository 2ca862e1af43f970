"""Two web processes, many writers, and everything that can die dies while they write.

The numbers are those of the suite; `make soak` takes larger ones.
"""

import contextlib
import os
import signal

import pytest

from alice.tests.realtime.kit import open_socket
from alice.tests.realtime.storm import (
    PagingReader,
    RestWriter,
    SocketReader,
    SocketWriter,
    newcomer,
    pages,
    server_of,
)
from alice.tests.whole import wait_until, whole_alice

pytestmark = [pytest.mark.live, pytest.mark.enable_socket, pytest.mark.xdist_group("faults")]

WRITERS = int(os.environ.get("SOAK_WRITERS", "6"))
MESSAGES = int(os.environ.get("SOAK_MESSAGES", "40"))
ROUNDS = int(os.environ.get("SOAK_ROUNDS", "1"))
PATIENCE_SECONDS = 30 + MESSAGES
FAULTS = [
    ("web-1", signal.SIGKILL),
    ("Valkey", signal.SIGTERM),
    ("PostgreSQL", signal.SIGQUIT),  # immediate shutdown, with crash recovery at the next start
]


@pytest.fixture(scope="module")
def alice():
    with whole_alice(CHAT_MESSAGES_PER_WINDOW="1000000") as alice:
        yield alice


@pytest.fixture
def sockets_at_both(alice):
    """Two sockets in a room, each at a web process of its own."""
    wait_until(lambda: alice.serves("web-1") and alice.serves("web-2"), what="both web processes")
    token, found = newcomer(alice, "traveller"), {}
    with contextlib.ExitStack() as open_sockets:
        for _ in range(100):
            opened = open_socket(alice.base_url, "/ws/chat/both", token=token)
            socket = open_sockets.enter_context(opened)
            assert socket.next()["type"] == "hello"
            found[server_of(alice, socket.connection.socket.getsockname()[1])] = socket
            if len(found) == 2:
                break
        yield found


def next_message(socket):
    return next(f["message"] for f in iter(socket.next, None) if f["type"] == "message")


def test_a_message_sent_at_one_web_process_reaches_a_reader_at_the_other(sockets_at_both):
    assert set(sockets_at_both) == {"web-1", "web-2"}
    first, second = sockets_at_both["web-1"], sockets_at_both["web-2"]

    first.send({"type": "message", "message": "there"})
    second.send({"type": "message", "message": "and back"})

    for socket in (first, second):
        assert {next_message(socket), next_message(socket)} == {"there", "and back"}


def writer(alice, number):
    if number % 2:
        return SocketWriter(alice, f"socket-writer-{number}", MESSAGES)
    return RestWriter(alice, f"writer-{number}", MESSAGES, repeats=number % 4 == 0)


@contextlib.contextmanager
def taking_part(participants):
    for one in participants:
        one.thread.start()
    try:
        yield
    finally:
        end(participants)


def end(participants):
    for one in participants:
        one.is_over.set()
    for one in participants:
        one.end()


def break_everything(alice, sayings):
    """End one process after the other while all write, and wait until all write again."""
    faults, said = FAULTS * ROUNDS, [0] * len(sayings)
    for done, (name, number) in enumerate(faults):
        said = wait_for_all(sayings, said, MESSAGES * done // len(faults))
        ended = alice.signal(name, number)
        wait_until(lambda n=name, e=ended: alice.pids().get(n, e) != e, what=f"{name} again")
    wait_for_all(sayings, said, MESSAGES)


def wait_for_all(sayings, said, goal):
    """Until each has said more than it had `said`, and than `goal`; how much that is."""

    def have_gone_on():
        counts = [len(one.acknowledged) for one in sayings]
        return all(count > max(least, goal) for count, least in zip(counts, said, strict=True))

    wait_until(have_gone_on, PATIENCE_SECONDS, "writing of all")
    return [len(one.acknowledged) for one in sayings]


def test_what_was_acknowledged_is_there_once_and_in_one_order_for_all(alice):
    writers = [writer(alice, number) for number in range(WRITERS)]
    readers = [SocketReader(alice, f"reader-{number}") for number in range(4)]
    readers.append(PagingReader(alice, "paging-reader"))
    sayings = [one.saying for one in writers]
    with taking_part(writers + readers), alice.client() as client:
        break_everything(alice, sayings)
        end(writers)
        stored = pages(client, after_seq=0, limit=500)
        wait_until(lambda: all(one.heard[-1:] == stored[-1:] for one in readers), what="hearing")
        backwards = [pages(client, before=2**62, limit=500), pages(client, skip=0, limit=500)]

    assert [seq for seq, _id, _text in stored] == list(range(1, len(stored) + 1))
    ids, texts = [one[1] for one in stored], [one[2] for one in stored]
    assert ids == sorted(set(ids))
    assert backwards == [stored[::-1]] * 2
    assert [one.heard for one in readers] == [stored] * len(readers)
    acknowledged = [message for saying in sayings for message in saying.acknowledged]
    assert len(acknowledged) == len(set(acknowledged)) >= WRITERS * MESSAGES
    assert set(acknowledged) <= set(stored)
    unknown = [text for saying in sayings for text in saying.unknown]
    unsaid = set(texts) - {text for _seq, _id, text in acknowledged}
    assert len(texts) == len(set(texts))
    assert unsaid <= set(unknown)
    refused = set().union(*(saying.refused for saying in sayings))
    assert refused <= {"cut off", 503, "unavailable", "database_unavailable"}
    logs = [log.read_text() for log in (alice.data_dir / "logs").glob("web*")]
    assert not any("Traceback" in log for log in logs)
