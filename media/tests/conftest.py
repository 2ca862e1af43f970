import pytest

from media.tests import samples


@pytest.fixture(scope="session")
def samples_directory(tmp_path_factory):
    return tmp_path_factory.mktemp("samples")


@pytest.fixture
def sample(samples_directory):
    """The path of a sample by its name: `sample("film.mp4")`. Do not change the file."""
    return lambda name: samples.make(name, samples_directory)
