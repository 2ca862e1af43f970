import io

import pytest
from django.core.management import CommandError, call_command

from accounts.management.commands import changepassword
from accounts.models import Session
from system.models import AuditEntry

NEW = "a-Fresh-9-password"


@pytest.fixture
def pipe(monkeypatch):
    return lambda text: monkeypatch.setattr("sys.stdin", io.StringIO(text))


@pytest.mark.django_db
def test_the_new_password_holds_and_all_sessions_have_ended(alice, pipe):
    pipe(NEW + "\n")

    call_command("changepassword", alice.user.username.upper(), stdout=io.StringIO())

    alice.user.refresh_from_db()
    assert alice.user.check_password(NEW)
    assert alice.get("/api/auth/me").status_code == 401
    assert Session.objects.filter(user=alice.user, ended_at=None).count() == 0
    assert AuditEntry.objects.filter(action="user.password_set").count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("poor", ["", "short", "password1234"])
def test_a_poor_password_is_refused_and_changes_nothing(alice, pipe, poor):
    pipe(poor + "\n")
    before = alice.user.password

    with pytest.raises(CommandError, match="password"):
        call_command("changepassword", alice.user.username)

    alice.user.refresh_from_db()
    assert alice.user.password == before
    assert alice.get("/api/auth/me").status_code == 200


@pytest.mark.django_db
def test_a_name_that_nobody_has_is_told(pipe):
    pipe(NEW + "\n")

    with pytest.raises(CommandError, match="There is no user nobody"):
        call_command("changepassword", "nobody")


def test_two_that_differ_are_refused(monkeypatch):
    typed = iter([NEW, NEW + "!"])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(changepassword, "getpass", lambda prompt: next(typed))

    with pytest.raises(CommandError, match="differ"):
        changepassword.asked_for()
