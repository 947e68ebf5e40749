"""What is wired to each gateway of a plan: interfaces, addresses, routes.

Worked out from the plan alone.  A zone's ranges are on its segment.  Links
carry no addresses of their own: each end has a link-local address, and both
families are routed to it (RFC 8950 is the same idea), so nothing stands on a
link that the plan does not know.  The gateway's own addresses are on `lo`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_network

from gateway.policy.model import Address, Network, Plan
from gateway.policy.names import interface_name

#: Link-local addresses: of a gateway on its zones and on the links below it; and of
#: who is at the other end.
NEAR_END, FAR_END = "fe80::1", "fe80::2"

#: Prefix length of both.
LINK_LOCAL_LENGTH = 64

_EVERYWHERE = (ip_network("0.0.0.0/0"), ip_network("::/0"))


class Beyond(StrEnum):
    """What an interface leads to."""

    ZONE = "zone"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface of a gateway; `peer` is the zone or the site that it leads to."""

    name: str
    beyond: Beyond
    peer: str
    link_local: str


@dataclass(frozen=True, slots=True)
class Route:
    """Where a gateway sends what goes to a network; no `next_hop` where it is on the segment."""

    network: Network
    interface: str
    next_hop: str = ""


@dataclass(frozen=True, slots=True)
class Wiring:
    """All that is wired to one gateway."""

    site: str
    addresses: tuple[Address, ...]
    interfaces: tuple[Interface, ...]
    routes: tuple[Route, ...]


def wirings(plan: Plan, sites: Iterable[str] | None = None) -> dict[str, Wiring]:
    """Give the wiring of every site of a plan, as if only the named ones were there.

    A site whose hub is not among them is a root: nothing leads up from it.
    """
    chosen = list(plan.sites if sites is None else sites)
    children: dict[str, list[str]] = {name: [] for name in chosen}
    for name in chosen:
        hub = plan.sites[name].hub
        if hub in children and hub is not None:
            children[hub].append(name)
    return {name: _wiring(plan, name, children) for name in chosen}


def ranges_below(plan: Plan, site: str, children: Mapping[str, list[str]]) -> Iterator[Network]:
    """Give every range of a site and of the sites below it."""
    for zone in plan.sites[site].zones:
        yield from plan.zones[zone].ranges
    for child in children[site]:
        yield from ranges_below(plan, child, children)


def first_address(network: Network) -> Address:
    """Give the first address of a range that a host can have."""
    has_network_address = network.prefixlen < network.max_prefixlen - 1
    return network[1] if has_network_address else network[0]


def _wiring(plan: Plan, name: str, children: Mapping[str, list[str]]) -> Wiring:
    site = plan.sites[name]
    zones = [plan.zones[zone] for zone in site.zones]
    interfaces = [
        Interface(zone.interface, Beyond.ZONE, zone.name, NEAR_END)
        for zone in zones
        if not zone.is_gateway
    ]
    routes = [
        Route(network, zone.interface)
        for zone in zones
        if not zone.is_gateway
        for network in zone.ranges
    ]
    for child in children[name]:
        below = interface_name(child)
        interfaces.append(Interface(below, Beyond.LINK, child, NEAR_END))
        routes += [Route(n, below, FAR_END) for n in ranges_below(plan, child, children)]
    if site.hub in children and site.hub is not None:
        up = interface_name(site.hub)
        interfaces.append(Interface(up, Beyond.LINK, site.hub, FAR_END))
        routes += [Route(network, up, NEAR_END) for network in _EVERYWHERE]
    own = [first_address(n) for zone in zones if zone.is_gateway for n in zone.ranges]
    return Wiring(name, tuple(own), tuple(interfaces), tuple(routes))
