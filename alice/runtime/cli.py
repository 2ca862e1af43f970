"""`manage.py up`: what is said on the command line, and what is answered there."""

import os
import sys
from collections.abc import Sequence

from alice.runtime.config import read_config
from alice.runtime.console import Console
from alice.runtime.errors import CannotRun
from alice.runtime.run import run_alice

USAGE = """\
usage: python manage.py up

Run Alice: PostgreSQL and Valkey in the data directory, the web processes, the worker and the
scheduler. Migrates the database first, and creates the first staff user if there is none.
What ends is started again. Ctrl-C or SIGTERM stops everything in order, a second one faster;
SIGHUP replaces the web, worker and beat processes one at a time, without refusing a request.

The environment decides:
  HOST, PORT               where to listen (127.0.0.1, 8000; port 0 takes a free one)
  ALICE_DATA_DIR           where everything is kept (.data beside manage.py)
  DATABASE_URL, REDIS_URL  servers of your own; the embedded one is then not started
  WEB_WORKERS              web processes (2)
  WORKER_THREADS           tasks the worker runs at once (4)
  ALICE_FAKE_STRIPE        1 runs a stand-in for Stripe too, for development without keys
  DJANGO_SUPERUSER_USERNAME, DJANGO_SUPERUSER_EMAIL, DJANGO_SUPERUSER_PASSWORD
                           the first staff user (a password is made up and printed once)

Exit codes: 0 stopped as asked, 1 could not start, 2 wrong usage or environment; if preparing
the database failed, its own exit code.
"""


def main(arguments: Sequence[str]) -> int:
    """Run `up` with the words after it, and return the exit code."""
    if list(arguments) in (["-h"], ["--help"]):
        Console(sys.stdout).say(USAGE)
        return 0
    if arguments:
        Console(sys.stderr).say(f"up takes no arguments: {' '.join(arguments)}\n\n{USAGE}")
        return 2
    try:
        return run_alice(read_config(os.environ), Console())
    except CannotRun as error:
        Console(sys.stderr).say(str(error))
        return error.exit_code
