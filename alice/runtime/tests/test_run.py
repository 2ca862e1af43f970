import os
import signal
import socket
import threading
from pathlib import Path

import pytest

from alice.runtime.state import attached_urls, is_running, request_reload
from alice.runtime.tests.running import FOREIGN, RunningAlice, eventually, processes_of

pytestmark = pytest.mark.live


def test_a_fresh_directory_comes_up_and_sigterm_leaves_nothing_behind(data_dir):
    with RunningAlice(data_dir) as alice:
        alice.until_up()
        assert alice.sql("SELECT 1") == ""
        sockets = alice.state.database_url.partition("host=")[2]

        alice.process.terminate()

        assert alice.process.wait(20) == 0
    assert processes_of(data_dir) == []
    assert not os.path.exists(sockets)  # noqa: PTH110
    assert "Alice is ready after" in alice.said


def test_killing_the_supervisor_ends_everything_and_keeps_every_committed_row(data_dir):
    with RunningAlice(data_dir) as alice:
        alice.until_up()
        assert alice.sql("CREATE TABLE kept AS SELECT 1 AS one") == ""

        alice.process.kill()

        eventually(lambda: not processes_of(data_dir))
    assert not is_running(alice.data)
    with RunningAlice(data_dir) as again:
        again.until_up()
        assert again.sql("SELECT 1 / count(*) FROM kept") == ""


def test_a_restart_right_after_a_kill_waits_for_the_old_servers(data_dir):
    with RunningAlice(data_dir) as alice:
        alice.until_up().process.kill()
        alice.process.wait()
    with RunningAlice(data_dir) as again:
        assert again.until_up().sql("SELECT 1") == ""


def test_a_killed_server_comes_back_and_the_others_stay(data_dir):
    with RunningAlice(data_dir) as alice:
        alice.until_up()
        kept = [alice.pid_of(name) for name in ("web-1", "worker")]

        killed = {name: alice.kill(name) for name in ("PostgreSQL", "Valkey")}

        for name, pid in killed.items():
            alice.until_replaced(name, pid)
        eventually(lambda: alice.sql("SELECT 1") == "")
        eventually(lambda: "Valkey is back." in alice.said)
        assert [alice.pid_of(name) for name in ("web-1", "worker")] == kept


def test_a_killed_web_process_leaves_the_other_serving_and_comes_back(data_dir):
    with RunningAlice(data_dir, **FOREIGN) as alice:
        alice.until_up()
        other = alice.pid_of("web-2")

        killed = alice.kill("web-1")

        assert alice.answer() == other
        alice.until_replaced("web-1", killed)
        assert "web-1 was ended by SIGKILL, next start in 0.2 s." in alice.said


def test_a_second_up_names_the_holder_and_ends_at_once(data_dir):
    with RunningAlice(data_dir, **FOREIGN) as first:
        first.until_up()
        with RunningAlice(data_dir, **FOREIGN) as second:
            assert second.process.wait(5) == 1
        assert f"Alice already runs in {data_dir}: process {first.process.pid}" in first.said
        assert first.answer()


def test_others_attach_while_it_runs_and_only_then(data_dir):
    with RunningAlice(data_dir, **FOREIGN) as alice:
        alice.until_up()

        urls = attached_urls(data_dir)

        assert (urls.database_url, urls.redis_url) == tuple(FOREIGN.values())
        assert urls.base_url == alice.state.base_url
    assert attached_urls(data_dir) is None


def test_a_taken_port_is_said_and_nothing_is_started(data_dir):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with RunningAlice(data_dir, port=port) as alice:
            assert alice.process.wait(5) == 1
    assert f"Port {port} on 127.0.0.1 is taken." in alice.said
    assert not alice.data.postgres.exists()
    assert not alice.data.valkey.exists()


def test_a_failed_prepare_stops_everything_with_its_exit_code(data_dir):
    with RunningAlice(data_dir, STUB_PREPARE_CODE="7", **FOREIGN) as alice:
        assert alice.process.wait(10) == 7
    assert "because prepare failed" in alice.said
    assert processes_of(data_dir) == []


def test_a_server_that_cannot_start_says_why(data_dir):
    (data_dir / "postgres").mkdir(mode=0o700)
    (data_dir / "postgres" / "PG_VERSION").write_text("17\n")
    with RunningAlice(data_dir) as alice:
        assert alice.process.wait(10) == 1
    assert f"PostgreSQL does not start. The end of {data_dir}/logs/postgres.log:" in alice.said
    assert "postgresql.conf" in alice.said
    assert processes_of(data_dir) == []


def test_a_reload_asked_for_too_early_lets_nobody_in(data_dir):
    hold = data_dir / "hold-prepare"
    hold.touch()
    with RunningAlice(data_dir, **FOREIGN) as alice:
        eventually(lambda: alice.pid_of("web-1"))
        request_reload(data_dir)

        hold.unlink()

        assert alice.until_up().answer() > 0
        assert "Reloading" not in alice.said


def test_no_request_is_answered_before_prepare_has_ended(data_dir):
    hold = data_dir / "hold-prepare"
    hold.touch()
    with RunningAlice(data_dir, **FOREIGN) as alice:
        eventually(lambda: alice.pid_of("web-1"))
        with ThreadedAnswer(alice) as caller:
            assert alice.state.processes.keys() == {"web-1"}
            assert caller.answers == []

            hold.unlink()

            assert eventually(lambda: caller.answers) == [alice.pid_of("web-1")]


def test_a_reload_replaces_every_process_and_refuses_no_connection(data_dir):
    with RunningAlice(data_dir, **FOREIGN) as alice:
        alice.until_up()
        before = alice.state.processes
        with ThreadedAnswer(alice, repeat=True) as caller:
            assert request_reload(data_dir)
            for name, record in before.items():
                alice.until_replaced(name, record.pid)
            eventually(lambda: "Reloaded." in alice.said)
        assert caller.faults == []
        eventually(lambda: not {r.pid for r in before.values()} & set(processes_of(data_dir)))


def test_a_reload_during_a_reload_begins_it_anew(data_dir):
    with RunningAlice(data_dir, **FOREIGN) as alice:
        alice.until_up()
        before = {record.pid for record in alice.state.processes.values()}

        request_reload(data_dir)
        eventually(lambda: alice.said.count("Reloading") == 1)
        request_reload(data_dir)

        eventually(lambda: alice.said.count("Reloading") == 2)
        eventually(lambda: alice.said.rstrip().endswith("Reloaded."))
        eventually(lambda: not before & set(processes_of(data_dir)))
        # Two web processes, the worker and their supervisor.
        eventually(lambda: len(processes_of(data_dir)) == 4)


def test_a_reload_into_broken_code_keeps_the_old_web_process(data_dir):
    with RunningAlice(data_dir, WEB_WORKERS="1", **FOREIGN) as alice:
        alice.until_up()
        before = alice.state.processes
        (data_dir / "web-is-broken").touch()

        request_reload(data_dir)

        eventually(lambda: "reload abandoned" in alice.said)
        assert alice.state.processes == before
        assert alice.answer() == before["web-1"].pid


def test_a_web_process_that_cannot_start_holds_up_nothing_else(data_dir):
    broken = data_dir / "web-is-broken"
    broken.touch()
    with RunningAlice(data_dir, **FOREIGN) as alice:
        alice.until_up()

        broken.unlink()

        assert alice.answer() > 0


def test_a_second_wish_to_stop_makes_haste(data_dir):
    with RunningAlice(data_dir, **FOREIGN) as alice:
        alice.until_up()
        worker = alice.pid_of("worker")
        os.kill(worker, signal.SIGSTOP)
        eventually(lambda: ") T" in Path(f"/proc/{worker}/stat").read_text())
        alice.process.terminate()
        eventually(lambda: "Stopping." in alice.said)

        alice.process.send_signal(signal.SIGINT)

        assert alice.process.wait(5) == 0, alice.said
    assert processes_of(data_dir) == []


class ThreadedAnswer:
    """Asks for an answer in a thread, once or over and over, and keeps what came."""

    def __init__(self, alice, *, repeat=False):
        self.alice = alice
        self.answers = []
        self.faults = []
        self.repeat = repeat
        self.thread = threading.Thread(target=self.ask)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.repeat = False
        self.thread.join(15)

    def ask(self):
        while True:
            try:
                self.answers.append(self.alice.answer())
            except (OSError, ValueError) as fault:
                self.faults.append(fault)
            if not self.repeat:
                return


class Terminal:
    """A terminal, and the words that make it the controlling one of a command."""

    def __init__(self):
        self.master, slave = os.openpty()
        self.words = ("sh", "-c", f'exec "$@" < {os.ttyname(slave)}', "sh")
        self.slave = slave

    def hang_up(self):
        os.close(self.slave)
        os.close(self.master)


def test_ctrl_c_at_the_terminal_stops_everything_in_order(data_dir):
    terminal = Terminal()
    with RunningAlice(data_dir, words=terminal.words, **FOREIGN) as alice:
        alice.until_up()

        os.write(terminal.master, b"\x03")

        assert alice.process.wait(10) == 0
    terminal.hang_up()
    assert "was ended" not in alice.said
    assert processes_of(data_dir) == []


def test_closing_the_terminal_stops_everything_instead_of_reloading(data_dir):
    terminal = Terminal()
    with RunningAlice(data_dir, words=terminal.words, **FOREIGN) as alice:
        alice.until_up()

        terminal.hang_up()

        assert alice.process.wait(10) == 0
    assert "Reloading" not in alice.said
    assert processes_of(data_dir) == []


def test_under_nohup_closing_the_terminal_stops_nothing(data_dir):
    terminal = Terminal()
    with RunningAlice(data_dir, words=(*terminal.words, "nohup"), **FOREIGN) as alice:
        alice.until_up()

        terminal.hang_up()

        eventually(lambda: "Reloaded." in alice.said)
        assert alice.answer() > 0
