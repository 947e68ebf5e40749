"""A city of booted hosts, and what tests do with it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from gateway.policy.model import Address, Plan
from gateway.policy.plan import read_plan
from lab.hosts.blueprint import Host
from lab.hosts.describe import Described, described
from lab.hosts.machine import entering
from lab.hosts.pair import active
from lab.hosts.places import OWNER_VARIABLE, VARIABLE, Places
from lab.layout import HOST_INTERFACE, Layout, lay_out
from tests.lab.console import ask

ROOT = Path(__file__).resolve().parents[2]

#: A gateway is told things and answers within this.
PATIENCE_SECONDS = 30.0

#: What is waited for here may take so many times longer: the machine may have much else to do.
_BUSY = 4

#: Between two looks it rests: for longer than the look took, which costs a processor, but not long.
_LEAST_REST_SECONDS, _REST_FACTOR, _LONGEST_REST_SECONDS = 0.02, 2, 0.5

Done = subprocess.CompletedProcess[str]


def loushan(lab: str, *words: str, owner: int = 0) -> Done:
    """Run our command line for a lab."""
    environment = {**os.environ, VARIABLE: lab, OWNER_VARIABLE: str(owner)}
    command = [sys.executable, "-I", "-m", "gateway.cli", *words]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def until(what: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> bool:
    """Wait until something holds; tell whether it does."""
    end = time.monotonic() + seconds * _BUSY
    while (began := time.monotonic()) < end:
        if what():
            return True
        rest = _REST_FACTOR * (time.monotonic() - began)
        time.sleep(min(max(_LEAST_REST_SECONDS, rest), _LONGEST_REST_SECONDS))
    return what()


@dataclass(frozen=True)
class Town:
    """A city that stands, of booted hosts."""

    places: Places
    plan: Plan
    layout: Layout

    @property
    def described(self) -> Described:
        """What stands where."""
        return described(self.places)

    @property
    def gateways(self) -> tuple[str, ...]:
        """The hosts that are gateways of ours."""
        return tuple(h.name for h in self.hosts if h.role == "gateway")

    @property
    def hosts(self) -> tuple[Host, ...]:
        """Every host."""
        return self.described.blueprint.hosts

    def active(self, site: str) -> str:
        """Give the gateway of a site that others know; of a pair, the active one.

        While a pair changes places both or none are: that is over soon.
        """
        found: list[str] = []

        def is_one() -> bool:
            found[:] = active(self.places, self.plan, site)
            return len(found) == 1

        assert until(is_one), (site, found)
        return found[0]

    def namespace(self, host: str) -> str:
        """Give a host's namespace, by its name or its site's or its zone's."""
        return self.places.namespace(self.described.host(host).name)

    def ask(self, host: str) -> Any:  # noqa: ANN401 - testinfra ships no types
        """Give testinfra's questions to a host."""
        return ask(self.places, host)

    def run(self, host: str, *command: str, text: str = "", seconds: float = 120) -> Done:
        """Run a command at a host's console."""
        return subprocess.run(
            entering(self.places, host, command),
            input=text,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def must(self, host: str, *command: str, text: str = "") -> str:
        """Run a command at a host's console that must work, and give what it says."""
        done = self.run(host, *command, text=text)
        assert done.returncode == 0, f"{host}: {command}: {done.stdout}{done.stderr}"
        return done.stdout

    @contextmanager
    def without(self, host: str, *units: str) -> Iterator[None]:
        """Have services stand still at a host for a while."""
        self.must(host, "systemctl", "stop", *units)
        try:
            yield
        finally:
            self.must(host, "systemctl", "start", *units)

    def loushan(self, *words: str) -> Done:
        """Run our command line for this city."""
        return loushan(self.places.name, *words)

    def playbook(self, name: str, *words: str, arguments: Sequence[str] = ()) -> Done:
        """Run a playbook over this city."""
        command = [f"{Path(sys.executable).parent}/ansible-playbook", f"playbooks/{name}.yml"]
        return subprocess.run(
            [*command, "-i", "inventory/lab", *words, *arguments],
            cwd=ROOT,
            env={
                **os.environ,
                VARIABLE: self.places.name,
                "ANSIBLE_NOCOLOR": "1",
                "LC_ALL": "C.UTF-8",
            },
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    def status(self, gateway: str) -> dict[str, Any]:
        """Give what a gateway's agent says of itself; empty where it says nothing."""
        done = self.run(gateway, "loushan", "agent", "status", "--json")
        try:
            body: dict[str, Any] = json.loads(done.stdout)
        except ValueError:
            return {}
        return body

    def is_proven(self, gateway: str) -> bool:
        """Tell whether a gateway forwards, and holds what was signed, by its own proof."""
        status = self.status(gateway)
        return bool(status.get("proven")) and bool(status.get("forwarding"))

    def is_open(self, gateway: str) -> bool:
        """Tell whether requests pass at a gateway, by its own word."""
        return bool((self.status(gateway).get("gates") or {}).get("open"))

    def address(self, host: str, version: int) -> Address:
        """Give a host's own address: of a zone's host, a gateway, or a guest."""
        found = self.described.host(host)
        if found.role == "guest":
            lines = [line.split() for line in found.setup if line.startswith("address add")]
            words = [line[2].partition("/")[0] for line in lines]
            return next(a for a in map(ip_address, words) if a.version == version and _is_real(a))
        own = self.layout.nodes[found.node].addresses
        return next(a for a in own if a.version == version)

    def cable(self, host: str) -> tuple[str, str]:
        """Give the namespace of a zone's host or a guest, and its one interface."""
        return self.namespace(host), HOST_INTERFACE

    def journal(self, host: str, *words: str) -> str:
        """Give what a host has written in its journal."""
        self._catch_up(host)
        return self.must(host, "journalctl", "--no-pager", "--output=short-unix", *words)

    def cursor(self, host: str) -> str:
        """Give the place in a host's journal where it is now."""
        self._catch_up(host)
        said = self.must(host, "journalctl", "--no-pager", "--lines=0", "--show-cursor")
        return said.rpartition("-- cursor: ")[2].strip()

    def since(self, host: str, cursor: str, unit: str = "strongswan.service") -> str:
        """Give what a host's unit has written since a place in its journal."""
        self._catch_up(host)
        after = (f"--after-cursor={cursor}", "--no-pager", "--output=cat", f"--unit={unit}")
        return self.must(host, "journalctl", *after)

    def says(self, host: str, cursor: str, words: str, unit: str = "strongswan.service") -> bool:
        """Tell whether a host's unit writes some words, from a place in its journal on."""
        return until(lambda: words in self.since(host, cursor, unit), 10)

    def _catch_up(self, host: str) -> None:
        """Have a journal take in what was said to it: on a busy machine it is behind."""
        self.must(host, "journalctl", "--sync")


def _is_real(address: Address) -> bool:
    return not address.is_link_local


@contextmanager
def booted(letter: str, *words: str, sites: tuple[str, ...] = ()) -> Iterator[Town]:
    """Boot a city for this process, or some sites of it; gone when it is not wanted any more.

    The lab is told which process it is for, so that it goes also when that one is killed.
    """
    places = Places(f"{letter}{os.getpid()}")
    chosen = ("--sites", ",".join(sites)) if sites else ()
    try:
        up = loushan(places.name, "lab", "up", *chosen, *words, owner=os.getpid())
        assert up.returncode == 0, up.stderr
        plan = read_plan(places.plan)
        yield Town(places, plan, lay_out(plan, sites))
    finally:
        loushan(places.name, "lab", "down")


def provisioned(town: Town) -> Town:
    """Make gateways of what was booted, with the playbooks that make the real ones."""
    done = town.playbook("site")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return town
