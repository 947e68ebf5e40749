"""A record of the log: one line of JSON that names the line before it by its hash.

There is one way to write a record: keys sorted, no spaces, ASCII alone, so
that no character of a path can hide another or steer a terminal.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from gateway.observe.content import LARGEST, Kind

#: What the first record names.
NOTHING_BEFORE = ""

_FIELDS = frozenset({"before", "body", "kind", "raw", "record", "time"})


@dataclass(frozen=True, slots=True)
class Record:
    """One record.

    `number` counts from 0; `before` is the leaf hash of the record before;
    `raw` is where in the raw file its line began and ended; `time` is when it
    was recorded, in milliseconds since 1970.
    """

    number: int
    before: str
    kind: Kind
    body: Mapping[str, Any]
    raw: tuple[int, int]
    time: int

    def line(self) -> bytes:
        """Write it, without an end of line; these bytes are the leaf of the tree."""
        data = {
            "before": self.before,
            "body": self.body,
            "kind": self.kind,
            "raw": self.raw,
            "record": self.number,
            "time": self.time,
        }
        return _ENCODER.encode(data).encode("ascii")

    @classmethod
    def read(cls, line: bytes) -> Self:
        """Read a record in the one way that it is written.

        Raises:
            ValueError: it is none, or is written in another way.
        """
        try:
            data = json.loads(line.decode("ascii"))
            if not isinstance(data, dict) or data.keys() != _FIELDS:
                message = "other fields"
                raise ValueError(message)
            begin, end = data["raw"]
            numbers = (data["record"], data["time"], begin, end)
            if not all(type(n) is int and 0 <= n <= LARGEST for n in numbers):
                message = "a number is none"
                raise ValueError(message)
            found = cls(
                data["record"],
                data["before"],
                Kind(data["kind"]),
                data["body"],
                (begin, end),
                data["time"],
            )
            if not isinstance(found.body, dict) or found.line() != line:
                message = "written in another way"
                raise ValueError(message)
        except (TypeError, KeyError, RecursionError) as fault:
            raise ValueError(str(fault)) from fault
        return found


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True)
