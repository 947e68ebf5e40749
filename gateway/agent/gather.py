"""Gathers what only a privileged service may ask, for who serves metrics and may ask nothing.

It asks the kernel what was refused and strongSwan how the links are, reads how
long certificates and lists last, and writes it all into one file, whole.  It
takes nothing from anybody and is on no network.
"""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from gateway.agent.credentials import Life, life_of_certificate, life_of_list
from gateway.agent.links import LinkState, link_states
from gateway.agent.systemd import notify, programs
from gateway.artefacts import TABLE
from gateway.errors import Refused
from gateway.journal import journal
from gateway.load import nft
from gateway.load.gate_lists import AUTHORITIES
from gateway.load.revocations import CREDENTIALS
from gateway.observe.exporter_settings import CERTIFICATE_FILE
from gateway.observe.status import write_status
from gateway.observe.told import GATHER_SECONDS, GATHERED_FILE
from gateway.policy.reasons import GATEWAY_REFUSALS
from gateway.policy.wiring import NEAR_END
from gateway.vici import SOCKET

_UNREADABLE = (0.0, 0.0)

#: How often something is said in the journal, so that the log host always has something to take.
MARK_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Places:
    """Where a gateway has what is read here."""

    daemon: Path = SOCKET
    credentials: Path = CREDENTIALS
    own: Path = CERTIFICATE_FILE
    proxy: Path = Path("/etc/loushan/proxy")
    pair: Path = Path("/etc/keepalived/shared")
    addresses: Path = Path("/proc/self/net/if_inet6")
    forward: Path = Path("/etc/loushan/forward")
    forwarded: Path = Path("/var/lib/loushan-forward/state")
    files: Path = Path("/var/lib/loushan-files/status.json")
    kept: Path = Path("/var/lib/loushan-history/kept.json")
    installed: Path = Path("/etc/machine-id")


def gathered(places: Places, now: float) -> dict[str, object]:
    """Give everything; what cannot be asked is None."""
    return {
        "links": _links(places, now),
        "refused": refused(),
        "active": is_active(places),
        "forwarded": forwarded(places),
        "files": files(places),
        "backup": backup(places),
        "certificates": [
            {"name": name, "life": _seconds(life_of_certificate(file))}
            for name, file in _certificates(places)
        ],
        "revocations": [
            {"authority": authority, "of": of, "life": _seconds(life_of_list(file))}
            for authority, of, file in _lists(places)
        ],
    }


def refused() -> dict[str, tuple[int, int]] | None:
    """Give how many packets and bytes the ruleset has refused, by reason."""
    try:
        told = nft.list_json("counters", "table", "inet", TABLE) or []
    except Refused:
        return None
    counters = {each["counter"]["name"]: each["counter"] for each in told if "counter" in each}
    try:
        return {reason: _counted(counters[f"refused_{reason}"]) for reason in GATEWAY_REFUSALS}
    except KeyError:
        return None


def is_active(places: Places) -> bool | None:
    """Tell whether this gateway of a pair is the active one; None where it is alone."""
    if not places.pair.exists():
        return None
    shared = ip_address(NEAR_END)
    lines = places.addresses.read_text("ascii").splitlines()
    return any(bytes.fromhex(line.split()[0]) == shared.packed for line in lines)


def forwarded(places: Places) -> float | None:
    """Give when the log host had all of this host's journal, in seconds; 0 where it never had.

    None where no log host is to have it.  Who sends the journal notes it there whenever the log
    host has acknowledged the journal's end (systemd-journal-upload(8), `--save-state`).
    """
    if not places.forward.exists():
        return None
    try:
        return places.forwarded.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def files(places: Places) -> tuple[float, int] | None:
    """Give when what must not change was compared last, in seconds, and how many files differed.

    None where it never was, or where what came of it cannot be read: `roles/file_watch`.
    """
    try:
        told = json.loads(places.files.read_text("utf-8"))
        return float(told["checked"]), int(told["changed"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def backup(places: Places) -> float:
    """Give when what would be lost with this host was kept elsewhere last, in seconds.

    Where it never was, or nobody can say, it is when the host was installed; 0 where that is not
    known either.
    """
    with suppress(OSError, ValueError, KeyError, TypeError):
        return float(json.loads(places.kept.read_text("utf-8"))["kept"])
    try:
        return places.installed.stat().st_mtime
    except OSError:
        return 0.0


@dataclass(slots=True)
class Marks:
    """What is said in the journal now and then, where it is sent to a log host.

    A host that has nothing to say could not be told from one whose words do not arrive.
    """

    places: Places
    said: float = float("-inf")

    def say(self) -> None:
        """Say it, when it is time."""
        if self.places.forward.exists() and time.monotonic() - self.said >= MARK_SECONDS:
            journal({"mark": "the journal goes on"})
            self.said = time.monotonic()


def main() -> None:
    """Be the service, until told to end, or until there are new programs."""
    places, is_current = Places(), programs()
    marks = Marks(places)
    notify("READY=1")
    while is_current():
        marks.say()
        write_status(GATHERED_FILE, gathered(places, time.time()))
        notify("WATCHDOG=1")
        time.sleep(GATHER_SECONDS)


def _links(places: Places, now: float) -> list[dict[str, object]] | None:
    try:
        return [_link(state, now) for state in link_states(places.daemon)]
    except Refused:
        return None


def _link(state: LinkState, now: float) -> dict[str, object]:
    return {
        "name": state.name,
        "up": state.is_up,
        "since": round(now) - state.seconds,
        "in": state.bytes_in,
        "out": state.bytes_out,
    }


def _certificates(places: Places) -> Iterator[tuple[str, Path]]:
    """Give each certificate of this gateway by a name, also where it is missing."""
    yield "gateway", places.credentials / "x509" / "gateway.pem"
    yield "metrics", places.own
    if places.forward.exists():
        yield "forward", places.forward / "certificate.pem"
    for file in sorted((places.proxy / "shown").glob("*.pem")):
        yield ("proxy" if file.stem == "gateway" else file.stem), file


def _lists(places: Places) -> Iterator[tuple[str, str, Path]]:
    """Give each list by its authority and what it is for: links, or gates."""
    for authority in sorted((places.credentials / "x509ca").glob("*.pem")):
        name = authority.stem
        yield name, "links", places.credentials / "x509crl" / f"{name}.crl"
    if places.proxy.exists():
        for name in AUTHORITIES:
            yield name, "gates", places.proxy / "lists" / f"{name}.crl"


def _counted(counter: Mapping[str, Any]) -> tuple[int, int]:
    return int(counter["packets"]), int(counter["bytes"])


def _seconds(life: Life | None) -> tuple[float, float]:
    return _UNREADABLE if life is None else (_second(life[0]), _second(life[1]))


def _second(moment: datetime) -> float:
    return moment.timestamp()
