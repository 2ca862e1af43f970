"""What is asked of the server, and what an answer may cost. A new case is a function here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from time import process_time

from alice.common.hashers import Argon2idHasher
from benchmarks.requests import (
    MIB,
    PASSWORD,
    SeededUser,
    http_request,
    item_fields,
    sentence,
    upload_request,
)

MakeRequest = Callable[[Sequence[SeededUser], Random], bytes]

HASHES = 5
ROOMS = 20
LARGE_MIB = 100


@dataclass(frozen=True, kw_only=True)
class Case:
    """One kind of request: `make_request` makes one for a random user and item.

    `target_ms` bounds the CPU time of the web processes for a request. Where there is an `aside`,
    it measures a part that is paid on purpose, in ms, and the target is for the rest.
    Requests are made `prepared` at a time and repeated in a cycle; `most` bounds how many are
    sent in one sample. With `needs_files`, a tree without files is left out.
    """

    name: str
    title: str
    make_request: MakeRequest
    target_ms: float
    expected_status: int = 200
    aside: Callable[[], float] | None = None
    prepared: int = 1000
    most: int = 100_000
    needs_files: bool = False


def livez(_users: Sequence[SeededUser], _rng: Random) -> bytes:
    return http_request("GET", "/livez")


def login(users: Sequence[SeededUser], rng: Random) -> bytes:
    credentials = {"username": rng.choice(users).name, "password": PASSWORD}
    return http_request("POST", "/api/auth/login", body=credentials)


def list_items(users: Sequence[SeededUser], rng: Random) -> bytes:
    return http_request("GET", "/api/items?limit=100", token=rng.choice(users).token)


def get_item(users: Sequence[SeededUser], rng: Random) -> bytes:
    user = rng.choice(users)
    return http_request("GET", f"/api/items/{rng.choice(user.item_ids)}", token=user.token)


def create_item(users: Sequence[SeededUser], rng: Random) -> bytes:
    token = rng.choice(users).token
    return http_request("POST", "/api/items", token=token, body=item_fields(rng))


def update_item(users: Sequence[SeededUser], rng: Random) -> bytes:
    user = rng.choice(users)
    path = f"/api/items/{rng.choice(user.item_ids)}"
    return http_request("PUT", path, token=user.token, body=item_fields(rng))


def upload(users: Sequence[SeededUser], rng: Random) -> bytes:
    content = rng.randbytes(MIB)
    return upload_request("/api/files/upload", token=rng.choice(users).token, content=content)


def download(users: Sequence[SeededUser], rng: Random) -> bytes:
    user = rng.choice([user for user in users if user.file_ids])
    path = f"/api/files/{rng.choice(user.file_ids)}/download"
    return http_request("GET", path, token=user.token)


def download_part(users: Sequence[SeededUser], rng: Random) -> bytes:
    user = rng.choice([user for user in users if user.large_file_ids])
    path = f"/api/files/{rng.choice(user.large_file_ids)}/download"
    first = rng.randrange((LARGE_MIB - 1) * MIB)
    part = f"Range: bytes={first}-{first + MIB - 1}"
    return http_request("GET", path, token=user.token, extra=part)


def list_files(users: Sequence[SeededUser], rng: Random) -> bytes:
    user = rng.choice([user for user in users if user.file_ids])
    return http_request("GET", "/api/files?limit=100", token=user.token)


def send(users: Sequence[SeededUser], rng: Random) -> bytes:
    body = {"room_id": f"room-{rng.randrange(ROOMS)}", "message": sentence(rng, 12)}
    return http_request("POST", "/api/chat/send", token=rng.choice(users).token, body=body)


def argon2_ms() -> float:
    """CPU ms of one password hash in this process, with the parameters of the product."""
    hasher = Argon2idHasher()
    began = process_time()
    for _ in range(HASHES):
        hasher.encode(PASSWORD, "a-salt-of-22-characters")
    return (process_time() - began) * 1000 / HASHES


ALL = [
    Case(name="livez", title="GET /livez", make_request=livez, target_ms=0.5),
    Case(
        name="login",
        title="POST /api/auth/login",
        make_request=login,
        target_ms=5.0,
        aside=argon2_ms,
    ),
    Case(name="list", title="GET /api/items, 100", make_request=list_items, target_ms=2.0),
    Case(name="get", title="GET /api/items/{id}", make_request=get_item, target_ms=1.0),
    Case(
        name="create",
        title="POST /api/items",
        make_request=create_item,
        target_ms=1.2,
        expected_status=201,
    ),
    Case(name="update", title="PUT /api/items/{id}", make_request=update_item, target_ms=1.3),
    Case(
        name="upload",
        title="POST /api/files/upload, 1 MiB",
        make_request=upload,
        target_ms=6.0,
        expected_status=201,
        # Bodies of 1 MiB go to the other process first, and what is uploaded stays on the disk.
        prepared=16,
        most=200,
        needs_files=True,
    ),
    Case(
        name="download",
        title="GET /api/files/{id}/download, 1 MiB",
        make_request=download,
        target_ms=1.6,
        needs_files=True,
    ),
    Case(
        name="range",
        title="GET 1 MiB of a file of 100 MiB",
        make_request=download_part,
        target_ms=1.6,
        expected_status=206,
        needs_files=True,
    ),
    Case(
        name="files",
        title="GET /api/files, 100",
        make_request=list_files,
        target_ms=2.0,
        needs_files=True,
    ),
    Case(
        name="send",
        title="POST /api/chat/send",
        make_request=send,
        target_ms=2.0,
        expected_status=201,
    ),
]
CASES = {case.name: case for case in ALL}
