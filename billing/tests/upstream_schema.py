"""Writes djstripe_schema.json: the tables as upstream's own migrations make them.

Run it after an upgrade of dj-stripe, by `python -m billing.tests.upstream_schema`; it takes a
minute, a database of its own, and leaves the comparison to test_migrations.py.
"""

import json
import os
from importlib.metadata import version
from pathlib import Path


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "alice.settings_test"
    import django  # noqa: PLC0415 - by these settings
    from django.conf import settings  # noqa: PLC0415

    settings.MIGRATION_MODULES = {}
    django.setup()
    from django.core.management import call_command  # noqa: PLC0415 - the apps are loaded now

    from billing.tests.schema import digests  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    found = {"version": version("dj-stripe"), "tables": digests()}
    text = json.dumps(found, indent=2, sort_keys=True) + "\n"
    Path(__file__).with_name("djstripe_schema.json").write_text(text)


if __name__ == "__main__":
    main()
