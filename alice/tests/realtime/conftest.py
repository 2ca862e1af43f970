import pytest

from alice.common.realtime import catching_up
from alice.common.realtime.consumers import EventsConsumer
from alice.common.realtime.sockets import Admission
from alice.common.tests.conftest import redis_switch  # noqa: F401 - for these tests too
from alice.tests.realtime.kit import ROOM


@pytest.fixture
def room(monkeypatch):
    """Has sockets of /ws/events be in a room with a sequence, of which ten frames are known.

    It is a dictionary of the frames, by seq, that can be caught up with, three at once.
    """
    stored = {}

    def source(pk, after_seq):
        return [(seq, stored[seq]) for seq in sorted(stored) if seq > after_seq][:3]

    admission = Admission(groups=(ROOM,), sequence=ROOM)
    monkeypatch.setattr(EventsConsumer, "authorize", lambda self, user_id, kwargs: admission)
    monkeypatch.setattr(EventsConsumer, "hello", lambda self: {"type": "hello", "seq": 10})
    monkeypatch.setitem(catching_up._sources, "room", source)
    return stored
