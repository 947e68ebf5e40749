"""Debian's Alertmanager, run with the configuration that role `monitoring` fills in."""

import json
import os
import subprocess
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jinja2

from tests.monitoring.alert_cases import Labels
from tests.monitoring.watchers import PATIENCE_SECONDS, free_port, until
from tests.repo.tree import ROOT

#: Nobody listens there.
NOWHERE = "http://127.0.0.1:9/"

_TEMPLATE = ROOT / "monitoring" / "alertmanager.yml.j2"


def filled_in(*, webhook: str, alive: str, local: str, mail: Mapping[str, str]) -> str:
    """Fill the template in as the role does."""
    strict = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701 - YAML
    template = strict.from_string(_TEMPLATE.read_text("utf-8"))
    return template.render(
        monitoring_webhook=webhook,
        monitoring_alive=alive,
        monitoring_local=local,
        monitoring_mail=mail,
    )


@dataclass(frozen=True, slots=True)
class Alertmanager:
    """A running one."""

    url: str

    def ask(self, what: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """Ask its API."""
        content = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        asked = urllib.request.Request(f"{self.url}/{what}", content, headers)  # noqa: S310 - ours
        with urllib.request.urlopen(asked, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310 - ours
            return json.loads(answer.read() or b"null")

    def is_ready(self) -> bool:
        """Tell whether it answers."""
        with suppress(OSError):
            return bool(self.ask("status"))
        return False

    @contextmanager
    def firing(
        self, alerts: Iterable[Labels], annotations: Mapping[str, str] | None = None
    ) -> Iterator[None]:
        """Have alerts fire together; afterwards they are over."""
        now = datetime.now(UTC)
        begun, until = now.isoformat(), (now + timedelta(hours=1)).isoformat()
        said = {"annotations": annotations or {}, "startsAt": begun}
        alerts = [*alerts]
        self.ask("alerts", [{"labels": each, "endsAt": until, **said} for each in alerts])
        try:
            yield
        finally:
            self.ask("alerts", [{"labels": each, "endsAt": begun, **said} for each in alerts])

    def told(self) -> set[frozenset[tuple[str, str]]]:
        """Give the alerts that are told, and not left out because of another one."""
        return {as_set(each["labels"]) for each in self.ask("alerts?inhibited=false")}


def as_set(labels: Labels) -> frozenset[tuple[str, str]]:
    """Give labels as what can be compared, whatever their order."""
    return frozenset(labels.items())


@contextmanager
def running(configuration: Path, trusted: Path | None = None) -> Iterator[Alertmanager]:
    """Run it; `trusted` are the authorities that it believes in place of the machine's."""
    port = free_port()
    options = {
        "config.file": configuration,
        "storage.path": configuration.parent / "data",
        "web.listen-address": f"127.0.0.1:{port}",
        "cluster.listen-address": "",
    }
    words = [f"--{name}={value}" for name, value in options.items()]
    environment = {**os.environ, **({"SSL_CERT_FILE": str(trusted)} if trusted else {})}
    with (configuration.parent / "said").open("wb") as said:
        process = subprocess.Popen(
            ["prometheus-alertmanager", *words], stdout=said, stderr=said, env=environment
        )
    try:
        started = Alertmanager(f"http://127.0.0.1:{port}/api/v2")
        assert until(started.is_ready)
        yield started
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)
