import os

import pytest

from alice.runtime import acl
from alice.runtime.acl import GROUP, GROUP_OBJ, MASK, NO_ID, OTHER, USER, USER_OBJ, Entry

OWNER = (0, 0)


def traverses(entries, *, uid=5, gids=(5,), owner=OWNER):
    return acl.may_traverse(entries, owner=owner, uid=uid, gids=gids)


def test_the_grant_lets_exactly_that_user_pass_a_private_directory():
    entries = acl.with_traversal(acl.entries_of_mode(0o700), uid=5)

    assert traverses(entries)
    assert not traverses(entries, uid=6, gids=[6])
    assert entries == [
        Entry(USER_OBJ, NO_ID, 7),
        Entry(USER, 5, 1),
        Entry(GROUP_OBJ, NO_ID, 0),
        Entry(MASK, NO_ID, 1),
        Entry(OTHER, NO_ID, 0),
    ]


def test_the_grant_keeps_what_others_were_given():
    before = [
        Entry(USER_OBJ, NO_ID, 7),
        Entry(USER, 9, 6),
        Entry(GROUP_OBJ, NO_ID, 5),
        Entry(GROUP, 8, 4),
        Entry(MASK, NO_ID, 7),
        Entry(OTHER, NO_ID, 0),
    ]

    after = acl.with_traversal(before, uid=5)

    assert after == sorted([*before, Entry(USER, 5, 1)])


def test_a_wider_mask_wakes_up_no_right_that_the_old_one_held_down():
    before = [
        Entry(USER_OBJ, NO_ID, 7),
        Entry(USER, 9, 7),
        Entry(GROUP_OBJ, NO_ID, 7),
        Entry(MASK, NO_ID, 0),
        Entry(OTHER, NO_ID, 0),
    ]

    after = acl.with_traversal(before, uid=5)

    assert traverses(after)
    assert not traverses(after, uid=9, gids=[9])
    assert not traverses(after, uid=6, gids=[0])


def test_a_user_who_could_read_may_then_read_and_pass():
    before = acl.with_traversal(acl.entries_of_mode(0o750), uid=5)
    before = [Entry(USER, 5, 4) if entry.tag == USER else entry for entry in before]

    assert Entry(USER, 5, 5) in acl.with_traversal(before, uid=5)


def test_granting_twice_changes_nothing_more():
    once = acl.with_traversal(acl.entries_of_mode(0o750), uid=5)

    assert acl.with_traversal(once, uid=5) == once


@pytest.mark.parametrize(
    ("mode", "uid", "gids", "passes"),
    [
        (0o700, 0, [0], True),
        (0o077, 0, [0], False),
        (0o010, 5, [0], True),
        (0o701, 5, [0], False),
        (0o701, 5, [5], True),
        (0o700, 5, [5], False),
    ],
)
def test_a_mode_is_read_as_the_kernel_does(mode, uid, gids, passes):
    assert traverses(acl.entries_of_mode(mode), uid=uid, gids=gids) is passes


def test_what_is_written_is_read_back(tmp_path):
    entries = acl.with_traversal(acl.read_entries(tmp_path), uid=12345)
    if not acl.write_entries(tmp_path, entries):
        pytest.skip("this file system keeps no access lists")

    assert acl.read_entries(tmp_path) == entries
    assert acl.decode(os.getxattr(tmp_path, acl.ATTRIBUTE)) == entries
