# ruff: noqa: S603, S607
import os
import shutil
import signal
import subprocess
import sys

import pytest

from alice.runtime import engine
from alice.runtime.config import PROJECT_DIR
from alice.runtime.engine import end_orphans
from alice.runtime.engines import throwaway_engines
from alice.runtime.postgres import clear_way
from alice.runtime.postgres_wire import ask
from alice.runtime.processes import survivors
from alice.runtime.tests.running import eventually
from alice.runtime.valkey import answers_ping

pytestmark = pytest.mark.live
WORDS = "SELECT 1 / (to_tsvector('simple', 'one—two') @@ to_tsquery('simple', 'two'))::int"


@pytest.fixture
def innocent():
    with subprocess.Popen(["sleep", "1000"]) as process:
        yield process
        process.kill()


@pytest.fixture
def orphan(tmp_path):
    """A process that looks like a PostgreSQL at work in `tmp_path`."""
    program = tmp_path / "bin" / "postgres"
    program.parent.mkdir()
    shutil.copy(shutil.which("sleep"), program)
    with subprocess.Popen([program, "1000"], cwd=tmp_path) as process:
        eventually(lambda: survivors("postgres", tmp_path) == [process.pid])
        yield process
        process.kill()


def test_a_pid_file_naming_an_innocent_process_is_removed_and_the_process_lives(
    tmp_path, innocent
):
    pid_file = tmp_path / "postmaster.pid"
    pid_file.write_text(f"{innocent.pid}\n{tmp_path}\n")

    clear_way(tmp_path)

    assert not pid_file.exists()
    assert innocent.poll() is None


def test_a_pid_file_naming_a_dead_process_is_left_to_postgresql(tmp_path, innocent):
    innocent.kill()
    innocent.wait()
    pid_file = tmp_path / "postmaster.pid"
    pid_file.write_text(f"{innocent.pid}\n{tmp_path}\n")

    clear_way(tmp_path)

    assert pid_file.exists()


@pytest.mark.parametrize("content", ["", "not a number\n"])
def test_a_pid_file_that_says_nothing_is_left_to_postgresql(tmp_path, content):
    (tmp_path / "postmaster.pid").write_text(content)

    clear_way(tmp_path)

    assert (tmp_path / "postmaster.pid").read_text() == content


def test_a_server_left_over_is_ended_if_it_does_not_go(tmp_path, orphan, monkeypatch):
    monkeypatch.setattr(engine, "ORPHAN_SECONDS", 0.4)

    end_orphans("postgres", tmp_path, signal.SIGINT)

    assert orphan.wait(5) == -signal.SIGINT


def test_the_same_program_at_work_elsewhere_is_left_alone(tmp_path, orphan):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    end_orphans("postgres", elsewhere, signal.SIGINT)

    assert orphan.poll() is None


def test_throwaway_servers_serve_and_leave_nothing_behind():
    with throwaway_engines() as engines:
        sockets = engines.database_url.partition("host=")[2]
        postgres = os.path.join(sockets, ".s.PGSQL.5432")  # noqa: PTH118

        assert answers_ping(engines.redis_url.removeprefix("unix://").removesuffix("?db=0"))
        # Words end at a dash only under a Unicode LC_CTYPE.
        assert ask(postgres, user="alice", database="alice", statement=WORDS) == ""

    assert not os.path.exists(sockets)  # noqa: PTH110


def test_throwaway_servers_end_when_their_owner_is_killed():
    code = (
        "from alice.runtime.engines import throwaway_engines\n"
        "with throwaway_engines() as engines:\n"
        "    print(engines.database_url.partition('host=')[2], flush=True)\n"
        "    input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=PROJECT_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        sockets = owner.stdout.readline().strip()
        assert os.path.exists(sockets)  # noqa: PTH110

        owner.kill()

    eventually(lambda: not os.path.exists(sockets))  # noqa: PTH110
