"""Receiving bytes: hashed, bounded, and gone unless they are kept."""

import errno
import hashlib
import os
import stat
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from files.storage import incoming as module
from files.storage.incoming import FileTooLarge, Incoming, StorageFull, clear_abandoned, hash_file
from files.tests.storage.kit import files_below, no_file_above, received

FULL_DEVICE = "/dev/full"


def test_blocks_become_one_file_with_its_size_and_hash():
    with Incoming(limit=100) as incoming:
        for block in (b"one", b"", b"two"):
            incoming.write(block)
        got = incoming.finish()

        assert got.path.read_bytes() == b"onetwo"
        assert (got.size_bytes, got.sha256) == (6, hashlib.sha256(b"onetwo").hexdigest())


def test_only_the_owner_may_read_it_while_it_is_received(settings):
    with Incoming(limit=100) as incoming:
        assert incoming.path.parent == settings.DATA_DIR / "incoming"
        assert stat.S_IMODE(incoming.path.stat().st_mode) == 0o600


@pytest.mark.parametrize("is_finished", [True, False])
def test_nothing_stays_of_a_file_that_nobody_kept(settings, is_finished):
    with Incoming(limit=100) as incoming:
        incoming.write(b"some")
        if is_finished:
            incoming.finish()

    assert files_below(settings.DATA_DIR) == []


def test_nothing_stays_when_the_reader_fails(settings):
    with suppress(ConnectionResetError), Incoming(limit=100) as incoming:
        incoming.write(b"some")
        raise ConnectionResetError

    assert files_below(settings.DATA_DIR) == []


def test_the_limit_itself_is_fine():
    with Incoming(limit=4) as incoming:
        incoming.write(b"four")

        assert incoming.finish().size_bytes == 4


def test_one_byte_past_the_limit_is_refused_and_nothing_stays(settings):
    incoming = Incoming(limit=4)
    incoming.write(b"four")

    with pytest.raises(FileTooLarge) as refusal:
        incoming.write(b"!")

    assert (refusal.value.status, refusal.value.details) == (413, {"limit_bytes": 4})
    assert "4 bytes" in refusal.value.detail
    assert files_below(settings.DATA_DIR) == []


def test_an_ended_file_takes_no_more():
    with Incoming(limit=100) as incoming:
        incoming.finish()

        with pytest.raises(ValueError, match="finished or closed"):
            incoming.write(b"more")


def test_a_file_that_may_not_grow_is_507_and_nothing_stays(settings):
    with no_file_above(1000), pytest.raises(StorageFull) as refusal:
        received(b"x" * 1001)

    assert (refusal.value.status, refusal.value.code) == (507, "storage_full")
    assert files_below(settings.DATA_DIR) == []


def test_a_full_disk_is_507(monkeypatch):
    monkeypatch.setattr(module, "_new_file", lambda _path: os.open(FULL_DEVICE, os.O_WRONLY))

    with pytest.raises(StorageFull):
        received(b"x")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_found_full_when_it_is_synced_is_507_and_nothing_stays(
    monkeypatch, settings, number
):
    def fail(_descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(StorageFull):
        received(b"x")

    assert files_below(settings.DATA_DIR) == []


def test_another_fault_of_the_disk_is_no_full_disk(monkeypatch):
    def fail(_descriptor):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(OSError, match="Input/output error"):
        received(b"x")


def test_a_file_that_is_there_already_is_hashed(tmp_path):
    path = tmp_path / "upload"
    path.write_bytes(b"some bytes")

    got = hash_file(path)

    assert got == module.Received(path, 10, hashlib.sha256(b"some bytes").hexdigest())


def test_what_a_killed_process_left_is_cleared_when_it_is_old(settings):
    old, new = received(), received()
    moment = datetime.now(UTC) - timedelta(hours=1)
    os.utime(old.path, (moment.timestamp() - 1,) * 2)

    assert clear_abandoned(module.incoming_directory(), before=moment) == 1

    assert files_below(settings.DATA_DIR) == [f"incoming/{new.path.name}"]
    assert clear_abandoned(settings.DATA_DIR / "nowhere", before=moment) == 0
