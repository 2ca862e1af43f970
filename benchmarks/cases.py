"""What is asked of the server, and what an answer may cost. A new case is a function here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from time import process_time

from alice.common.hashers import Argon2idHasher
from benchmarks.requests import PASSWORD, SeededUser, http_request, item_fields

MakeRequest = Callable[[Sequence[SeededUser], Random], bytes]

HASHES = 5


@dataclass(frozen=True, kw_only=True)
class Case:
    """One kind of request: `make_request` makes one for a random user and item.

    `target_ms` bounds the CPU time of the web processes for a request. Where there is an `aside`,
    it measures a part that is paid on purpose, in ms, and the target is for the rest.
    """

    name: str
    title: str
    make_request: MakeRequest
    target_ms: float
    expected_status: int = 200
    aside: Callable[[], float] | None = None


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
]
CASES = {case.name: case for case in ALL}
