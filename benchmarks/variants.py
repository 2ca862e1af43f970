"""What is compared with what: the present tree alone, with a commit, or with a setting."""

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.server import CannotMeasure, Variant

ROOT = Path(__file__).resolve().parent.parent
PRESENT = "now"


def git(*words: str) -> str:
    """What git says in the project; raises `CannotMeasure` with its complaint."""
    command = ["git", *words]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    if result.returncode:
        raise CannotMeasure(f"{' '.join(command)}: {result.stderr.strip()}")
    return result.stdout.strip()


def commit() -> str:
    """The commit checked out, with a mark if the tree differs from it."""
    try:
        return git("describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")
    except (CannotMeasure, OSError):
        return "none"


@contextmanager
def worktree(revision: str) -> Iterator[Path]:
    """The tree of a commit in a temporary directory, for the time of the block."""
    sha = git("rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}")
    with tempfile.TemporaryDirectory(prefix="alice-against-") as folder:
        tree = Path(folder) / "tree"
        try:
            git("worktree", "add", "--detach", str(tree), sha)
            yield tree
        finally:
            # Where adding it failed there is nothing to remove, and that is the error to see.
            with suppress(CannotMeasure):
                git("worktree", "remove", "--force", "--force", str(tree))


@contextmanager
def variants(against: str | None, settings: Sequence[str]) -> Iterator[list[Variant]]:
    """What to measure; of two, the first is what the second is compared with."""
    if against:
        with worktree(against) as tree:
            yield [Variant(name=against, tree=tree), Variant(name=PRESENT, tree=ROOT)]
    elif settings:
        environ = dict(setting.split("=", 1) for setting in settings)
        yield [
            Variant(name="without", tree=ROOT),
            Variant(name="with", tree=ROOT, environ=environ),
        ]
    else:
        yield [Variant(name=PRESENT, tree=ROOT)]
