"""Evidence comes from the running hosts: each row passes by its control, and fails without it.

Rows of the role `hardening`, of duties and of updates are tried in
`test_lab_hardening.py`, where playbooks take their controls away.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from gateway.evidence.judge import Outcome
from lab.hosts.places import VARIABLE
from tests.lab.evidence import ROW, Asked, asked
from tests.lab.town import ROOT, Town

pytestmark = pytest.mark.lab

GATEWAY, CITY = "suiyang-gw", "city"

#: Tried where playbooks take their controls away, or bring them.
ELSEWHERE = {row.name for row in ROW.values() if row.setting} - {"journal_kept"} | {
    "duty_audit", "duty_security", "duty_system", "history_kept",
}  # fmt: skip

_SSHD = "/etc/ssh/sshd_config.d/00-a.conf"
_CLOCK = "/etc/chrony/chrony.conf"
_KEPT = "/etc/systemd/journald.conf.d/99-a.conf"
_WALL = "/run/systemd/system/loushan-agent.service.d/a.conf"
_NO_WALL = (
    "[Service]\\nUser=root\\nNoNewPrivileges=no\\nProtectSystem=no\\nProtectHome=no\\n"
    "PrivateDevices=no\\nPrivateTmp=no\\nRestrictNamespaces=no\\nSystemCallFilter=\\n"
    "CapabilityBoundingSet=~\\nRestrictAddressFamilies=\\nIPAddressDeny=\\n"
)
_LOG = "log=$(ls /var/lib/loushan-log/decisions/*.jsonl | head -n 1)"
_AGENT = "systemctl {} loushan-agent.socket loushan-agent.service"


@dataclass(frozen=True, slots=True)
class Removal:
    """How a control is taken away on a running host, and put back; `at` is a host or a site."""

    take: str
    put_back: str
    at: str = GATEWAY


REMOVALS: dict[str, Removal] = {
    "accounts": Removal("useradd --shell /bin/bash stranger", "userdel stranger"),
    "as_packaged": Removal(
        "cp -a /usr/bin/tcpdump /root/a && echo >>/usr/bin/tcpdump", "mv /root/a /usr/bin/tcpdump"
    ),
    "credentials": Removal(
        "mv /etc/swanctl/x509crl/links.crl /root/a", "mv /root/a /etc/swanctl/x509crl/links.crl"
    ),
    "decision_log": Removal(
        f"{_LOG}; dd if=$log of=/root/a bs=1 skip=20 count=1;"
        " printf X | dd of=$log bs=1 seek=20 conv=notrunc",
        f"{_LOG}; dd if=/root/a of=$log bs=1 seek=20 conv=notrunc",
        CITY,
    ),
    "default_drop": Removal(
        f"{_AGENT.format('stop')}; nft 'chain inet loushan forward {{ policy accept; }}'",
        _AGENT.format("start"),
    ),
    "flow_states": Removal(
        f"{_AGENT.format('stop')}; nft flush chain inet loushan input", _AGENT.format("start")
    ),
    "gates_judge": Removal(
        "systemctl stop loushan-log.service", "systemctl start loushan-log.service", CITY
    ),
    "gates_mutual_tls": Removal(
        "systemctl stop loushan-proxy.service", "systemctl start loushan-proxy.service", CITY
    ),
    "integrity_watched": Removal(
        "systemctl disable --now loushan-files.timer", "systemctl enable --now loushan-files.timer"
    ),
    "interfaces": Removal("ip link add wlan0 type veth peer name a", "ip link delete wlan0"),
    "journal_forwarded": Removal(
        "systemctl stop loushan-forward.service", "systemctl start loushan-forward.service"
    ),
    "journal_kept": Removal(
        f"printf '[Journal]\\nMaxRetentionSec=7day\\n' >{_KEPT}", f"rm {_KEPT}"
    ),
    "links_encrypted": Removal(
        "systemctl stop strongswan.service", "systemctl start strongswan.service"
    ),
    "listening": Removal(
        "systemd-run --quiet --unit=stranger nc -lk 7777", "systemctl stop stranger.service"
    ),
    "monitored": Removal(
        "systemctl stop loushan-metrics.socket loushan-metrics.service",
        "systemctl start loushan-metrics.socket",
    ),
    "nobody_all": Removal(
        "echo 'games ALL=(ALL:ALL) NOPASSWD: ALL' >/etc/sudoers.d/99-a", "rm /etc/sudoers.d/99-a"
    ),
    "pair": Removal(
        "systemctl stop keepalived.service", "systemctl start keepalived.service", "standby"
    ),
    "policy_proven": Removal(_AGENT.format("stop"), _AGENT.format("start")),
    "refusals_recorded": Removal("systemctl stop ulogd2.service", "systemctl start ulogd2.service"),
    "ssh_certificates": Removal(f"echo PasswordAuthentication yes >{_SSHD}", f"rm {_SSHD}"),
    "ssh_sessions": Removal(f"echo ClientAliveInterval 0 >{_SSHD}", f"rm {_SSHD}"),
    "time_authenticated": Removal(
        f"cp -a {_CLOCK} /root/a && sed -i 's/ nts\\b//' {_CLOCK}"
        " && systemctl restart chrony.service",
        f"mv /root/a {_CLOCK} && systemctl restart chrony.service",
    ),
    "time_kept": Removal("systemctl stop chrony.service", "systemctl start chrony.service"),
    "walled_in": Removal(
        f"mkdir -p {_WALL.rpartition('/')[0]} && printf '{_NO_WALL}' >{_WALL}"
        " && systemctl daemon-reload",
        f"rm {_WALL} && systemctl daemon-reload",
    ),
}


@pytest.fixture(scope="module")
def evidence(town: Town) -> Asked:
    """Ask the county's gateway and both of the city's, by the playbook."""
    return asked(town, f"{GATEWAY},city-gw,city-gw-2")


def host_of(town: Town, at: str) -> str:
    """Give a host: as it is called, the active one of the city's pair, or the other."""
    if at not in {CITY, "standby"}:
        return at
    active = town.active(CITY)
    other = {"city-gw": "city-gw-2", "city-gw-2": "city-gw"}[active]
    return active if at == CITY else other


def test_no_row_is_left_untried() -> None:
    """A new one comes with how its control is taken away."""
    assert REMOVALS.keys() | ELSEWHERE == ROW.keys()


@pytest.mark.parametrize("row", sorted(REMOVALS))
def test_a_row_passes_by_its_control_and_fails_without_it(evidence: Asked, row: str) -> None:
    """On the running host: before, while it is taken away, and when it is back."""
    removal = REMOVALS[row]
    host = host_of(evidence.town, removal.at)
    assert evidence.becomes(host, row, Outcome.PASS), evidence.judged(host, row).why.en

    try:
        evidence.town.must(host, "sh", "-c", removal.take)
        fails = evidence.becomes(host, row, Outcome.FAIL)
    finally:
        evidence.town.must(host, "sh", "-c", removal.put_back)

    assert fails
    assert evidence.becomes(host, row, Outcome.PASS), evidence.judged(host, row).why.en


def ask(town: Town, **environment: str) -> tuple[int, dict[str, Any]]:
    """Ask for the evidence of the county's gateway as people do, as JSON."""
    command = [sys.executable, "-I", "-m", "gateway.cli", "evidence", "--limit", GATEWAY, "--json"]
    told = {**os.environ, VARIABLE: town.places.name, **environment}
    done = subprocess.run(command, cwd=ROOT, env=told, capture_output=True, text=True, check=False)
    return done.returncode, json.loads(done.stdout)


def test_people_ask_for_all_of_it_in_one_command(town: Town) -> None:
    """Each row with what was asked, the answer and the time; what fails is in the exit status."""
    status, body = ask(town)

    rows = {each["row"]: each for each in body["rows"]}
    assert rows.keys() == ROW.keys()
    assert rows["policy_proven"]["outcome"] == "pass"
    assert body["plan"]["digest"] in rows["policy_proven"]["rests_upon"]
    assert all(each["at"] for each in rows.values() if each["outcome"] != "not_applicable")
    assert status == 1


def test_a_host_that_is_away_fails_every_row(town: Town) -> None:
    """It is asked for by the inventory, and is not left out of the table."""
    status, body = ask(town, LOUSHAN_CONSOLE_LEADER=str(1 << 30))

    outcomes = {each["outcome"] for each in body["rows"]}
    assert outcomes == {"fail", "not_applicable"}
    assert all("not reached" in e["why"]["en"] for e in body["rows"] if e["outcome"] == "fail")
    assert status == 1
