"""A new password from the command line, in place of Django's: this one ends the sessions too."""

import sys
from getpass import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from accounts.services.passwords import set_password_by_operator
from alice.common.errors import Invalid


class Command(BaseCommand):
    help = "Set a user's password, and end all their sessions. Asks for it twice, or reads a pipe."
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", help="whose password, by username or e-mail address")

    def handle(self, *, username: str, **options: Any) -> None:
        owner = User.objects.named(username).first()
        if owner is None:
            raise CommandError(f"There is no user {username}.")
        try:
            set_password_by_operator(owner=owner, new_password=asked_for())
        except Invalid as refusal:
            raise CommandError(refusal.detail) from refusal
        self.stdout.write(f"{owner.username} has a new password; all sessions have ended.")


def asked_for() -> str:
    """The new password, typed twice at a terminal or once in a pipe."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass("New password: ")
    if password != getpass("Again: "):
        raise CommandError("The two differ; nothing was changed.")
    return password
