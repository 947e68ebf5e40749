"""What a proxy that keeps gates really lets pass, read out of its maps, beside what was signed.

It follows the proxy's own steps over what the proxy holds, so a map that was
changed while it runs is seen for what it does: who may do what that nobody
granted, or may not what was granted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from ipaddress import ip_network
from pathlib import PurePosixPath

from gateway.haproxy import Haproxy
from gateway.policy.model import Address, Network
from gateway.policy.request_reasons import RequestReason as Reason
from gateway.policy.requests import CHINA, Request, is_canonical

#: The maps whose keys begin with the letter of a generation.
LETTERED = ("gates", "subjects", "ways", "routes", "grants", "hours")

Maps = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class LiveGates:
    """What a proxy holds: its maps by name, and the digest that it calls its configuration by.

    `conditions`, `servers` and `authorities` are its configuration's as they are now: all can be
    changed at its control socket, and it calls itself as before.
    """

    digest: str
    maps: Maps
    conditions: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    servers: Mapping[str, str] = field(default_factory=dict)
    authorities: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def letter(self) -> str:
        """The letter of the generation in force; empty where none is."""
        return self._current[0]

    @property
    def revision(self) -> str:
        """The revision of the policy in force; empty where none is."""
        return "".join(self._current[1:2])

    @property
    def _current(self) -> list[str]:
        """What the one entry says of the policy in force: its letter, its revision, its end."""
        return self.maps.get("current", {}).get("policy", "").split("|")

    @cached_property
    def in_force(self) -> Maps:
        """The maps of the generation in force, without its letter."""
        start = f"{self.letter}:"
        found = {
            name: {
                key.removeprefix(start): value
                for key, value in self.maps.get(name, {}).items()
                if key.startswith(start)
            }
            for name in LETTERED
        }
        return {**found, "zones": self.maps.get(f"zones_{self.letter}", {})}

    @cached_property
    def zones(self) -> tuple[tuple[Network, str], ...]:
        """The zones by their addresses, the narrowest first: that one counts."""
        found = [(ip_network(key), value) for key, value in self.in_force["zones"].items()]
        return tuple(sorted(found, key=lambda each: -each[0].prefixlen))

    def zone_of(self, address: Address) -> str:
        """Give the zone of an address; empty where none has it."""
        return next((zone for network, zone in self.zones if address in network), "")


def judge(live: LiveGates, request: Request) -> Reason:
    """Give what the proxy says to a request, by what it holds, step for step."""
    if not live.letter:
        return Reason.NO_POLICY
    if not is_canonical(request.path):
        return Reason.NOT_CANONICAL
    gate = live.in_force["gates"].get(f"{request.host}:{request.port}")
    if gate is None or request.server_name != request.host:
        return Reason.UNKNOWN_HOST
    subject = live.in_force["subjects"].get(f"{request.authority}/{request.name}")
    return Reason.UNKNOWN_SUBJECT if subject is None else _of(live, gate, subject, request)


def _of(live: LiveGates, gate: str, subject: str, request: Request) -> Reason:
    """Judge what a known subject asks at a known gate."""
    maps, zone = live.in_force, live.zone_of(request.source)
    if f"{subject}:{zone}:{gate}" not in maps["ways"]:
        return Reason.WRONG_ZONE
    asked = f"{gate}{request.path}"
    longest = max((r for r in maps["routes"] if asked.startswith(r)), key=len, default=None)
    if longest is None:
        return Reason.UNKNOWN_RESOURCE
    limits = maps["grants"].get(f"{subject}:{zone}:{maps['routes'][longest]}:{request.method}")
    return Reason.NO_GRANT if limits is None else _within(limits, maps["hours"], request.at)


def _within(limits: str, hours: Mapping[str, str], at: datetime) -> Reason:
    _, since, until, name = limits.split("|")
    if not int(since) <= int(at.timestamp()) < int(until):
        return Reason.NOT_NOW
    slot = f"{name}:{_slot(at)}"
    return Reason.GRANT if any(slot.startswith(each) for each in hours) else Reason.OUTSIDE_HOURS


def _slot(at: datetime) -> str:
    here = at.astimezone(CHINA)
    return f"{here.isoweekday()}-{here.hour:02}-{here.minute // 15}"


def read_gates(haproxy: Haproxy) -> LiveGates:
    """Read a running proxy: what it calls its configuration by, and every map that it has.

    Raises:
        HaproxyRefused: it cannot be asked.
    """
    maps = {PurePosixPath(file).stem: haproxy.entries(file) for file in haproxy.maps()}
    digest = haproxy.info().get("description", "")
    return LiveGates(digest, maps, haproxy.conditions(), haproxy.servers(), haproxy.authorities())
