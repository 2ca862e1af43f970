"""What 100 MiB up and down cost the web processes: memory and CPU time."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

from benchmarks.cases import LARGE_MIB
from benchmarks.client import Client
from benchmarks.processes import cpu_seconds, peak_mib, reset_peak, resident_mib
from benchmarks.readings import Reading
from benchmarks.requests import MIB, form
from benchmarks.server import SEED, CannotMeasure, Server
from benchmarks.shelves import FILES_PATH, upload_all
from benchmarks.telling import tell

TRIES = 3
WARMING_FILES = 200
WARMING_BYTES = 1024
WARMING_AT_ONCE = 16
GROWTH_MIB = 16


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """The web processes during one transfer: CPU seconds, MiB at the peak above those at rest."""

    cpu_seconds: float
    growth_mib: float


def measure_transfers(server: Server) -> list[Reading]:
    """Upload and download 100 MiB a few times; the most memory, the least CPU time."""
    client = Client(server.port, server.users[0].token)
    client.require("/api/files")
    warm_up(server, client)
    body = form(Random(SEED).randbytes(MIB) * LARGE_MIB)  # noqa: S311  (not a secret)
    web = server.groups()["web"]
    rest_mib = resident_mib(web)
    ups: list[Transfer] = []
    downs: list[Transfer] = []
    for _ in range(TRIES):
        with watched(web, rest_mib, ups):
            file_id = client.upload(FILES_PATH, body)["id"]
        with watched(web, rest_mib, downs):
            download(client, file_id, LARGE_MIB * MIB)
    left = Reading("web memory still held afterwards, MiB", resident_mib(web) - rest_mib)
    return [*readings("up", ups), *readings("down", downs), left]


def warm_up(server: Server, client: Client) -> None:
    """Have every thread of the web processes take and give a file before, but a small one.

    Memory that large ones have left free would hide what the next takes.
    """
    contents = [bytes(WARMING_BYTES)] * WARMING_FILES
    for file_id in upload_all(server.port, server.users[0], contents, at_once=WARMING_AT_ONCE):
        download(client, file_id, WARMING_BYTES)


def download(client: Client, file_id: int, size_bytes: int) -> None:
    received = client.download(f"/api/files/{file_id}/download")
    if received != size_bytes:
        raise CannotMeasure(f"A file of {size_bytes} bytes came back with {received}.")


@contextmanager
def watched(web: Sequence[int], rest_mib: float, into: list[Transfer]) -> Iterator[None]:
    """Add what the web processes took during the block.

    The peak is the kernel's own, not sampled; two processes may have had theirs at two times.
    """
    reset_peak(web)
    before = cpu_seconds(web)
    yield
    took = cpu_seconds(web) - before
    into.append(Transfer(cpu_seconds=took, growth_mib=peak_mib(web) - rest_mib))
    tell(f"memory   {took:.2f} s CPU, web {into[-1].growth_mib:+.1f} MiB")


def readings(way: str, transfers: Sequence[Transfer]) -> list[Reading]:
    """The worst growth and the best time of a few transfers."""
    growth = max(transfer.growth_mib for transfer in transfers)
    seconds = min(transfer.cpu_seconds for transfer in transfers)
    return [
        Reading(f"{LARGE_MIB} MiB {way}: web memory grows by, MiB", growth, GROWTH_MIB),
        Reading(f"{LARGE_MIB} MiB {way}: CPU of web, s", seconds),
    ]
