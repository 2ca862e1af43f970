"""Resumable uploads when something breaks in between: they go on, or are a file once."""

import errno
import os
from io import BytesIO

import pytest
from django.db import connection

from files.models import Blob, File, Upload
from files.services import targets, uploads
from files.services.targets import Target
from files.services.uploads import Piece
from files.tests.tus.kit import (
    append,
    content_of,
    content_of_blob,
    create,
    everything,
    offset_of,
    used_bytes,
)

pytestmark = pytest.mark.django_db(transaction=True)

HELLO = b"hello world"


class Crash(BaseException):
    """Ends a request as the end of its process would, but for what the process leaves behind."""


@pytest.fixture
def begun(alice):
    """The path of an upload of 11 bytes with the first 5 of them."""
    path = create(alice, 11)
    append(alice, path, 0, b"hello")
    return path


@pytest.fixture
def crash_in(monkeypatch):
    """Has a function of a module crash once, before or after it has done its work."""

    def arrange(module, name, *, after=False):
        original = getattr(module, name)

        def crash(*arguments, **named):
            monkeypatch.setattr(module, name, original)
            if after:
                original(*arguments, **named)
            raise Crash

        monkeypatch.setattr(module, name, crash)

    return arrange


def append_and_crash(content, offset=5):
    upload = Upload.objects.get()
    piece = Piece(offset, len(content), BytesIO(content).read)
    with pytest.raises(Crash):
        uploads.append_bytes(uploads=Upload.objects.all(), upload_id=upload.pk, piece=piece)


def assert_it_goes_on(alice, path):
    offset = offset_of(alice, path)
    assert append(alice, path, offset, HELLO[offset:]).status_code == 204
    assert content_of_blob() == HELLO
    assert (File.objects.count(), used_bytes(alice)) == (1, 11)


@pytest.mark.parametrize("content", [b" wo", b" world"])
def test_bytes_that_no_row_tells_of_are_written_again(alice, begun, crash_in, content):
    crash_in(uploads, "_save")

    append_and_crash(content)

    assert content_of(Upload.objects.get().pk) == b"hello" + content
    assert offset_of(alice, begun) == 5
    assert_it_goes_on(alice, begun)


def test_longer_rubbish_behind_the_offset_is_cut_off(alice, begun):
    with uploads.upload_path(Upload.objects.get().pk).open("ab") as file:
        file.write(b"rubbish" * 1000)

    append(alice, begun, 5, b" ")

    assert content_of(Upload.objects.get().pk) == b"hello "
    assert_it_goes_on(alice, begun)


@pytest.mark.parametrize("name", ["hash_file", "_forget_bytes_after_commit"])
def test_a_crash_while_it_is_finished_leaves_an_upload_to_go_on_with(alice, begun, crash_in, name):
    crash_in(uploads, name)

    append_and_crash(b" world")

    assert (File.objects.count(), Blob.objects.count(), used_bytes(alice)) == (0, 0, 11)
    assert offset_of(alice, begun) == 5
    assert_it_goes_on(alice, begun)


def test_a_crash_when_the_file_is_made_leaves_an_upload_to_go_on_with(alice, begun, monkeypatch):
    finish = targets.upload_target("file").finish

    def make_and_crash(**received):
        monkeypatch.setitem(targets._targets, "file", Target(finish, "files/{id}"))
        finish(**received)
        raise Crash

    monkeypatch.setitem(targets._targets, "file", Target(make_and_crash, "files/{id}"))

    append_and_crash(b" world")

    assert (File.objects.count(), Blob.objects.count(), used_bytes(alice)) == (0, 0, 11)
    # What was linked as a blob is still the same bytes when the upload goes on.
    assert_it_goes_on(alice, begun)


def test_a_crash_after_the_commit_leaves_a_finished_upload(alice, begun, monkeypatch):
    class Immovable(type(uploads.upload_path(Upload.objects.get().pk))):
        def unlink(self, missing_ok=False):
            raise Crash

    path = Immovable(uploads.upload_path(Upload.objects.get().pk))
    monkeypatch.setattr(uploads, "upload_path", lambda upload_id: path)

    append_and_crash(b" world")

    monkeypatch.undo()
    shown = alice.get(begun).json()
    assert (shown["status"], shown["file_id"]) == ("finished", File.objects.get().pk)
    assert used_bytes(alice) == 11
    assert uploads.delete_stray_bytes() == 1
    assert content_of_blob() == HELLO


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_on_a_full_disk_nothing_of_the_piece_is_kept(alice, begun, monkeypatch, number):
    class FullFile(uploads.FileIO):
        def write(self, block):
            super().write(block[:2])
            raise OSError(number, os.strerror(number))

    before = everything()
    monkeypatch.setattr(uploads, "FileIO", FullFile)

    response = append(alice, begun, 5, b" world")

    monkeypatch.undo()
    assert (response.status_code, response.json()["code"]) == (507, "storage_full")
    assert everything() == before
    assert_it_goes_on(alice, begun)


def test_a_disk_that_cannot_keep_what_it_was_given_keeps_nothing(alice, begun, monkeypatch):
    def fail(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = everything()
    monkeypatch.setattr(uploads.os, "fsync", fail)

    response = append(alice, begun, 5, b" world")

    monkeypatch.undo()
    assert response.status_code == 507
    assert everything() == before


def test_a_short_write_is_completed(alice, begun, monkeypatch):
    class ShortFile(uploads.FileIO):
        def write(self, block):
            return super().write(block[:1])

    monkeypatch.setattr(uploads, "FileIO", ShortFile)

    append(alice, begun, 5, b" world")

    assert content_of_blob() == HELLO


@pytest.mark.parametrize("kept", [b"hel", b""])
def test_what_the_disk_lost_is_asked_for_again(alice, begun, kept):
    uploads.upload_path(Upload.objects.get().pk).write_bytes(kept)

    response = append(alice, begun, 5, b" world")

    assert response.status_code == 409
    assert offset_of(alice, begun) == len(kept)
    assert_it_goes_on(alice, begun)


def test_an_upload_whose_file_is_gone_begins_anew(alice, begun):
    uploads.upload_path(Upload.objects.get().pk).unlink()

    assert append(alice, begun, 5, b" world").status_code == 409

    assert offset_of(alice, begun) == 0
    assert_it_goes_on(alice, begun)


def test_appending_never_holds_more_than_a_block(alice):
    asked = []
    size = 1024 * 1024 + 1

    def read(count):
        asked.append(count)
        return bytes(count)

    create(alice, size + 1)
    upload = Upload.objects.get()
    piece = Piece(0, size, read)

    uploads.append_bytes(uploads=Upload.objects.all(), upload_id=upload.pk, piece=piece)

    assert asked == [256 * 1024] * 4 + [1, 0]
    assert not connection.in_atomic_block
