"""Real tus clients against a running server: killed half-way, and resumed by another process."""

import hashlib
import random
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from alice.tests.node import node, packages_of
from alice.tests.whole import wait_until, whole_alice
from files.tests.tus.proxy import StallingProxy

pytestmark = [pytest.mark.live, pytest.mark.enable_socket, pytest.mark.xdist_group("faults")]

TUS = Path(__file__).parent / "tus"
MIB = 1024 * 1024
CONTENT = random.Random(7).randbytes(6 * MIB)  # noqa: S311
# In the middle of the second piece of those who send several.
STALL_AFTER = 3 * MIB


@pytest.fixture(scope="module")
def whole():
    with whole_alice() as alice:
        yield alice


@pytest.fixture
def proxy(whole):
    stalling = StallingProxy(whole.port)
    yield stalling
    stalling.close()


@pytest.fixture
def signed_in(whole):
    with whole.client() as client:
        yield client


@pytest.fixture
def clients(tmp_path):
    """Starts processes of a client that all upload the same file and share their URLs."""
    path = tmp_path / "content.bin"
    path.write_bytes(CONTENT)
    running = []

    def start(name, endpoint, authorization):
        same = [endpoint, authorization, path, tmp_path / "urls.json"]
        process = subprocess.Popen(  # noqa: S603
            COMMANDS[name](same), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def tuspy(*options):
    return lambda same: [sys.executable, TUS / "client.py", *same, *options]


def tus_js_client(*options):
    return lambda same: [node(), TUS / "client.mjs", packages_of(TUS), *same, *options]


COMMANDS = {
    "tuspy": tuspy(str(2 * MIB), "none"),
    "tuspy, with checksums": tuspy(str(2 * MIB), "checksum"),
    "tus-js-client": tus_js_client(str(2 * MIB)),
    "tus-js-client, all in one request": tus_js_client("Infinity"),
}


def the_upload(client):
    """The one unfinished upload, None without one."""
    listed = client.get("/api/uploads").json()
    assert len(listed) <= 1
    return listed[0] if listed else None


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("tuspy", 2 * MIB + 1, STALL_AFTER),
        ("tuspy, with checksums", 2 * MIB, 2 * MIB),
        ("tus-js-client", 2 * MIB + 1, STALL_AFTER),
        ("tus-js-client, all in one request", 2 * MIB + 1, STALL_AFTER),
    ],
)
def test_a_client_killed_half_way_is_resumed(proxy, signed_in, clients, name, least, most):
    address = f"{proxy.base_url}/api/uploads", signed_in.headers["Authorization"]
    proxy.stall_after(STALL_AFTER)
    first = clients(name, *address)
    wait_until(proxy.is_stalled.is_set, what="half of the upload")

    first.kill()
    first.wait()
    proxy.drop()
    wait_until(lambda: the_upload(signed_in)["offset"] >= least, what="what came before")
    kept = the_upload(signed_in)
    second = clients(name, *address)

    assert second.wait(60) == 0, second.communicate()[1]
    assert kept["offset"] <= most
    assert proxy.passed < len(CONTENT) - kept["offset"] + MIB // 4
    assert_stored_as_sent(signed_in, kept["id"])


def assert_stored_as_sent(client, upload_id):
    finished = client.get(f"/api/uploads/{upload_id}").json()
    assert (finished["status"], finished["offset"]) == ("finished", len(CONTENT))
    file = client.get(f"/api/files/{finished['file_id']}").json()
    assert file["original_filename"] == finished["original_filename"]
    assert file["file_size"] == len(CONTENT)
    link = httpx.get(file["download_url"])
    by_token = client.get(f"/api/files/{finished['file_id']}/download")
    wanted = hashlib.sha256(CONTENT).hexdigest()
    assert hashlib.sha256(by_token.content).hexdigest() == wanted
    assert hashlib.sha256(link.content).hexdigest() == wanted
