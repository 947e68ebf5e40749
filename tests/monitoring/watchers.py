"""Debian's Prometheus and Alertmanager, run for a test on the loopback."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.observe.city.asking import Asked
from tests.monitoring.promtool import RULES

PATIENCE_SECONDS = 60

#: Rules are evaluated every second here: what they say is the same, and nobody waits for it.
_USUALLY, _HERE = "interval: 5s", "interval: 1s"

#: Who is told does not matter here.
_ROUTES = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"


@dataclass(frozen=True, slots=True)
class Watchers:
    """Both of them; `targets` is whom Prometheus asks, by the path of each one's metrics."""

    asked: Asked
    targets_file: Path
    prometheus: subprocess.Popen[bytes]

    def watch(self, server: str, gateways: Mapping[str, Mapping[str, str]]) -> None:
        """Have gateways asked, each at its path on a server, with its labels."""
        body = [
            {"targets": [server], "labels": {**labels, "__metrics_path__": f"/{host}"}}
            for host, labels in gateways.items()
        ]
        new = self.targets_file.with_suffix(".new")
        new.write_text(json.dumps(body), "utf-8")
        new.replace(self.targets_file)


@contextmanager
def watchers(folder: Path) -> Iterator[Watchers]:
    """Run them until the block ends, with our rules."""
    for rules in RULES:
        text = rules.read_text("utf-8").replace(_USUALLY, _HERE)
        (folder / rules.name).write_text(text, "utf-8")
    (folder / "targets.json").write_text("[]", "utf-8")
    (folder / "alertmanager.yml").write_text(_ROUTES, "utf-8")
    ours, theirs = free_port(), free_port()
    configuration = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["*.rules.yml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{theirs}"]}]}]},
        "scrape_configs": [
            {
                "job_name": "loushan",
                "file_sd_configs": [{"files": ["targets.json"], "refresh_interval": "1s"}],
            }
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(configuration), "utf-8")
    with ExitStack() as stack:
        stack.enter_context(
            running(
                folder,
                "prometheus-alertmanager",
                ("--config.file=alertmanager.yml", "--storage.path=silences"),
                (f"--web.listen-address=127.0.0.1:{theirs}", "--cluster.listen-address="),
            )
        )
        process = stack.enter_context(
            running(
                folder,
                "prometheus",
                ("--config.file=prometheus.yml", "--storage.tsdb.path=values"),
                (f"--web.listen-address=127.0.0.1:{ours}", "--log.level=warn"),
                # What fires before Alertmanager is found is told once more in a minute.
                ("--rules.alert.resend-delay=1s",),
            )
        )
        asked = Asked(f"http://127.0.0.1:{ours}", f"http://127.0.0.1:{theirs}")
        yield Watchers(asked, folder / "targets.json", process)


@contextmanager
def running(
    folder: Path, program: str, *options: Iterable[str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in a folder until the block ends."""
    words = [word for each in options for word in each]
    with (folder / f"{program}.log").open("wb") as said:
        process = subprocess.Popen(
            [program, *words],
            cwd=folder,
            stdout=said,
            stderr=said,
            # One thread for each of the machine's processors would only stand in others' way.
            env={**os.environ, "GOMAXPROCS": "1"},
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def free_port() -> int:
    """Give a port that nobody has now."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def until(what: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> bool:
    """Wait until something holds; tell whether it does."""
    end = time.monotonic() + seconds
    while not what() and time.monotonic() < end:
        time.sleep(0.1)
    return what()
