"""JSON columns through orjson, so that what is read can always be answered again.

PostgreSQL writes 1e22 as an integer of 23 digits. Python's own decoder makes an int of it that
orjson refuses to encode; orjson's makes the float that came in.
"""

import json
from typing import Any

import orjson


class JsonEncoder(json.JSONEncoder):
    """For `models.JSONField(encoder=...)`."""

    def encode(self, o: Any) -> str:
        return orjson.dumps(o).decode()


class JsonDecoder(json.JSONDecoder):
    """For `models.JSONField(decoder=...)`."""

    def decode(self, s: str, *_: Any) -> Any:
        return orjson.loads(s)
