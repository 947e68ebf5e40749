"""Evidence of a city of booted hosts: all of it as people ask for it, and one row at a time."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.agent.signed import read_delivered, verified
from gateway.cli.evidence_ask import ask_hosts
from gateway.evidence.hosts_asked import Answer, AskedHost, Command
from gateway.evidence.judge import Judged, judge
from gateway.evidence.rows import ROWS
from gateway.policy.signers import load_trust
from lab.hosts.places import VARIABLE
from tests.lab.town import ROOT, Town, until

ROW = {row.name: row for row in ROWS}


@dataclass(frozen=True, slots=True)
class Asked:
    """Hosts as the inventory has them and as they answered, and the city in which they are."""

    town: Town
    hosts: Mapping[str, AskedHost]

    def judged(self, host: str, row: str) -> Judged:
        """Ask a host one row now, at its console, and judge that."""
        known = self.hosts[host]
        answers = {command: self._answer(host, command) for command in ROW[row].ask(known)}
        return judge(ROW[row], replace(known, answers=answers), {})

    def becomes(self, host: str, row: str, outcome: str) -> bool:
        """Wait until a row has an outcome; what watches a host takes its time."""
        return until(lambda: self.judged(host, row).outcome == outcome)

    def _answer(self, host: str, command: Command) -> Answer:
        try:
            done = self.town.run(host, *command)
        except FileNotFoundError as fault:
            return Answer(command, 127, "", str(fault), "")
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return Answer(command, done.returncode, done.stdout, done.stderr, now)


def asked(town: Town, limit: str, plan: Path | None = None) -> Asked:
    """Ask hosts of the lab everything, by the playbook; the plan is another than the lab's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, town.places.name)
        if plan is not None:
            patch.setenv("LOUSHAN_PLAN", str(plan))
        hosts = ask_hosts(ROOT / "inventory/lab", limit, lambda _host: None)
    digest = _digest(next(host for host in hosts if host.plan))
    return Asked(town, {host.name: replace(host, signed=digest) for host in hosts})


def _digest(host: AskedHost) -> str:
    signed = verified(
        read_delivered(Path(host.plan)), load_trust(Path(host.trust)), datetime.now(UTC)
    )
    return signed.stamp.digest
