import io

import pytest

from alice.runtime import supervisor as supervisor_module
from alice.runtime.config import DataDirectory
from alice.runtime.console import Console
from alice.runtime.state import RunState
from alice.runtime.supervisor import Supervisor

STATE = RunState(pid=1, database_url="", redis_url="", base_url="")


def full_disk(*_):
    raise OSError(28, "No space left on device")


@pytest.fixture
def supervisor(tmp_path):
    return Supervisor(DataDirectory(tmp_path), STATE, Console(io.StringIO()))


def test_a_full_disk_is_said_and_does_not_end_the_run(supervisor, monkeypatch):
    monkeypatch.setattr(supervisor_module, "write_state", full_disk)
    monkeypatch.setattr(supervisor_module, "rotate_logs", full_disk)

    supervisor.publish()
    supervisor.rotate()

    said = supervisor.console.stream.getvalue()
    assert "The state file cannot be written: [Errno 28]" in said
    assert "The logs cannot be rotated: [Errno 28]" in said


def test_a_console_that_is_gone_is_no_fault():
    stream = io.StringIO()
    stream.close()

    Console(stream).say("nobody hears this")
