"""What root does so that PostgreSQL need not be root; a user needs none of it."""

import os
import pwd
import shutil
import sys
from pathlib import Path

import pytest

from alice.runtime import acl, users
from alice.runtime.config import PROJECT_DIR
from alice.runtime.console import Console
from alice.runtime.tests.running import RunningAlice, eventually, processes_of
from alice.runtime.users import SystemUser, directories_above, engine_user, may_pass, open_way

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs servers as another user")
NOBODY = SystemUser("nobody", pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("nobody").pw_gid)


class Listener(Console):
    def __init__(self):
        self.lines = []

    def say(self, text):
        self.lines.append(text)


@pytest.fixture
def way_to_python():
    """Lets `nobody` reach the interpreter and the project, and takes that back."""
    places = directories_above((Path(sys.executable), PROJECT_DIR / "manage.py"))
    closed = [place for place in places if not may_pass(place, NOBODY)]
    before = {place: (place.stat().st_mode, acl.read_entries(place)) for place in closed}
    open_way(NOBODY, Path(sys.executable), PROJECT_DIR / "manage.py", console=Listener())
    yield
    for place, (mode, entries) in before.items():
        if len(entries) == 3 and acl.ATTRIBUTE in os.listxattr(place):
            os.removexattr(place, acl.ATTRIBUTE)
        elif len(entries) > 3:
            acl.write_entries(place, entries)
        place.chmod(mode & 0o7777)


@as_root
def test_only_closed_directories_are_opened_and_it_is_said_once(data_dir):
    (data_dir / "open").mkdir(mode=0o711)
    target = data_dir / "open" / "inner" / "file"
    target.parent.mkdir(mode=0o700)
    console = Listener()

    open_way(NOBODY, target, console=console)
    open_way(NOBODY, target, console=console)

    opened = f"{data_dir.parent}, {data_dir}, {target.parent}"
    assert console.lines == [f"Let the system user nobody pass through {opened}."]
    assert (data_dir / "open").stat().st_mode & 0o777 == 0o711


@as_root
def test_without_access_lists_only_passing_is_opened(data_dir, monkeypatch):
    monkeypatch.setattr(acl, "write_entries", lambda *_: False)

    open_way(NOBODY, data_dir / "file", console=Listener())

    assert data_dir.stat().st_mode & 0o777 == 0o701


@as_root
def test_a_link_opens_what_it_leads_through(data_dir):
    (data_dir / "real").mkdir(mode=0o700)
    (data_dir / "link").symlink_to(data_dir / "real")

    open_way(NOBODY, data_dir / "link" / "file", console=Listener())

    assert may_pass(data_dir / "real", NOBODY)


@as_root
def test_an_existing_database_keeps_its_owner(data_dir):
    (data_dir / "postgres").mkdir()
    os.chown(data_dir / "postgres", NOBODY.uid, NOBODY.gid)

    assert engine_user(data_dir / "postgres") == NOBODY


@as_root
def test_a_user_is_made_where_there_is_no_postgres(data_dir, monkeypatch):
    made = SystemUser("alice-postgres", 990, 990)
    monkeypatch.setattr(users, "user_named", lambda _: None)
    monkeypatch.setattr(users, "create_user", lambda _: made)

    assert engine_user(data_dir / "postgres") == made


def test_a_normal_user_runs_the_servers_as_itself(data_dir, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert engine_user(data_dir / "postgres") is None


@as_root
@pytest.mark.live
@pytest.mark.usefixtures("way_to_python")
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv of util-linux")
def test_a_normal_user_runs_all_of_it_in_a_private_place(data_dir):
    for place in (data_dir.parent, data_dir):
        os.chown(place, NOBODY.uid, NOBODY.gid)
    words = ["setpriv", f"--reuid={NOBODY.uid}", f"--regid={NOBODY.gid}", "--clear-groups"]

    with RunningAlice(data_dir, words=words) as alice:
        alice.until_up()

        assert alice.sql("SELECT 1") == ""
        assert Path(f"/proc/{alice.pid_of('PostgreSQL')}").stat().st_uid == NOBODY.uid
        assert "Let the system user" not in alice.said
        alice.process.kill()
        eventually(lambda: not processes_of(data_dir))
