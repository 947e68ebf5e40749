"""What the agent says about its gateway: a file that everybody on the host may read.

It says when it was written by a clock that nobody sets, so that what a dead
agent once wrote is not taken for what is.
"""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.errors import Refused, Where, problem

STATUS_FILE = Path("/run/loushan/status.json")

#: How often the agent writes it, whether anything changed or not; older by this factor is stale.
WRITE_SECONDS, STALE_FACTOR = 10.0, 4


@dataclass(slots=True)
class Status:
    """The status as it is gathered."""

    gateway: str
    in_force: Mapping[str, object] | None = None
    since: str | None = None
    until: str | None = None
    proven: bool = False
    proved_at: str | None = None
    findings: list[dict[str, object]] = field(default_factory=list)
    drift_count: int = 0
    drift_last: Mapping[str, object] | None = None
    repair_count: int = 0
    probation: Mapping[str, object] | None = None
    gates: Mapping[str, object] | None = None
    forwarding: bool = False
    closed: bool = False
    latched: bool = False
    doing: str = ""
    prove_seconds: float = 0.0
    prove_every_seconds: int = 0

    def as_json(self) -> dict[str, object]:
        """Give the same for a machine."""
        return {
            "gateway": self.gateway,
            "in_force": self.in_force,
            "since": self.since,
            "until": self.until,
            "proven": self.proven,
            "proved_at": self.proved_at,
            "findings": self.findings,
            "drift": {"count": self.drift_count, "last": self.drift_last},
            "repairs": self.repair_count,
            "probation": self.probation,
            "gates": self.gates,
            "forwarding": self.forwarding,
            "closed": self.closed,
            "opens_by_operator_only": self.latched,
            "doing": self.doing,
            "prove_seconds": round(self.prove_seconds, 3),
            "prove_every_seconds": self.prove_every_seconds,
            "written": time.monotonic(),
        }


def write_status(file: Path, body: Mapping[str, object]) -> None:
    """Put the status in place, whole.

    Raises:
        OSError: it cannot be written.
    """
    file = file.resolve()  # the name that readers know is a link into the agent's folder
    new = file.with_name(f"{file.name}.new")
    text = json.dumps(body, ensure_ascii=False, indent=2) + "\n"
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as opened:
        opened.write(text)
    new.replace(file)


def read_status(file: Path = STATUS_FILE) -> dict[str, Any]:
    """Read the status; a stale one says that nothing is proven.

    Raises:
        Refused: ZG819, there is none or it cannot be understood.
    """
    try:
        body: dict[str, Any] = json.loads(file.read_text("utf-8"))
        age = time.monotonic() - float(body["written"])
    except (OSError, ValueError, KeyError, TypeError) as fault:
        error = f"{type(fault).__name__}: {fault}"
        raise Refused(problem("ZG819", Where(str(file)), error=error)) from fault
    if not 0 <= age <= WRITE_SECONDS * STALE_FACTOR:
        body["proven"] = False
        body["findings"] = [problem("ZG820", seconds=int(age)).as_json()]
    return body
