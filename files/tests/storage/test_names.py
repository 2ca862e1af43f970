"""Names of files, made harmless (R-068)."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alice.common.errors import Invalid
from files.storage.names import clean_filename


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("report.pdf", "report.pdf"),
        ("../../x", "x"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\x", "x"),
        ("C:\\Users\\me\\x.txt", "x.txt"),
        ("a\0.txt", "a.txt"),
        ("CON", "CON"),
        ("-rf", "-rf"),
        (".htaccess", ".htaccess"),
        ("a\r\nSet-Cookie: b", "aSet-Cookie: b"),
        ('a"b;c.txt', 'a"b;c.txt'),
        ("&lt;b&gt;.txt", "&lt;b&gt;.txt"),
        ("gpj.\u202eexe", "gpj.exe"),
        ("a\u2028b\u2029c\u200bd\ufeffe", "abcde"),
        ("a\ud800b", "ab"),
        ("  name . txt ... ", "name . txt"),
        ("\u00a0x.\u00a0.", "x"),
        ("Cafe\u0301.txt", "Caf\u00e9.txt"),
        ("e\u200d\u0301", "\u00e9"),
        ("Звіт 報告.pdf", "Звіт 報告.pdf"),
        ("x" * 300 + ".tar.gz", "x" * 252 + ".gz"),
        ("é" * 200 + ".jpeg", "é" * 125 + ".jpeg"),
        ("x." + "y" * 300, "x." + "y" * 253),
    ],
)
def test_a_name_keeps_what_is_harmless(sent, kept):
    assert clean_filename(sent) == kept


@pytest.mark.parametrize("sent", ["", ".", "..", "...", " ", "a/", "\\", "\0", "\u202e", "/. ./"])
def test_a_name_of_which_nothing_is_left_is_refused(sent):
    with pytest.raises(Invalid) as refusal:
        clean_filename(sent)

    assert refusal.value.details["errors"].keys() == {"file"}


@given(st.text(st.characters(), max_size=400))
def test_whatever_is_sent_the_name_is_short_visible_and_final(sent):
    try:
        name = clean_filename(sent)
    except Invalid:
        return
    assert 1 <= len(name.encode()) <= 255
    assert not {"/", "\\", "\0"} & set(name)
    assert name == name.strip() == unicodedata.normalize("NFC", name) == clean_filename(name)
