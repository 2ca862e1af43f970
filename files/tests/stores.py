"""Fixtures of the stores: a directory, and a bucket of a moto server that answers as S3 does."""

import secrets
import subprocess
import sys

import pytest

SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="session")
def s3_endpoint():
    """The address of a moto server of this process; it ends when its input does."""
    command = [sys.executable, "-W", "ignore", "-c", SERVER]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, **pipes) as server:  # noqa: S603 - our own words
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        server.stdin.close()


@pytest.fixture
def local_store():
    """The store of the test's own data directory."""
    from files.storage.stores import store  # noqa: PLC0415

    return store()


@pytest.fixture
def s3_store(settings, s3_endpoint):
    """A bucket of the test's own, which the settings name."""
    from files.storage.stores import store  # noqa: PLC0415

    settings.AWS_STORAGE_BUCKET_NAME = f"blobs-{secrets.token_hex(8)}"
    settings.AWS_LOCATION = "kept"
    settings.AWS_ACCESS_KEY_ID = settings.AWS_SECRET_ACCESS_KEY = "test"
    settings.AWS_S3_REGION_NAME = "us-east-1"
    settings.AWS_S3_ENDPOINT_URL = s3_endpoint
    bucket = store()
    bucket.client.create_bucket(Bucket=settings.AWS_STORAGE_BUCKET_NAME)
    return bucket


@pytest.fixture(params=["local", "s3"])
def any_store(request):
    """Either store: what is tested with it holds for both."""
    return request.getfixturevalue(f"{request.param}_store")
