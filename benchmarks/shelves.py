"""Files of seeded users, uploaded over HTTP: every tree that has files takes them."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from random import Random

from benchmarks.cases import LARGE_MIB
from benchmarks.client import Client
from benchmarks.requests import MIB, SeededUser, form
from benchmarks.server import SEED, Server

FILES_PATH = "/api/files/upload"
OWNERS = 3
SMALL_FILES = 96
SMALL_BYTES = 1024
MIB_FILES = 4
AT_ONCE = 4


def fill_shelves(server: Server) -> None:
    """Give the first users 100 files each, and the first of all one of 100 MiB besides.

    Raises `CannotMeasure`, as for a server without files.
    """
    Client(server.port, server.users[0].token).require("/api/files")
    rng = Random(SEED)  # noqa: S311  (the same bytes everywhere are what is wanted)
    owners = [_with_files(server.port, user, rng) for user in server.users[:OWNERS]]
    # The same MiB again and again costs the server as much as any other bytes.
    large = upload_all(server.port, owners[0], [rng.randbytes(MIB) * LARGE_MIB])
    owners[0] = replace(owners[0], large_file_ids=large)
    server.users[:OWNERS] = owners


def upload_all(
    port: int, user: SeededUser, contents: Sequence[bytes], *, at_once: int = AT_ONCE
) -> list[int]:
    """Upload files, a few at a time; their ids."""
    client = Client(port, user.token)

    def upload(content: bytes) -> int:
        file_id: int = client.upload(FILES_PATH, form(content))["id"]
        return file_id

    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(upload, contents))


def _with_files(port: int, user: SeededUser, rng: Random) -> SeededUser:
    upload_all(port, user, [rng.randbytes(SMALL_BYTES) for _ in range(SMALL_FILES)])
    contents = [rng.randbytes(MIB) for _ in range(MIB_FILES)]
    return replace(user, file_ids=upload_all(port, user, contents))
