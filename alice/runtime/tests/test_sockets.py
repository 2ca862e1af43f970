import socket

import pytest

from alice.runtime.config import DataDirectory
from alice.runtime.errors import CannotRun
from alice.runtime.sockets import base_url, bind_listeners, close_all, socket_directory
from alice.runtime.state import without_password


def place(tmp_path, monkeypatch, name="data"):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    (tmp_path / name).mkdir()
    return DataDirectory(tmp_path / name)


def test_the_socket_directory_is_private_and_the_same_each_time(tmp_path, monkeypatch):
    monkeypatch.setattr("alice.runtime.sockets.LONGEST_DIRECTORY", 1000)
    data = place(tmp_path, monkeypatch)

    directory = socket_directory(data, None)

    assert directory.parent == tmp_path
    assert directory.stat().st_mode & 0o777 == 0o700
    assert socket_directory(data, None) == directory


def test_a_long_temporary_directory_is_not_used(tmp_path, monkeypatch):
    long_name = tmp_path / ("x" * 90)
    long_name.mkdir()
    monkeypatch.setenv("TMPDIR", str(long_name))

    directory = socket_directory(DataDirectory(tmp_path), None)

    assert len(str(directory / ".s.PGSQL.5432")) <= 103
    directory.rmdir()


@pytest.mark.parametrize("trap", ["link", "open", "file"])
def test_somebody_elses_socket_directory_is_never_used(tmp_path, monkeypatch, trap):
    monkeypatch.setattr("alice.runtime.sockets.LONGEST_DIRECTORY", 1000)
    data = place(tmp_path, monkeypatch)
    directory = socket_directory(data, None)
    directory.rmdir()
    if trap == "link":
        directory.symlink_to(data.root)
    elif trap == "open":
        directory.mkdir()
        directory.chmod(0o711)
    else:
        directory.touch(0o600)

    with pytest.raises(CannotRun, match="is in the way"):
        socket_directory(data, None)


def test_a_name_with_several_addresses_gets_one_port_on_all(monkeypatch):
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.2", 0)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

    listeners = bind_listeners("here", 0)

    assert len({listener.getsockname()[1] for listener in listeners}) == 1
    close_all(listeners)


def test_a_host_that_is_not_ours_is_refused_in_words():
    with pytest.raises(CannotRun, match=r"Cannot listen on 192\.0\.2\.1 port 0"):
        bind_listeners("192.0.2.1", 0)


def test_a_listener_on_every_address_is_shown_as_the_local_one():
    listeners = bind_listeners("0.0.0.0", 0)  # noqa: S104

    assert base_url(listeners).startswith("http://127.0.0.1:")
    close_all(listeners)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://bob:secret@db:5432/alice", "postgresql://bob@db:5432/alice"),
        ("redis://:secret@cache/0", "redis://@cache/0"),
        ("unix:///run/valkey.sock?db=0", "unix:///run/valkey.sock?db=0"),
    ],
)
def test_a_password_is_never_shown(url, shown):
    assert without_password(url) == shown
