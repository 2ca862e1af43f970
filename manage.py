#!/usr/bin/env python
"""Django's command line, and `up`, which runs all of Alice."""

import os
import sys


def main() -> None:
    if sys.argv[1:2] == ["up"]:
        # The supervisor outlives every reload, so it stays free of Django and its memory.
        from alice.runtime.cli import main as up  # noqa: PLC0415

        sys.exit(up(sys.argv[2:]))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alice.settings")
    from django.core.management import execute_from_command_line  # noqa: PLC0415

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
