# ruff: noqa: S603
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading

import psutil
import pytest

from alice.common import sandbox
from alice.common.sandbox import (
    Limits,
    OutputTooLarge,
    TimeSpent,
    ToolFailed,
    ToolKilled,
    ToolStopped,
)
from alice.common.tests.kit import at_most, wait_until

MIB = 1024 * 1024
PYTHON = [sys.executable, "-I", "-S", "-c"]
PARENT = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from alice.common.sandbox import Limits, running
limits = Limits(cpu_seconds=9, wall_seconds=99, memory_bytes=None, file_bytes=0)
with running(["sleep", "98"], directory=Path(sys.argv[2]), limits=limits) as process:
    print(process.pid, flush=True)
    process.result()
"""
REACH = """
import socket, sys
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5)
    print("reached")
except OSError:
    print("refused")
"""


def limits(**changes):
    wide = {"cpu_seconds": 20, "wall_seconds": 30, "memory_bytes": None, "file_bytes": MIB}
    return Limits(**wide | changes)


@pytest.fixture
def shell(tmp_path):
    """Runs a line of shell in the sandbox."""

    def run(line, **changes):
        bounds = limits(**changes)
        return sandbox.run(["sh", "-c", line], directory=tmp_path, limits=bounds).decode()

    return run


def is_gone(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_what_a_tool_prints_comes_back(shell):
    assert shell("echo one; echo two") == "one\ntwo\n"


def test_a_tool_sees_no_secret_of_ours(shell, monkeypatch, tmp_path):
    for name in ("DATABASE_URL", "SECRET_KEY", "AWS_SECRET_ACCESS_KEY", "LD_PRELOAD_X"):
        monkeypatch.setenv(name, "secret")

    told = dict(line.split("=", 1) for line in shell("env").splitlines())

    assert told.keys() - {"PWD", "SHLVL", "_", "OLDPWD"} == {
        *("PATH", "LANG", "HOME", "TMPDIR", "MALLOC_ARENA_MAX")
    }
    assert told["HOME"] == told["TMPDIR"] == str(tmp_path)


def test_a_tool_gets_the_environment_it_is_given(tmp_path):
    process = sandbox.start(
        ["env"], directory=tmp_path, limits=limits(), environ={"COLOUR": "blue"}
    )

    out, _ = process.communicate()

    assert b"COLOUR=blue\n" in out


def test_a_tool_works_in_its_directory_with_empty_input_and_private_files(shell, tmp_path):
    assert shell("cat; pwd; echo x > made") == f"{tmp_path}\n"

    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o600


def test_a_tool_leads_a_process_group_of_its_own(tmp_path):
    with sandbox.running(["sleep", "97"], directory=tmp_path, limits=limits()) as process:
        assert os.getpgid(process.pid) == process.pid != os.getpgid(0)


def test_a_tool_is_as_nice_as_wanted(shell):
    assert int(shell("nice", niceness=7)) == min(19, os.nice(0) + 7)


def test_a_tool_may_open_64_files_and_leaves_no_core(shell):
    assert shell("ulimit -n; ulimit -c") == "64\n0\n"


@pytest.mark.parametrize("line", ["sleep 96", "exec >&- 2>&-; sleep 96"])
def test_a_tool_that_sleeps_is_ended_by_the_clock(shell, line):
    with at_most(10), pytest.raises(TimeSpent):
        shell(line, wall_seconds=0.3)


def test_a_tool_that_prints_on_and_on_is_ended_by_the_clock(tmp_path):
    command = ["sh", "-c", "while :; do echo x; done"]

    with (
        pytest.raises(TimeSpent),
        sandbox.running(command, directory=tmp_path, limits=limits(wall_seconds=0.3)) as process,
    ):
        for _ in process.lines():
            pass


@pytest.mark.parametrize("trap", ["", "trap '' XCPU; ", "trap 'exit 7' XCPU; "])
def test_a_tool_that_computes_on_is_ended_by_its_cpu_time(shell, trap):
    with at_most(20), pytest.raises(TimeSpent):
        shell(f"{trap}while :; do :; done", cpu_seconds=1)


def test_a_tool_cannot_write_a_larger_file(shell, tmp_path):
    with pytest.raises(OutputTooLarge):
        shell("exec head -c 2000000 /proc/self/exe /proc/self/exe > big", file_bytes=1000)

    assert (tmp_path / "big").stat().st_size == 1000


def test_a_tool_cannot_take_more_memory(tmp_path):
    command = [*PYTHON, "bytearray(600 * 1024 * 1024)"]

    with pytest.raises(ToolFailed) as failure:
        sandbox.run(command, directory=tmp_path, limits=limits(memory_bytes=512 * MIB))

    assert failure.value.last_words.endswith("MemoryError")


def test_a_flood_on_stdout_ends_the_tool(shell):
    with at_most(10), pytest.raises(OutputTooLarge):
        shell("while :; do echo 0123456789012345678901234567890123456789; done")


def test_a_mebibyte_on_stdout_is_allowed(shell):
    assert len(shell("yes | head -c 1048576")) == MIB


def test_an_endless_line_ends_the_tool(tmp_path):
    command = ["sh", "-c", "while :; do printf 0123456789; done"]

    with (
        pytest.raises(OutputTooLarge),
        sandbox.running(command, directory=tmp_path, limits=limits()) as process,
    ):
        list(process.lines())


def test_a_flood_on_stderr_is_read_and_its_end_kept(shell):
    with pytest.raises(ToolFailed) as failure:
        shell("yes | head -c 500000 >&2; echo the end >&2; exit 3")

    assert failure.value.returncode == 3
    assert failure.value.last_words.endswith("y\nthe end")
    assert len(failure.value.last_words) <= sandbox.LAST_WORDS_BYTES


def test_lines_come_whole_and_the_last_needs_no_end(tmp_path):
    command = ["sh", "-c", r"printf 'a\nb\377\n\nc'"]

    with sandbox.running(command, directory=tmp_path, limits=limits()) as process:
        assert list(process.lines()) == ["a", "b\N{REPLACEMENT CHARACTER}", "", "c"]
        process.result()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_tool_that_others_kill_is_worth_another_try(tmp_path, number):
    with sandbox.running(["sleep", "95"], directory=tmp_path, limits=limits()) as process:
        wait_until(lambda: psutil.Process(process.pid).name() == "sleep")
        os.kill(process.pid, number)

        with pytest.raises(ToolKilled):
            process.result()


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE])
def test_a_tool_that_falls_over_its_input_failed(shell, number):
    with pytest.raises(ToolFailed) as failure:
        shell(f"kill -{number.value} $$")

    assert failure.value.returncode == -number


def test_a_tool_can_be_stopped_from_another_thread(tmp_path):
    with sandbox.running(["sleep", "94"], directory=tmp_path, limits=limits()) as process:
        threading.Timer(0.1, process.stop).start()

        with at_most(10), pytest.raises(ToolStopped):
            process.result()


def test_stopping_a_tool_that_has_ended_changes_nothing(tmp_path):
    with sandbox.running(["true"], directory=tmp_path, limits=limits()) as process:
        process.result()
        process.stop()
        process.result()


def test_leaving_the_block_kills_the_whole_group_and_leaves_no_zombie(tmp_path):
    command = ["sh", "-c", "sleep 93 & echo $!; sleep 93"]

    with sandbox.running(command, directory=tmp_path, limits=limits()) as process:
        grandchild = int(next(process.lines()))

    wait_until(lambda: is_gone(grandchild))
    assert not psutil.pid_exists(process.pid)


def test_what_a_tool_leaves_behind_is_killed_when_it_ends(shell):
    with at_most(10):
        grandchild = int(shell("sleep 92 & echo $!"))

    wait_until(lambda: is_gone(grandchild))


def test_a_tool_dies_with_a_parent_that_was_killed(tmp_path):
    root = str(sandbox.LAUNCHER.parents[2])
    command = [sys.executable, "-c", PARENT, root, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        tool = int(parent.stdout.readline())
        wait_until(lambda: psutil.Process(tool).name() == "sleep")

        parent.kill()

    wait_until(lambda: is_gone(tool))


def test_a_tool_does_not_start_once_its_parent_is_gone(tmp_path):
    terms = '{"parent": 1, "readable": []}'
    command = [sys.executable, "-I", "-S", sandbox.LAUNCHER, terms, "--", "touch", "made"]

    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)

    assert (ended.returncode, ended.stderr) == (1, b"the parent is gone\n")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("missing", ["tool", "directory"])
def test_what_cannot_start_is_an_os_error(tmp_path, missing):
    tool = "no-such-tool" if missing == "tool" else "true"
    directory = tmp_path / "missing" if missing == "directory" else tmp_path

    with pytest.raises(FileNotFoundError):
        sandbox.run([tool], directory=directory, limits=limits())


def test_limits_above_our_own_are_cut_to_them(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_CPU)
    program = f"""
import resource
resource.setrlimit(resource.RLIMIT_CPU, (50, 60))
{PARENT.replace('"sleep", "98"', '"sh", "-c", "ulimit -t; ulimit -Ht"').replace("=9,", "=99,")}
""".replace("process.result()", "print(*process.lines(), flush=True)")
    root = str(sandbox.LAUNCHER.parents[2])

    told = subprocess.check_output([sys.executable, "-c", program, root, tmp_path])

    assert told.split()[1:] == [b"60", b"60"]
    assert resource.getrlimit(resource.RLIMIT_CPU) == before


def test_the_network_is_out_of_reach_where_the_kernel_can_do_that(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])

        told = sandbox.run([*PYTHON, REACH, port], directory=tmp_path, limits=limits())

    fences = sandbox.fences()
    assert told.decode().strip() == ("refused" if fences.network or fences.files else "reached")


def test_other_files_are_out_of_reach_where_the_kernel_can_do_that(shell, tmp_path_factory):
    other = tmp_path_factory.mktemp("other") / "secret"
    other.write_text("secret")

    told = shell(
        f"cat {other} || echo refused; echo x > {other.parent}/made || echo refused;"
        f"cat /proc/{os.getpid()}/environ >&- && echo read || echo refused;"
        f"kill -0 {os.getpid()} || echo refused; true"
    )

    stands = sandbox.fences().files
    assert (told == "refused\n" * 4) == stands
    assert (other.parent / "made").exists() != stands


def test_files_that_are_named_or_linked_can_be_read(tmp_path, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "named").write_text("one ")
    (other / "linked").write_text("two")
    (tmp_path / "link").symlink_to(other / "linked")
    (tmp_path / "dangling").symlink_to(other / "missing")

    told = sandbox.run(["cat", str(other / "named"), "link"], directory=tmp_path, limits=limits())

    assert told == b"one two"


def test_a_tool_gains_no_rights_by_what_it_starts(shell):
    assert "NoNewPrivs:\t1\n" in shell("cat /proc/self/status")


def test_the_tool_is_run_and_not_a_shell(tmp_path):
    told = sandbox.run(["echo", "$(id)", "; id", "--"], directory=tmp_path, limits=limits())

    assert told == b"$(id) ; id --\n"
    assert shutil.which("echo")
