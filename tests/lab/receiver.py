"""Who is told: a small receiver of webhooks on the monitoring host, and what has come to it."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.lab.town import Town, until

HOST, PORT = "city.monitoring", 9199
URL = f"http://127.0.0.1:{PORT}/"

_UNIT, _KEPT = "test-receiver", "/run/test-receiver.jsonl"

#: Runs on the host: writes down what is posted, and when.
_PROGRAM = f"""
import http.server, json, time
class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open("{_KEPT}", "a") as kept:
            kept.write(json.dumps({{"at": time.time(), "alerts": body["alerts"]}}) + "\\n")
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
http.server.ThreadingHTTPServer(("127.0.0.1", {PORT}), Receiver).serve_forever()
"""


@dataclass(frozen=True, slots=True)
class Told:
    """One alert as it came: when it came and when it began, both in seconds since 1970."""

    at: float
    began: float
    is_over: bool
    labels: Mapping[str, str]

    def is_of(self, labels: Mapping[str, str]) -> bool:
        """Tell whether it has these labels."""
        return all(self.labels.get(name) == value for name, value in labels.items())


@dataclass(frozen=True, slots=True)
class Receiver:
    """A receiver that runs."""

    town: Town

    def told(self, since: float = 0.0) -> list[Told]:
        """Give what has come of alerts that began after a moment."""
        lines = self.town.run(HOST, "cat", _KEPT).stdout.splitlines()
        return [each for line in lines for each in _told(json.loads(line)) if each.began >= since]

    def hears(
        self, since: float, labels: Mapping[str, str], *, is_over: bool = False
    ) -> Told | None:
        """Give the first that came of an alert; None where there is none."""
        found = (e for e in self.told(since) if e.is_over is is_over and e.is_of(labels))
        return next(found, None)

    def waits(
        self, since: float, seconds: float, labels: Mapping[str, str], *, is_over: bool = False
    ) -> Told:
        """Wait until an alert has come.

        Raises:
            AssertionError: it has not; with what has.
        """
        until(lambda: self.hears(since, labels, is_over=is_over) is not None, seconds)
        found = self.hears(since, labels, is_over=is_over)
        assert found, (labels, self.told(since))
        return found


def _told(body: Mapping[str, Any]) -> Iterator[Told]:
    for each in body["alerts"]:
        began = datetime.fromisoformat(each["startsAt"]).timestamp()
        yield Told(body["at"], began, each["status"] == "resolved", each["labels"])


@contextmanager
def receiving(town: Town) -> Iterator[Receiver]:
    """Have Alertmanager post to a receiver for a while; afterwards it is as it was."""
    run = ("systemd-run", "--quiet", f"--unit={_UNIT}", "python3", "-c", _PROGRAM)
    town.must(HOST, *run)
    webhook = ("-e", f"monitoring_webhook={URL}")
    try:
        set_up = town.playbook("monitoring", "--limit", HOST, *webhook)
        assert set_up.returncode == 0, set_up.stdout[-3000:]
        yield Receiver(town)
    finally:
        town.run(HOST, "systemctl", "stop", _UNIT)
        town.run(HOST, "rm", "-f", _KEPT)
        town.playbook("monitoring", "--limit", HOST)


def now() -> float:
    """Give the time; containers have the machine's clock."""
    return time.time()
