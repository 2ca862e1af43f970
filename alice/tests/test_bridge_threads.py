"""Who runs what, how many wait, and what happens to those who leave."""

import asyncio
import contextvars
import threading
import weakref
from itertools import repeat

import pytest

from alice.tests.bridge_kit import (
    MIB,
    Answer,
    answer,
    answering,
    call,
    http_scope,
    request_bytes,
    request_message,
    until,
    wait_until,
)

word = contextvars.ContextVar("word", default="unset")


class Gate:
    """An application that stays within its request until it is opened."""

    def __init__(self, response=(b"through",)):
        self.response = response
        self.entered = []
        self.opened = threading.Event()

    def __call__(self, environ, start_response):
        self.entered.append(environ["PATH_INFO"])
        assert self.opened.wait(10)
        start_response("200 OK", [])
        return self.response


@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    gate.opened.set()


def thread_name():
    return threading.current_thread().name


async def calls(bridge, count, **scope):
    return await asyncio.gather(*(call(bridge, **scope) for _ in range(count)))


def test_requests_run_in_a_fixed_set_of_threads(bridged):
    names = []

    def application(environ, start_response):
        names.append(thread_name())
        start_response("200 OK", [])
        return [b""]

    bridge = bridged(application, threads=3)
    asyncio.run(calls(bridge, 30))

    assert set(names) <= {"web-0", "web-1", "web-2"}
    assert len(names) == 30
    assert [thread.is_alive() for thread in bridge._pool] == [True] * 3


def test_threads_start_with_the_first_request(bridged):
    bridge = bridged(answering([b""]))
    assert bridge._pool == []

    asyncio.run(call(bridge))

    assert len(bridge._pool) == 2


def test_a_whole_answer_is_made_read_and_closed_in_one_thread_before_it_is_sent(bridged):
    response = Answer([b"ok"], streaming=False)
    run_in, closed_when_sent = [], []

    def application(environ, start_response):
        run_in.append(thread_name())
        return answering(response)(environ, start_response)

    async def on_send(message):
        closed_when_sent.append(list(response.closed_in))

    asyncio.run(call(bridged(application), on_send=on_send))

    assert closed_when_sent == [run_in, run_in]


def test_a_stream_is_closed_once_by_a_pool_thread(bridged):
    response = Answer([b"a", b"b"])

    asyncio.run(call(bridged(answering(response))))

    assert len(response.closed_in) == 1
    assert response.closed_in[0].startswith("web-")


def test_what_a_request_leaves_in_context_ends_with_it(bridged):
    words = []

    def application(environ, start_response):
        words.append(word.get())
        word.set("left behind")
        start_response("200 OK", [])
        return Answer([word.get().encode()])

    bridge = bridged(application, threads=1, on_thread_start=lambda: word.set("of the thread"))
    [[_, body, *_], *_] = asyncio.run(calls(bridge, 3))

    assert words == ["of the thread"] * 3
    assert body["body"] == b"left behind"


def test_the_context_of_a_request_lasts_to_its_close(bridged):
    words = []

    class Closing(Answer):
        def close(self):
            words.append(word.get())

    def application(environ, start_response):
        word.set("mine")
        start_response("200 OK", [])
        return Closing([b"a", b"b"])

    asyncio.run(call(bridged(application)))

    assert words == ["mine"]


def test_hooks_run_in_every_thread_and_their_faults_are_logged(bridged, caplog):
    started, ended = [], []

    def on_thread_start():
        started.append(thread_name())
        raise LookupError("no cache")

    bridge = bridged(
        answering([b"ok"]),
        on_thread_start=on_thread_start,
        on_thread_exit=lambda: ended.append(thread_name()),
    )
    [[_, body]] = asyncio.run(calls(bridge, 1))
    assert bridge.shutdown()

    assert body["body"] == b"ok"
    assert sorted(started) == sorted(ended) == ["web-0", "web-1"]
    assert len(caplog.records) == 2


def test_who_finds_the_queue_full_is_told_at_once_to_come_back(bridged, gate):
    async def main():
        running = asyncio.create_task(call(bridge))
        await until(lambda: gate.entered)
        waiting = asyncio.create_task(calls(bridge, 2))
        await until(lambda: len(bridge._jobs) == 2)
        refused = await call(bridge)
        gate.opened.set()
        return refused, [await running, *await waiting]

    bridge = bridged(gate, threads=1, max_waiting=2)
    (start, body), served = asyncio.run(main())

    assert start["status"] == 503
    assert (b"retry-after", b"1") in start["headers"]
    assert b'"code":"server_busy"' in body["body"]
    assert [sent[0]["status"] for sent in served] == [200] * 3
    assert len(gate.entered) == 3


def test_a_busy_server_refuses_an_upload_before_reading_it(serve):
    loopback = serve(answering([b"ok"]), max_waiting=0)
    with loopback.connection() as connection:
        connection.sendall(request_bytes("POST", "/", "Content-Length: 1000000"))
        response = answer(connection)

        assert response.status == 503
        assert response.headers["Retry-After"] == "1"
        assert response.headers["Connection"] == "close"


def test_a_server_that_became_busy_while_reading_refuses_and_keeps_the_connection(bridged, gate):
    async def main():
        inbox = asyncio.Queue()
        sent = []

        async def send(message):
            sent.append(message)

        scope = http_scope(method="POST", headers=[(b"content-length", b"4")])
        reading = asyncio.create_task(bridge(scope, inbox.get, send))
        await asyncio.sleep(0)
        running = asyncio.create_task(call(bridge))
        await until(lambda: gate.entered)
        waiting = asyncio.create_task(call(bridge))
        await until(lambda: len(bridge._jobs))
        inbox.put_nowait(request_message(b"body"))
        await reading
        gate.opened.set()
        await asyncio.gather(running, waiting)
        return sent

    bridge = bridged(gate, threads=1, max_waiting=1)
    start, _ = asyncio.run(main())

    assert start["status"] == 503
    assert b"connection" not in dict(start["headers"])


def test_a_slow_reader_holds_no_thread(serve, http):
    response = Answer(repeat(bytes(256 * 1024), 400))
    pulled = []

    def application(environ, start_response):
        start_response("200 OK", [])
        if environ["PATH_INFO"] == "/slow":
            return response
        pulled.append(1)
        return [b"served"]

    loopback = serve(application, threads=1)
    with loopback.connection() as connection:
        connection.sendall(request_bytes("GET", "/slow"))
        answer(connection)

        assert [http.get("/").content for _ in range(5)] == [b"served"] * 5
        assert response.closed_in == []
    wait_until(lambda: response.closed_in)


@pytest.mark.parametrize("headers", [[], [("Content-Length", str(1000 * MIB))]])
def test_a_stream_whose_reader_leaves_is_closed_once_and_silently(serve, caplog, headers):
    response = Answer(repeat(bytes(MIB), 1000))
    loopback = serve(answering(response, headers=headers))
    with loopback.connection() as connection:
        connection.sendall(request_bytes())
        answer(connection).read(MIB)

    wait_until(lambda: response.closed_in and not loopback.tasks)
    assert loopback.bridge.shutdown()
    assert len(response.closed_in) == 1
    assert response.closed_in[0].startswith("web-")
    assert caplog.records == []


def test_a_feed_whose_reader_leaves_is_closed_at_its_next_block(serve, caplog):
    tick = threading.Semaphore(0)
    response = Answer([])

    def feed():
        while True:
            yield b"tick"
            assert tick.acquire(timeout=10)

    response.blocks = feed()
    loopback = serve(answering(response))
    with loopback.connection() as connection:
        connection.sendall(request_bytes())
        answer(connection).read(4)

    def is_closed():
        tick.release()
        return response.closed_in

    wait_until(is_closed)
    assert caplog.records == []


def test_a_server_that_tells_of_departures_by_an_exception_is_understood(bridged):
    response = Answer(repeat(b"block", 10))

    async def on_send(message):
        raise ConnectionResetError

    bridge = bridged(answering(response))
    asyncio.run(call(bridge, on_send=on_send))
    bridge.shutdown()

    assert len(response.closed_in) == 1


def test_a_refusal_to_a_client_that_left_is_silent(bridged, caplog):
    async def on_send(message):
        raise ConnectionResetError

    bridge = bridged(answering([b"ok"]), max_waiting=0)
    [start] = asyncio.run(call(bridge, on_send=on_send))

    assert start["status"] == 503
    assert caplog.records == []


def test_a_cancelled_request_is_closed_by_a_thread_when_it_is_through(bridged, gate):
    async def main():
        task = asyncio.create_task(call(bridge))
        await until(lambda: gate.entered)
        task.cancel()
        await asyncio.wait([task])
        gate.opened.set()
        await until(lambda: gate.response.closed_in)
        return task.cancelled()

    gate.response = Answer(repeat(b"block", 10))
    bridge = bridged(gate)

    assert asyncio.run(main())
    assert bridge.shutdown()
    assert len(gate.response.closed_in) == 1


def test_a_cancelled_stream_is_closed(bridged):
    response = Answer(repeat(b"block", 10))

    async def main():
        async def on_send(message):
            if message.get("more_body"):
                task.cancel()
                await asyncio.sleep(0)

        task = asyncio.create_task(call(bridge, on_send=on_send))
        await asyncio.wait([task])
        return task.cancelled()

    bridge = bridged(answering(response))

    assert asyncio.run(main())
    assert bridge.shutdown()
    assert len(response.closed_in) == 1


def test_a_request_that_outlives_its_event_loop_is_closed(bridged, gate):
    async def main():
        task = asyncio.create_task(call(bridge))
        await until(lambda: gate.entered)
        task.cancel()

    gate.response = Answer(repeat(b"block", 10))
    bridge = bridged(gate)
    asyncio.run(main())
    gate.opened.set()

    assert bridge.shutdown()
    assert len(gate.response.closed_in) == 1


def test_shutdown_finishes_what_waits_and_ends_the_threads(bridged, gate):
    async def main():
        others = asyncio.create_task(calls(bridge, 3))
        await until(lambda: gate.entered and len(bridge._jobs) == 2)
        assert not bridge.shutdown(timeout_seconds=0.01)
        gate.opened.set()
        return await others

    bridge = bridged(gate, threads=1)
    answers = asyncio.run(main())

    assert [start["status"] for start, _ in answers] == [200] * 3
    assert bridge.shutdown()
    assert bridge._pool == []


def test_requests_after_shutdown_are_refused(bridged):
    bridge = bridged(answering([b"ok"]))
    bridge.shutdown()

    [start, _] = asyncio.run(call(bridge))

    assert start["status"] == 503
    assert bridge._pool == []


def test_a_stream_left_at_shutdown_is_closed(bridged):
    response = Answer(repeat(b"block", 10))

    async def on_send(message):
        if message.get("more_body"):
            bridge.shutdown()
            raise ConnectionResetError

    bridge = bridged(answering(response))
    asyncio.run(call(bridge, on_send=on_send))
    bridge.shutdown()

    assert len(response.closed_in) == 1


def test_an_idle_thread_keeps_no_answer_in_memory(bridged):
    kept = []

    def application(environ, start_response):
        response = Answer([b"ok"], streaming=False)
        kept.append(weakref.ref(response))
        start_response("200 OK", [])
        return response

    asyncio.run(call(bridged(application, threads=1)))

    wait_until(lambda: kept[0]() is None)
