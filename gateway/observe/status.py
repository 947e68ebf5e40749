"""What the follower says: a file that everybody on the host may read.

It says when it was written by a clock that nobody sets, so that a follower
that was killed, or waits for a disk that does not answer, is not taken for
one that records.
"""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path

from gateway.observe.told import Source, told_by

STATUS_FILE = Path("/run/loushan-log/status.json")

#: How often it is written, and how old it may be; older is stale.
WRITE_SECONDS, LASTS_SECONDS = 1.0, 10.0


def write_status(file: Path, body: Mapping[str, object]) -> None:
    """Put the status in place, whole.

    Raises:
        OSError: it cannot be written.
    """
    new = file.with_name(f"{file.name}.new")
    text = json.dumps({**body, "written": time.monotonic()}, ensure_ascii=False, indent=2) + "\n"
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(text)
    new.replace(file)


def is_recording(file: Path = STATUS_FILE) -> bool:
    """Tell whether decisions are being recorded now; where that is not known, they are not."""
    body = told_by(Source("log", file, LASTS_SECONDS)).body
    return body is not None and body.get("recording") is True
