"""The breaker between this process and Redis."""

import threading

import pytest
import redis

from alice.common import redis_client
from alice.common.redis_client import Breaker, RedisDown
from alice.common.tests.kit import wait_until


@pytest.fixture
def answers(monkeypatch):
    """Whether the probe finds Redis; each of its questions is counted."""
    state = {"is_there": False, "asked": 0}

    class Double:
        def set(self, *args, **kwargs):
            state["asked"] += 1
            if not state["is_there"]:
                raise redis.ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(redis_client, "client", Double)
        patched.setattr(redis_client, "PROBE_SECONDS", 0.001)
        yield state
        state["is_there"] = True
        wait_until(lambda: not probes())


def probes():
    return [thread for thread in threading.enumerate() if thread.name == "redis-probe"]


def fail(error=redis.ConnectionError):
    def command():
        raise error

    return command


def broken(answers):
    breaker = Breaker()
    with pytest.raises(RedisDown):
        breaker.call(fail())
    return breaker


@pytest.mark.parametrize(
    "error",
    [redis.ConnectionError, redis.TimeoutError, redis.ResponseError, redis.ReadOnlyError],
)
def test_a_fault_opens_it_and_no_further_command_is_tried(answers, error):
    breaker = Breaker()
    with pytest.raises(RedisDown):
        breaker.call(fail(error))

    with pytest.raises(RedisDown):
        breaker.call(lambda: pytest.fail("was tried"))
    answers["is_there"] = True
    wait_until(lambda: not breaker.is_open)


def test_a_fault_of_the_caller_is_its_own(answers):
    breaker = Breaker()

    with pytest.raises(ZeroDivisionError):
        breaker.call(lambda: 1 / 0)
    assert not breaker.is_open


def test_it_closes_when_redis_is_back_and_one_thread_probes(answers):
    breaker = broken(answers)
    wait_until(lambda: answers["asked"] > 3)
    assert len(probes()) == 1

    answers["is_there"] = True

    wait_until(lambda: not breaker.is_open)
    assert breaker.call(lambda: "answer") == "answer"
    wait_until(lambda: not probes())


def test_what_was_left_to_do_is_done_in_order_before_it_closes(answers):
    breaker = broken(answers)
    done = []
    for number in range(3):
        breaker.when_back(lambda number=number: done.append((number, breaker.is_open)))

    answers["is_there"] = True
    wait_until(lambda: not breaker.is_open)

    assert done == [(0, True), (1, True), (2, True)]


def test_what_fails_again_is_tried_again(answers):
    breaker = broken(answers)
    tries = []

    def task():
        tries.append(1)
        if len(tries) < 3:
            raise redis.ConnectionError

    breaker.when_back(task)
    answers["is_there"] = True
    wait_until(lambda: not breaker.is_open)

    assert len(tries) == 3


def test_a_task_left_to_a_closed_breaker_is_done_at_once(answers):
    breaker = Breaker()
    answers["is_there"] = True
    done = threading.Event()

    breaker.when_back(done.set)

    assert done.wait(5)
    wait_until(lambda: not breaker.is_open)
