"""What is wired to each gateway of a plan: interfaces, addresses, routes.

Worked out from the plan alone.  A zone's ranges are on its segment.  Towards a
neighbouring site there are two interfaces: the line, which is a cable and
carries nothing but the link, and the link, out of which comes what it carries.
A link has no addresses: all that is behind it is routed into it.  The gateway's
own addresses are on `lo`.

Both gateways of a pair are wired alike.  The addresses that others know are
those of whichever is active; beside them each has some of its own.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_network

from gateway.policy.lines import LINE_LENGTH, Heartbeat, heartbeat_of, lines_of
from gateway.policy.model import Address, Network, Plan
from gateway.policy.names import SHARED_LINK, gateway_host
from gateway.policy.topology import link_interface

#: Link-local addresses: of a gateway on its zones, and of who is at the other end.
NEAR_END, FAR_END = "fe80::1", "fe80::2"

#: Prefix length of both, and of what each gateway of a pair has beside them.
LINK_LOCAL_LENGTH = 64

#: Where a gateway's own addresses are.
LOOPBACK = "lo"

_EVERYWHERE = (ip_network("0.0.0.0/0"), ip_network("::/0"))


class Beyond(StrEnum):
    """What an interface leads to."""

    ZONE = "zone"
    LINE = "line"
    LINK = "link"
    PAIR = "pair"


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface of a gateway.

    `peer` is the zone, the site or the other of a pair that it leads to, empty for a
    link that all sites share; `address` is its own address with its length, empty for a link;
    `number` is the link's, 0 for a port and for a link that is shared.
    """

    name: str
    beyond: Beyond
    peer: str
    address: str = ""
    number: int = 0

    @property
    def is_port(self) -> bool:
        """Tell whether a cable is plugged into it; a link is made by software."""
        return self.beyond is not Beyond.LINK


@dataclass(frozen=True, slots=True)
class Route:
    """Behind which interface a network is: on a zone's segment, or beyond a link."""

    network: Network
    interface: str


@dataclass(frozen=True, slots=True)
class Wiring:
    """All that is wired to one gateway; of a pair, to the active one."""

    site: str
    addresses: tuple[Address, ...]
    interfaces: tuple[Interface, ...]
    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class Shared:
    """An address, with its length, that the active gateway of a pair has at an interface."""

    interface: str
    address: str


@dataclass(frozen=True, slots=True)
class Half:
    """One gateway of a pair: what it has also while it stands by, and what while it is active.

    `near` is its own address on every segment.
    """

    number: int
    near: str
    wiring: Wiring
    shared: tuple[Shared, ...]


def halves(plan: Plan, wiring: Wiring) -> tuple[Half, ...]:
    """Give the two gateways of a pair; nothing where the site has one gateway."""
    heartbeat = heartbeat_of(plan.sites[wiring.site])
    if heartbeat is None:
        return ()
    ports = [each for each in wiring.interfaces if each.is_port]
    shared = [Shared(each.name, each.address) for each in ports]
    for address in wiring.addresses:
        # Computers of a zone ask for the IPv4 address on their segment, and must be told there
        # that another gateway has it now; an IPv6 address is behind the near end.
        zones = [each.name for each in ports if each.beyond is Beyond.ZONE]
        held = zones if isinstance(address, IPv4Address) else [LOOPBACK]
        shared += [Shared(name, f"{address}/{address.max_prefixlen}") for name in held]
    return tuple(
        Half(number, str(near), _wiring_of_one(wiring, number, near, heartbeat), tuple(shared))
        for number, near in enumerate(heartbeat.ends, start=1)
    )


def _wiring_of_one(wiring: Wiring, number: int, near: IPv6Address, heartbeat: Heartbeat) -> Wiring:
    on_port = f"{near}/{LINK_LOCAL_LENGTH}"
    interfaces = [
        replace(each, address=on_port) if each.is_port else each for each in wiring.interfaces
    ]
    other = gateway_host(wiring.site, 3 - number)
    cable = Interface(heartbeat.interface, Beyond.PAIR, other, on_port)
    addresses = tuple(address + number for address in wiring.addresses)
    return replace(wiring, addresses=addresses, interfaces=(*interfaces, cable))


def wirings(plan: Plan, sites: Iterable[str] | None = None) -> dict[str, Wiring]:
    """Give the wiring of every site of a plan, as if only the named ones were there.

    A site whose hub is not among them is a root: nothing leads up from it.
    """
    chosen = list(plan.sites if sites is None else sites)
    children = children_of(plan, chosen)
    return {name: _wiring(plan, name, children) for name in chosen}


def children_of(plan: Plan, sites: Iterable[str]) -> dict[str, list[str]]:
    """Give the sites that are linked through each, as if only the named ones were there."""
    children: dict[str, list[str]] = {name: [] for name in sites}
    for name in children:
        hub = plan.sites[name].hub
        if hub in children and hub is not None:
            children[hub].append(name)
    return children


def ranges_below(
    plan: Plan, site: str, children: Mapping[str, list[str]] | None = None
) -> Iterator[Network]:
    """Give every range of a site and of the sites below it; `children` are the whole plan's."""
    children = children_of(plan, plan.sites) if children is None else children
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
    near = f"{NEAR_END}/{LINK_LOCAL_LENGTH}"
    interfaces = [
        Interface(zone.interface, Beyond.ZONE, zone.name, near)
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
        below = link_interface(plan, child)
        routes += [Route(network, below) for network in ranges_below(plan, child, children)]
    linked = list(children[name])
    if site.hub in children and site.hub is not None:
        linked.append(site.hub)
        routes += [Route(network, link_interface(plan, site.hub)) for network in _EVERYWHERE]
    lines = {line.neighbour: line for line in lines_of(plan, name)}
    interfaces += [
        Interface(lines[peer].interface, Beyond.LINE, peer, f"{lines[peer].own}/{LINE_LENGTH}")
        for peer in linked
    ]
    if plan.shares_link and linked:
        interfaces.append(Interface(SHARED_LINK, Beyond.LINK, ""))
    else:
        interfaces += [
            Interface(link_interface(plan, peer), Beyond.LINK, peer, number=lines[peer].number)
            for peer in linked
        ]
    own = [first_address(n) for zone in zones if zone.is_gateway for n in zone.ranges]
    return Wiring(name, tuple(own), tuple(interfaces), tuple(routes))
