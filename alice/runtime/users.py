"""The unprivileged user that runs the embedded servers when Alice itself runs as root."""

import os
import pwd
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from alice.runtime import acl
from alice.runtime.console import Console
from alice.runtime.errors import CannotRun

OWN_USER = "alice-postgres"


@dataclass(frozen=True)
class SystemUser:
    """A user to run a server as."""

    name: str
    uid: int
    gid: int


def engine_user(postgres_dir: Path) -> SystemUser | None:
    """The user for the embedded servers, or None for the one who runs this process.

    PostgreSQL refuses to run as root. An existing database keeps its owner; otherwise it is the
    system's `postgres`, a user made for the purpose, or `nobody`.
    """
    if os.geteuid() != 0:
        return None
    user = (
        owner_of(postgres_dir)
        or user_named("postgres")
        or user_named(OWN_USER)
        or create_user(OWN_USER)
        or user_named("nobody")
    )
    if user is None:
        raise CannotRun("PostgreSQL cannot run as root, and there is no other user to run it as.")
    return user


def owner_of(directory: Path) -> SystemUser | None:
    try:
        account = pwd.getpwuid(directory.stat().st_uid)
    except (OSError, KeyError):
        return None
    return None if account.pw_uid == 0 else from_account(account)


def user_named(name: str) -> SystemUser | None:
    try:
        return from_account(pwd.getpwnam(name))
    except KeyError:
        return None


def from_account(account: pwd.struct_passwd) -> SystemUser:
    return SystemUser(account.pw_name, account.pw_uid, account.pw_gid)


def create_user(name: str) -> SystemUser | None:
    command = ["useradd", "--system", "--no-create-home", "--home-dir", "/nonexistent"]
    command += ["--shell", "/usr/sbin/nologin", "--user-group", name]
    try:
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603  (fixed words)
    except (OSError, subprocess.CalledProcessError):
        return None
    return user_named(name)


def own_directory(directory: Path, user: SystemUser | None) -> None:
    """Make `directory` private (0700) to `user`, creating it if need be."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if user is not None:
        os.chown(directory, user.uid, user.gid)


def open_way(user: SystemUser | None, *targets: Path, console: Console) -> None:
    """Let `user` pass through the directories above `targets`, touching only those closed to it.

    Says in one line what was opened. Raises `CannotRun` if a directory cannot be opened.
    """
    if user is None:
        return
    opened: list[str] = []
    for directory in directories_above(targets):
        if not may_pass(directory, user):
            grant_passage(directory, user)
            opened.append(str(directory))
    if opened:
        console.say(f"Let the system user {user.name} pass through {', '.join(opened)}.")


def directories_above(targets: tuple[Path, ...]) -> list[Path]:
    """Every directory above `targets`, the highest first, as symbolic links really lead."""
    found = {parent for target in targets for parent in target.resolve().parents}
    # What a link leads through counts as well as where it ends.
    found |= {parent.resolve() for target in targets for parent in target.absolute().parents}
    return sorted(found, key=lambda directory: len(directory.parts))


def may_pass(directory: Path, user: SystemUser) -> bool:
    status = directory.stat()
    return acl.may_traverse(
        acl.read_entries(directory),
        owner=(status.st_uid, status.st_gid),
        uid=user.uid,
        gids=[user.gid],
    )


def grant_passage(directory: Path, user: SystemUser) -> None:
    entries = acl.with_traversal(acl.read_entries(directory), uid=user.uid)
    try:
        if not acl.write_entries(directory, entries):
            directory.chmod(stat.S_IMODE(directory.stat().st_mode) | stat.S_IXOTH)
    except OSError as error:
        reason = f"The system user {user.name} cannot pass through {directory}: {error}."
        raise CannotRun(reason) from error
