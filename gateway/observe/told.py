"""What services on this host have written of themselves: read whole and fresh, or not at all.

Each says when it wrote by a clock that nobody sets, so that what a dead one
wrote last is not taken for what is.
"""

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: What is asked of the kernel and of strongSwan; see `gateway/agent/gather.py`.
GATHERED_FILE = Path("/run/loushan-gather/told.json")

#: How often that is written; older by this factor is stale.
GATHER_SECONDS, STALE_FACTOR = 5.0, 4

#: Nobody writes more; of what is longer the end is missing, so it cannot be read.
LARGEST_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Source:
    """Who writes what, and for how long it counts."""

    name: str
    file: Path
    lasts_seconds: float


@dataclass(frozen=True, slots=True)
class Told:
    """What was read; `body` is None where it is missing, damaged or stale.

    `age_seconds` is None where nobody can say it.
    """

    body: Mapping[str, Any] | None
    age_seconds: float | None


def told_by(source: Source) -> Told:
    """Read what a source has written last."""
    try:
        with source.file.open("rb") as opened:
            body = json.loads(opened.read(LARGEST_BYTES))
        age = time.monotonic() - float(body["written"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return Told(None, None)
    if not isinstance(body, dict) or not math.isfinite(age):
        return Told(None, None)
    return Told(body if 0 <= age <= source.lasts_seconds else None, age)
