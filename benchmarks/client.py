"""One request at a time, for what is prepared and for what is too large for a load generator."""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson

from benchmarks.requests import FORM_TYPE
from benchmarks.server import CannotMeasure

PATIENCE_SECONDS = 120
BLOCK_BYTES = 256 * 1024


class Client:
    """Somebody with an access token, on a new connection for each request.

    Everything raises `CannotMeasure` for another status than the expected one.
    """

    def __init__(self, port: int, token: str) -> None:
        self.port = port
        self.headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}

    def require(self, path: str) -> None:
        """Raise `CannotMeasure` in few words when the tree that is asked has no such path."""
        with self._answer("GET", path, 200, 404) as response:
            if response.status == 404:
                raise CannotMeasure(f"There is no {path} in this tree, so it is left out.")

    def get(self, path: str) -> Any:
        """What JSON a path has."""
        with self._answer("GET", path, 200) as response:
            return orjson.loads(response.read())

    def post(self, path: str, fields: dict[str, Any], *, status: int = 200) -> Any:
        """What JSON is answered to JSON."""
        body, kind = orjson.dumps(fields), "application/json"
        with self._answer("POST", path, status, body=body, kind=kind) as response:
            return orjson.loads(response.read())

    def upload(self, path: str, form: bytes) -> Any:
        """What JSON is answered to a form of `requests.form`."""
        with self._answer("POST", path, 201, body=form, kind=FORM_TYPE) as response:
            return orjson.loads(response.read())

    def download(self, path: str) -> int:
        """Read a path to its end, keeping nothing; returns how many bytes there were."""
        block, size = bytearray(BLOCK_BYTES), 0
        with self._answer("GET", path, 200) as response:
            while received := response.readinto(block):
                size += received
        return size

    @contextmanager
    def _answer(
        self, method: str, path: str, *statuses: int, body: bytes | None = None, kind: str = ""
    ) -> Iterator[http.client.HTTPResponse]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        headers = self.headers | ({"Content-Type": kind} if kind else {})
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            if response.status not in statuses:
                said = response.read(500).decode(errors="replace")
                raise CannotMeasure(f"{method} {path} was answered {response.status}: {said}")
            yield response
        except (OSError, http.client.HTTPException) as error:
            raise CannotMeasure(f"{method} {path} was not answered: {error!r}") from error
        finally:
            connection.close()
