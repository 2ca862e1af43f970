"""How far it is, for whoever waits."""

import sys


def tell(line: str) -> None:
    """Say something on stderr."""
    print(line, file=sys.stderr, flush=True)
