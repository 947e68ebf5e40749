"""End what is still under way when it would not be let pass any more: a download, an upload.

A request is judged when it begins.  What takes long is judged again here, by
the maps that have come into force since, by who was revoked and by the time;
the proxy keeps a table of all that it has let pass and that is not over.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address, ip_network
from typing import Self

from gateway.artefacts import GateMaps
from gateway.compile.gate_maps import slot
from gateway.haproxy import Haproxy, HaproxyRefused
from gateway.policy.model import Address, Network
from gateway.policy.requests import CHINA

#: The proxy's table of what is under way (`gateway.compile.proxy`).
_TABLE = "streams"


@dataclass(frozen=True, slots=True)
class Stream:
    """Something that was let pass and is not over: who asked for what, and its number there.

    `path` is cut where no resource's path is as long.
    """

    number: int
    source: Address
    authority: str
    serial: str
    gate: str
    method: str
    path: str
    name: str

    @classmethod
    def read(cls, key: str) -> Self:
        """Read how the proxy calls it.

        Raises:
            ValueError: it is none of ours.
        """
        number, source, authority, serial, gate, method, path, name = key.split("|", 7)
        asked = (authority, serial, gate, method, path, name)
        return cls(int(number), ip_address(source), *asked)

    @property
    def certificate(self) -> str:
        """Its certificate as revocations name it: `people/3A0F`."""
        return f"{self.authority}/{self.serial}"


def end_streams(haproxy: Haproxy, passes: Callable[[Stream], bool]) -> tuple[Stream, ...]:
    """End every stream that does not pass; give those.

    Raises:
        HaproxyRefused: it cannot be asked, or its table holds what is none of ours.
    """
    try:
        under_way = {each.number: each for each in map(Stream.read, haproxy.tracked(_TABLE))}
    except ValueError as fault:
        raise HaproxyRefused(_TABLE, fault) from fault
    over = {number: each for number, each in under_way.items() if not passes(each)}
    if not over:
        return ()
    places = haproxy.streams()
    for number in over:
        if number in places:
            haproxy.end_stream(places[number])
    return tuple(over.values())


def passes_by(maps: GateMaps, revoked: Collection[str], at: datetime) -> Callable[[Stream], bool]:
    """Give what tells whether a stream would be let pass, were it to begin now."""
    letter = f"{maps.generation}:"
    held = {
        name: {key.removeprefix(letter): value for key, value in entries.items()}
        for name, entries in maps.maps.items()
    }
    zones = [(ip_network(key), zone) for key, zone in held[f"zones_{maps.generation}"].items()]
    return lambda stream: stream.certificate not in revoked and _passes(held, zones, stream, at)


def _passes(
    held: Mapping[str, Mapping[str, str]],
    zones: Collection[tuple[Network, str]],
    stream: Stream,
    at: datetime,
) -> bool:
    """Take the steps of the proxy that the time and another policy may change."""
    subject = held["subjects"].get(f"{stream.authority}/{stream.name}", "")
    inside = [(net.prefixlen, zone) for net, zone in zones if stream.source in net]
    zone = max(inside, default=(0, ""))[1]
    if f"{subject}:{zone}:{stream.gate}" not in held["ways"]:
        return False
    asked = f"{stream.gate}{stream.path}"
    routes = [route for route in held["routes"] if asked.startswith(route)]
    resource = held["routes"][max(routes, key=len)] if routes else None
    limits = held["grants"].get(f"{subject}:{zone}:{resource}:{stream.method}")
    return limits is not None and _is_within(limits, held["hours"], at)


def _is_within(limits: str, hours: Mapping[str, str], at: datetime) -> bool:
    _, since, end, name = limits.split("|")
    here = at.astimezone(CHINA)
    when = f"{name}:{slot(here.isoweekday(), here.hour * 60 + here.minute)}"
    return int(since) <= at.timestamp() < int(end) and any(map(when.startswith, hours))
