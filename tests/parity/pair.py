"""Two gateways of a plan in virtual machines, with the line between them, and hosts of zones.

Each machine has a card for each port that its gateway has in the plan.  A zone
with a host has a segment inside the machine, with a second card that is the
host's: it stands in a network namespace of its own, which the gateway's
programs do not enter.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gateway.policy.lines import Line, lines_of
from gateway.policy.model import Address, Plan
from gateway.policy.names import gateway_host
from gateway.policy.plan import read_plan
from gateway.policy.wiring import halves, wirings
from lab.hosts.blueprint import draw
from lab.hosts.signing import make_authorities, sign_plan
from lab.layout import HOST_INTERFACE, Layout, lay_out
from tests.parity import virtual
from tests.parity.talk import CONSOLES_VARIABLE, Away, console, say

ROOT = Path(__file__).resolve().parents[2]

#: The hub, and the lower site, which begins.
HUB, SITE = "city", "suiyang"

#: The zones that have a host to send and to answer with.
HOSTED = ("city.business", "city.operations", "suiyang.business", "suiyang.office")

#: Emulated, a minute becomes many, and more where others keep the processors busy.
BOOT_SECONDS = 1200.0
COMMAND_SECONDS = 600.0
PLAYBOOK_SECONDS = 3600.0

_LOOK_SECONDS = 1.0

#: So much of a playbook's words is shown where it failed.
_LAST_CHARACTERS = 4000

Done = subprocess.CompletedProcess[str]


class TooLate(Exception):  # noqa: N818 - it says what happened
    """Something was not done in its time; carries the last words."""


@dataclass(frozen=True)
class Pair:
    """Two gateways that run, and what they were made of."""

    folder: Path
    plan: Plan
    layout: Layout
    tell: Callable[[str], None]

    def run(self, site: str, *command: str, text: str = "") -> Done:
        """Run a command at a gateway's console."""
        where = console(self.folder, gateway_host(site))
        done = say(where, command, text.encode(), seconds=COMMAND_SECONDS)
        out, err = (each.decode("utf-8", "replace") for each in (done.stdout, done.stderr))
        return Done(done.args, done.returncode, out, err)

    def must(self, site: str, *command: str, text: str = "") -> str:
        """Run a command at a gateway's console that must work, and give what it says."""
        done = self.run(site, *command, text=text)
        assert done.returncode == 0, f"{site}: {command}: {done.stdout}{done.stderr}"
        return done.stdout

    def host(self, zone: str, *command: str, text: str = "") -> Done:
        """Run a command at a zone's host."""
        site, _, name = zone.partition(".")
        return self.run(site, "ip", "netns", "exec", name, *command, text=text)

    def address(self, node: str, version: int) -> Address:
        """Give the address of a zone's host, or of a site's gateway."""
        return next(a for a in self.layout.nodes[node].addresses if a.version == version)

    def line(self, site: str) -> Line:
        """Give the line between the two, seen from one."""
        return next(x for x in lines_of(self.plan, site) if x.neighbour == other(site))

    @property
    def dump(self) -> Path:
        """What was on the line between the two, in the format of libpcap."""
        return self.folder / "line.pcap"

    def status(self, site: str) -> dict[str, Any]:
        """Give what a gateway says of its links with the other."""
        said = self.run(site, "loushan", "link", "status", "--json").stdout
        found = {link["name"]: link for link in json.loads(said)["links"]}
        return dict(found[other(site)])

    def revoke(self, site: str) -> None:
        """Revoke what is certified for a gateway."""
        words = ["pki", "revoke", str(self.folder / "authorities"), gateway_host(site)]
        command = [sys.executable, "-I", "-m", "gateway.cli", *words]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)

    def playbook(self, name: str) -> Done:
        """Run one of the product's playbooks over both gateways, at once; say how far it is.

        Each has a run of its own: emulated, one would wait long for the other.

        Raises:
            TooLate: it was not done in its time; carries its last words.
        """
        runs = {site: self._play(name, site) for site in (HUB, SITE)}
        told, end = dict.fromkeys(runs, 0), time.monotonic() + PLAYBOOK_SECONDS
        try:
            while any(run.poll() is None for run in runs.values()):
                time.sleep(_LOOK_SECONDS)
                for site in runs:
                    lines = self._log(name, site).read_text("utf-8", "replace").splitlines()
                    for line in lines[told[site] :]:
                        if line.startswith("TASK ["):
                            self.tell(f"{gateway_host(site)}: {line[6:].rpartition(']')[0]}")
                    told[site] = len(lines)
                if time.monotonic() > end:
                    raise TooLate(name, self._said(name))
        finally:
            for run in runs.values():
                run.kill()
                run.wait()
        status = max(abs(run.returncode) for run in runs.values())
        return Done(name, status, self._said(name), "")

    def _play(self, name: str, site: str) -> "subprocess.Popen[bytes]":
        command = [f"{Path(sys.executable).parent}/ansible-playbook", f"playbooks/{name}.yml"]
        where = ["-i", str(self.folder / "inventory"), "--limit", gateway_host(site)]
        with self._log(name, site).open("wb") as file:
            return subprocess.Popen(
                [*command, *where],
                cwd=ROOT,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )

    def _log(self, name: str, site: str) -> Path:
        return self.folder / f"{name}-{site}.log"

    def _said(self, name: str) -> str:
        logs = (self._log(name, site).read_text("utf-8", "replace") for site in (HUB, SITE))
        return "\n".join(log[-_LAST_CHARACTERS:] for log in logs)

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_CONNECTION_PLUGINS": str(Path(__file__).parent),
            CONSOLES_VARIABLE: str(self.folder),
            # Ansible reads nothing where the locale is not one of UTF-8.
            "LC_ALL": "C.UTF-8",
        }


def other(site: str) -> str:
    """Give the site at the other end."""
    return SITE if site == HUB else HUB


@contextmanager
def running(folder: Path, tree: Path, tell: Callable[[str], None]) -> Iterator[Pair]:
    """Have both machines run for a while, booted from an image's tree.

    Raises:
        TooLate: one did not come up in time; carries what was on its screen last.
    """
    plan = _prepare(folder)
    pair = Pair(folder, plan, lay_out(plan, (HUB, SITE)), tell)
    tell("making a file system of the image")
    disk = virtual.make_disk(tree, folder)
    tell(f"booting two machines from {disk.kernel.name} by software alone; it takes minutes")
    machines = {
        site: virtual.start(folder, gateway_host(site), disk, cards)
        for site, cards in _cards(pair).items()
    }
    try:
        for site, machine in machines.items():
            _await(pair, site, machine)
        _plug_in_hosts(pair)
        yield pair
    finally:
        for machine in machines.values():
            machine.kill()
            machine.wait()


def _prepare(folder: Path) -> Plan:
    """Have a plan signed, authorities made, and an inventory written that says who encrypts."""
    sign_plan(ROOT / "policy" / "lab", folder / "plan", folder / "signers")
    plan = read_plan(folder / "plan")
    make_authorities(folder / "authorities", plan.name)
    inventory = folder / "inventory"
    inventory.mkdir()
    about = {
        "plugin": "plan",
        "plan": "../plan",
        "trust": "../signers",
        "authority": "../authorities",
        "connection": "console",
        "link_engine": "kernel",
    }
    (inventory / "plan.yml").write_text(yaml.safe_dump(about), "utf-8")
    machines = {gateway_host(site): {"ports": _ports(plan, site)} for site in (HUB, SITE)}
    (inventory / "machines.yml").write_text(yaml.safe_dump(machines), "utf-8")
    return plan


def _ports(plan: Plan, site: str) -> dict[str, str]:
    """Give each port of a gateway the address of a card."""
    wiring = wirings(plan)[site]
    # Of two gateways of a site this is the first; the second has no power.
    first = next((half.wiring for half in halves(plan, wiring)), wiring)
    ports = [i.name for i in first.interfaces if i.is_port]
    return {name: _mac(site, 0, number) for number, name in enumerate(ports)}


def _mac(site: str, whose: int, number: int) -> str:
    return f"52:54:00:{(HUB, SITE).index(site):02x}:{whose:02x}:{number:02x}"


def _hosts(site: str) -> Mapping[str, str]:
    """Give the zones of a site that have a host, with the address of its card."""
    names = [zone.partition(".")[2] for zone in HOSTED if zone.startswith(f"{site}.")]
    return {name: _mac(site, 1, number) for number, name in enumerate(names)}


def _cards(pair: Pair) -> Mapping[str, Sequence[virtual.Card]]:
    return {site: list(_cards_of(pair, site)) for site in (HUB, SITE)}


def _cards_of(pair: Pair, site: str) -> Iterator[virtual.Card]:
    hosts = _hosts(site)
    own, far = (pair.folder / f"{each}.line" for each in (site, other(site)))
    for name, mac in _ports(pair.plan, site).items():
        if name == pair.line(site).interface:
            dump = pair.dump if site == HUB else None
            yield virtual.Card(mac, virtual.line("line", own, far, dump))
        elif name in hosts:
            yield virtual.Card(mac, virtual.segment(f"{name}-gateway", list(hosts).index(name)))
        else:
            yield virtual.Card(mac)
    for number, (name, mac) in enumerate(hosts.items()):
        yield virtual.Card(mac, virtual.segment(f"{name}-host", number))


def _await(pair: Pair, site: str, machine: "subprocess.Popen[bytes]") -> None:
    """Wait until a machine has booted."""
    host, end = gateway_host(site), time.monotonic() + BOOT_SECONDS
    while time.monotonic() < end and machine.poll() is None:
        try:
            done = say(
                console(pair.folder, host),
                ["systemctl", "is-system-running", "--wait"],
                seconds=end - time.monotonic(),
            )
        except Away:
            time.sleep(_LOOK_SECONDS)
            continue
        pair.tell(f"{host} is up: {done.stdout.decode().strip()}")
        return
    words = [pair.folder / f"{host}.{kind}" for kind in ("log", "screen")]
    last = "\n".join(w.read_text("utf-8", "replace")[-2000:] for w in words if w.exists())
    raise TooLate(host, last)


def _plug_in_hosts(pair: Pair) -> None:
    """Set the hosts of the zones as their departments would."""
    drawn = {host.node: host for host in draw(pair.layout).hosts}
    for site in (HUB, SITE):
        shown = json.loads(pair.must(site, "ip", "-json", "link", "show"))
        cards = {card["address"]: card["ifname"] for card in shown}
        for name, mac in _hosts(site).items():
            lines = [
                f"netns add {name}",
                f"link set {cards[mac]} netns {name} name {HOST_INTERFACE}",
            ]
            pair.must(site, "ip", "-batch", "-", text="\n".join([*lines, ""]))
            setup = "\n".join([*drawn[f"{site}.{name}"].setup, ""])
            pair.must(site, "ip", "-n", name, "-batch", "-", text=setup)


def free_bytes(folder: Path) -> int:
    """Give how much room there is in a folder's file system."""
    return shutil.disk_usage(folder).free
