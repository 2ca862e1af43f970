"""dj-stripe's tables by our one migration are the tables by its own three."""

import json
from importlib.metadata import version
from pathlib import Path

from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader

from billing.tests.schema import digests

# Written by `python -m billing.tests.upstream_schema`, which runs upstream's own migrations.
UPSTREAM = json.loads(Path(__file__).with_name("djstripe_schema.json").read_text())


def test_the_tables_are_those_of_upstream(db):
    assert digests() == UPSTREAM["tables"]


def test_they_were_compared_with_the_version_that_is_installed():
    assert version("dj-stripe") == UPSTREAM["version"]


def test_no_model_has_changed_without_a_migration(db):
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_one_migration_makes_all_of_them():
    loaded = MigrationLoader(None).disk_migrations

    assert [name for app, name in loaded if app == "djstripe"] == ["0001_initial"]
