"""What CPU per request does not tell, or not alone. A new one is a function here."""

from collections.abc import Callable

from benchmarks.crowd import measure_crowd
from benchmarks.readings import Reading
from benchmarks.server import Server
from benchmarks.sockets import measure_sockets
from benchmarks.transcodes import measure_transcodes
from benchmarks.transfers import measure_transfers
from benchmarks.webhooks import measure_webhooks

# Asked in this order of one server; memory first, as long as the others have left none behind.
MEASUREMENTS: dict[str, Callable[[Server], list[Reading]]] = {
    "memory": measure_transfers,
    "crowd": measure_crowd,
    "sockets": measure_sockets,
    "transcode": measure_transcodes,
    "webhook": measure_webhooks,
}
