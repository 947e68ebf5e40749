"""What the services of a gateway have written, by their own code, and the metrics made of it."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from gateway.agent.status import Status, write_status
from gateway.observe import status as log_status
from gateway.observe.exporter import Files, GatewayCollector, text_of
from tests.decision_logs import Site, line, lines, refusal

#: A proven gateway of a pair, with gates, that has repaired itself once.
AGENT: dict[str, Any] = {
    "in_force": {"plan": "lab", "revision": 7, "digest": "ab" * 32},
    "since": "2026-11-20T00:00:00+00:00",
    "until": "2027-01-01T00:00:00+00:00",
    "proven": True,
    "proved_at": "2026-11-26T00:00:00+00:00",
    "drift_count": 1,
    "repair_count": 1,
    "gates": {"open": True, "problems": []},
    "forwarding": True,
    "prove_seconds": 0.8,
    "prove_every_seconds": 60,
}

_REASONS = (
    "no_policy",
    "invalid_state",
    "untracked",
    "unexpected_source",
    "no_conduit",
    "wrong_exit",
)

GATHERED: dict[str, Any] = {
    "links": [
        {"name": "city", "up": True, "since": 100, "in": 11, "out": 12},
        {"name": "yangchuan", "up": False, "since": 0, "in": 0, "out": 0},
    ],
    "refused": {reason: [number, 60 * number] for number, reason in enumerate(_REASONS)},
    "active": True,
    "forwarded": 5.0,
    "files": [6.0, 0],
    "backup": 5.0,
    "certificates": [{"name": "gateway", "life": [1.0, 2.0]}],
    "revocations": [{"authority": "links", "of": "links", "life": [3.0, 4.0]}],
}

Values = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@dataclass(frozen=True, slots=True)
class Written:
    """The files of a gateway whose services are all well."""

    folder: Path

    @property
    def files(self) -> Files:
        """Where they are."""
        names = ("agent.json", "log/status.json", "told.json", "log.toml")
        return Files(*(self.folder / name for name in names))

    def all(self) -> "Written":
        """Write everything, as each service does."""
        self.agent()
        self.gatherer()
        self.log()
        return self

    def agent(self, **changes: object) -> None:
        """Write what the agent says."""
        body = Status("suiyang", **{**AGENT, **changes}).as_json()
        write_status(self.files.agent, body)

    def gatherer(self, **changes: object) -> None:
        """Write what was gathered."""
        log_status.write_status(self.files.gathered, {**GATHERED, **changes})

    def log(self) -> None:
        """Have a follower take four decisions, two of them refusals, and say so."""
        (self.folder / "log").mkdir(exist_ok=True)
        self.files.log_settings.touch()
        site = Site(self.folder / "log")
        site.take(lines(1, 2) + line(refusal(3)) + line(refusal(4, "revoked")) + b"?\n")

    def older(self, file: Path, seconds: float) -> None:
        """Have a file say that it was written so long ago; everything else stays."""
        self.change(file, lambda body: body.update(written=time.monotonic() - seconds))

    def change(self, file: Path, change: Callable[[dict[str, Any]], object]) -> None:
        """Change what a file says."""
        body = json.loads(file.read_text("utf-8"))
        change(body)
        file.write_text(json.dumps(body), "utf-8")

    @property
    def text(self) -> str:
        """What Prometheus would read."""
        return text_of(GatewayCollector("city", self.files)).decode()

    @property
    def values(self) -> Values:
        """Each value, by its name and its labels."""
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(self.text)
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float | None:
        """Give one value; None where there is none."""
        return self.values.get((name, tuple(sorted(labels.items()))))
