"""A PostgreSQL and a Valkey of one's own for as long as a test session, or any block, lasts.

They belong to a keeper process (`python -m alice.runtime.engines`), so the caller may have
threads, and may be killed: the keeper sees its standard input close, stops both and removes
everything they kept.
"""

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from alice.runtime.config import PROJECT_DIR, DataDirectory
from alice.runtime.console import Console
from alice.runtime.errors import CannotRun
from alice.runtime.postgres import postgres_engine
from alice.runtime.run import drained, embedded_engines
from alice.runtime.state import RunState, hold_lock
from alice.runtime.supervisor import Supervisor
from alice.runtime.valkey import valkey_engine


@dataclass(frozen=True, kw_only=True)
class EngineUrls:
    """Where a throw-away pair of servers answers."""

    database_url: str
    redis_url: str


@contextlib.contextmanager
def throwaway_engines() -> Iterator[EngineUrls]:
    """Run an empty PostgreSQL (database `alice`) and Valkey, as fast and forgetful as they go.

    Nothing is synced to disk, and all is removed with the block or with this process. Raises
    `CannotRun` with what the servers said if they do not start.
    """
    keeper = subprocess.Popen(
        [sys.executable, "-m", "alice.runtime.engines"],
        cwd=PROJECT_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    with keeper:
        answer = json.loads(keeper.stdout.readline() or "{}") if keeper.stdout else {}
        if "error" in answer or not answer:
            raise CannotRun(answer.get("error", "The test servers did not start."))
        # Leaving `with keeper` closes its input, which tells it to stop, and waits until it has.
        yield EngineUrls(**answer)


def main() -> int:
    """Keep both servers until standard input closes; tell their addresses as one JSON line."""
    with tempfile.TemporaryDirectory(prefix="alice-test-", ignore_cleanup_errors=True) as folder:
        data = DataDirectory(Path(folder))
        try:
            keep(data)
        except CannotRun as error:
            Console().say(json.dumps({"error": str(error)}))
            return error.exit_code
    return 0


def keep(data: DataDirectory) -> None:
    silent = Console(io.StringIO())
    makers = [valkey_engine, postgres_engine]
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, hold_lock(data))
        engines = stack.enter_context(embedded_engines(data, makers, silent, is_durable=False))
        urls = EngineUrls(redis_url=engines[0].url, database_url=engines[1].url)
        state = RunState(pid=os.getpid(), base_url="", **asdict(urls))
        supervisor = Supervisor(data, state, silent, stop_fd=sys.stdin.fileno())
        stack.enter_context(supervisor.listening())
        with drained(supervisor, [], silent):
            supervisor.start_engines(engines)
            Console().say(json.dumps(asdict(urls)))
            supervisor.run_until_stopped()


if __name__ == "__main__":
    sys.exit(main())
