import threading
from queue import SimpleQueue

from alice.bridge.handoff import Handoff
from alice.common.tests.kit import wait_until


class Taker(threading.Thread):
    """A thread that takes one job and remembers it."""

    job = None

    def __init__(self, handoff):
        super().__init__(daemon=True)
        self.handoff = handoff
        self.start()

    def run(self):
        self.job = self.handoff.take(SimpleQueue())


def idle_takers(handoff, number):
    """Threads that became idle one after the other."""
    takers = []
    for count in range(1, number + 1):
        takers.append(Taker(handoff))
        wait_until(lambda count=count: len(handoff._idle) == count)
    return takers


def test_the_thread_that_became_idle_last_gets_the_job():
    handoff = Handoff()
    takers = idle_takers(handoff, 3)

    for job in ("first", "second", "third"):
        handoff.put(job)
    for taker in takers:
        taker.join(10)

    assert [taker.job for taker in takers] == ["third", "second", "first"]


def test_jobs_that_wait_are_taken_in_the_order_in_which_they_came():
    handoff = Handoff()
    for job in (1, 2, 3):
        handoff.put(job)
    assert len(handoff) == 3

    hand = SimpleQueue()
    assert [handoff.take(hand) for _ in range(3)] == [1, 2, 3]
    assert len(handoff) == 0


def test_what_nobody_took_can_be_taken_back():
    handoff = Handoff()
    handoff.put("left")

    assert handoff.drain() == ["left"]
    assert handoff.drain() == []


def test_no_job_is_lost_or_done_twice_between_many_threads():
    handoff = Handoff()
    done = []

    def work():
        hand = SimpleQueue()
        while (job := handoff.take(hand)) is not None:
            done.append(job)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for job in range(5000):
        handoff.put(job)
    for _ in threads:
        handoff.put(None)
    for thread in threads:
        thread.join(30)

    assert sorted(done) == list(range(5000))
