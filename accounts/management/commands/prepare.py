"""`manage.py prepare`: everything that must be there before the server answers."""

import os
import secrets
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from accounts.services import staff
from alice.common.env import Env
from alice.common.errors import Invalid

# Every server of a cluster may start at once; one migrates, the others wait for it here.
MIGRATION_LOCK = 0x616C696365


class Command(BaseCommand):
    help = (
        "Migrates the database and makes the first administrator. Safe to run again and by "
        "several servers at once. DJANGO_SUPERUSER_USERNAME, _EMAIL and _PASSWORD (or "
        "_PASSWORD_FILE) name the administrator; without a password one is made up and printed."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--no-admin", action="store_true", help="Do not make a first administrator."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
            try:
                self._migrate()
                if not options["no_admin"]:
                    self._make_first_admin()
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])
        if settings.STATIC_ROOT:
            call_command("collectstatic", interactive=False, verbosity=0)

    def _migrate(self) -> None:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        # Asked first: with nothing to do, `migrate` still spends half a second on signals.
        if missing:
            call_command("migrate", interactive=False, verbosity=0)
            self.stdout.write(f"Applied {len(missing)} migrations.")

    def _make_first_admin(self) -> None:
        env = Env(os.environ)
        username = env.text("DJANGO_SUPERUSER_USERNAME", "admin")
        email = env.text("DJANGO_SUPERUSER_EMAIL", f"{username}@{settings.MAIL_DOMAIN}")
        password = env.secret("DJANGO_SUPERUSER_PASSWORD")
        shown = password or secrets.token_urlsafe(12)
        try:
            is_made = staff.make_first_admin(username=username, email=email, password=shown)
        except Invalid as error:
            raise CommandError(f"DJANGO_SUPERUSER_*: {error.detail}") from error
        if is_made and not password:
            self.stdout.write(f"First administrator: {username}   password: {shown}")
            change = f"manage.py changepassword {username}"
            self.stdout.write(f"It is shown this once. Change it with: {change}")
        elif is_made:
            self.stdout.write(f"First administrator: {username}")
