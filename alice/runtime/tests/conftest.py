import shutil
import tempfile
from pathlib import Path

import pytest


@pytest.fixture
def data_dir():
    """A data directory in a private place.

    Not `tmp_path`: each new pytest session resets the mode of the folder above that, and with it
    the way through it that a server of ours was given.
    """
    place = Path(tempfile.mkdtemp(prefix="alice-test-"))
    (place / "data").mkdir(mode=0o700)
    yield place / "data"
    shutil.rmtree(place)
