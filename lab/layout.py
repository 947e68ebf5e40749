"""What stands where in a plan's city: nodes, wires, addresses, routes.

It is worked out from the plan alone and has looked at no host.

A wire between two gateways stands for their link: what it carries, not how.
Each end of a wire has a link-local address, and both families are routed to it
(RFC 8950 is the same idea), so nothing stands on a wire that the plan does not
know.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from ipaddress import ip_address, ip_network

from gateway.errors import problem, refuse_any
from gateway.policy.decide import zone_of
from gateway.policy.model import Address, Network, Plan, Zone
from gateway.policy.names import interface_name
from gateway.policy.topology import Hook, Hop, path
from gateway.policy.wiring import (
    FAR_END,
    NEAR_END,
    children_of,
    first_address,
    ranges_below,
    wirings,
)

#: The node where all trees of sites meet, and the interface towards it.  No
#: name of a plan has capital letters, so none is taken for it.
OUTSIDE = "OUTSIDE"

#: The interface of a host of a zone.
HOST_INTERFACE = "wire"

#: Addresses that no city may use: RFC 5737 and RFC 3849.
_DOCUMENTATION = ("192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1")

#: Where everything goes that no better route leads.
EVERYWHERE = (ip_network("0.0.0.0/0"), ip_network("::/0"))

#: More gateways than this are on no path; a packet that passes them runs in a circle.
_LONGEST_WAY = 64


class Kind(StrEnum):
    """What a node is."""

    GATEWAY = "gateway"
    ROUTER = "router"
    HOST = "host"


@dataclass(frozen=True, slots=True)
class Route:
    """Where a node sends what goes to a network: out of an interface, to its far side."""

    network: Network
    interface: str
    next_hop: str


@dataclass(frozen=True, slots=True)
class Node:
    """One namespace.  A gateway is called as its site, a host as its zone.

    A router passes everything on: the gateway of a site that is not ours, or `OUTSIDE`.
    """

    name: str
    kind: Kind
    addresses: tuple[Address, ...]
    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class Wire:
    """A wire between two nodes; each end is a node and its interface."""

    near: tuple[str, str]
    far: tuple[str, str]


@dataclass(frozen=True)
class Layout:
    """The whole city."""

    plan: Plan
    nodes: Mapping[str, Node]
    wires: tuple[Wire, ...]

    @property
    def gateways(self) -> tuple[str, ...]:
        """The nodes that hold a ruleset."""
        return tuple(n.name for n in self.nodes.values() if n.kind is Kind.GATEWAY)

    @property
    def zones(self) -> tuple[Zone, ...]:
        """The zones that are in this city, in the plan's order."""
        return tuple(z for z in self.plan.zones.values() if home(z) in self.nodes)

    @cached_property
    def far_side(self) -> Mapping[tuple[str, str], tuple[str, str]]:
        """Each end of a wire, a node and its interface, and the other end."""
        return {
            end: other
            for wire in self.wires
            for end, other in ((wire.near, wire.far), (wire.far, wire.near))
        }

    def address(self, zone: Zone, version: int) -> Address | None:
        """Give the address of a family at which a zone answers, if it has one."""
        own = (a for a in self.nodes[home(zone)].addresses if a.version == version)
        return next((a for a in own if zone_of(self.plan, a) == zone), None)

    def way(self, origin: str, destination: Address) -> list[Hop]:
        """Give the gateways of ours that a packet passes, as the routes lead it."""
        node, arrival, hops = self.nodes[origin], "", list[Hop]()
        for _ in range(_LONGEST_WAY):
            here = destination in node.addresses
            route = None if here else _best(node.routes, destination)
            departure = route.interface if route else ""
            if node.kind is Kind.GATEWAY and (here or route):
                hook = Hook.INPUT if here else Hook.FORWARD if arrival else Hook.OUTPUT
                hops.append(Hop(node.name, hook, arrival, departure))
            if route is None or (node.kind is Kind.HOST and arrival):
                break
            name, arrival = self.far_side[node.name, departure]
            node = self.nodes[name]
        return hops


def home(zone: Zone) -> str:
    """Give the node that stands for a zone: its host, or the gateway itself."""
    return zone.site if zone.is_gateway else zone.name


def lay_out(plan: Plan, sites: Iterable[str] = ()) -> Layout:
    """Lay out a plan's city: all of it, or the named sites and those between them.

    Raises:
        Refused: no site is called so.
    """
    chosen = _chosen(plan, tuple(sites))
    return _Surveyor(plan, chosen).layout()


class _Surveyor:
    """Works out the nodes and wires of the chosen sites."""

    def __init__(self, plan: Plan, chosen: list[str]) -> None:
        self.plan = plan
        self.chosen = chosen
        self.wirings = wirings(plan, chosen)
        self.children = children_of(plan, chosen)
        self.roots = [name for name in chosen if plan.sites[name].hub not in chosen]

    def layout(self) -> Layout:
        nodes = [self._outside(), *map(self._gateway, self.chosen), *self._hosts()]
        return Layout(self.plan, {node.name: node for node in nodes}, tuple(self._wires()))

    def _outside(self) -> Node:
        free = (a for a in map(ip_address, _DOCUMENTATION) if zone_of(self.plan, a) is None)
        one_of_each = {address.version: address for address in free}
        routes = [
            Route(network, interface_name(root), FAR_END)
            for root in self.roots
            for network in ranges_below(self.plan, root, self.children)
        ]
        return Node(OUTSIDE, Kind.ROUTER, tuple(one_of_each.values()), tuple(routes))

    def _gateway(self, name: str) -> Node:
        wiring = self.wirings[name]
        # What is not below goes up, and there the other end is the near one.
        routes = [
            Route(r.network, r.interface, FAR_END if r.network.prefixlen else NEAR_END)
            for r in wiring.routes
        ]
        if name in self.roots:
            routes += [Route(network, OUTSIDE, NEAR_END) for network in EVERYWHERE]
        kind = Kind.GATEWAY if self.plan.sites[name].managed else Kind.ROUTER
        return Node(name, kind, wiring.addresses, tuple(routes))

    def _hosts(self) -> Iterator[Node]:
        routes = tuple(Route(network, HOST_INTERFACE, NEAR_END) for network in EVERYWHERE)
        for zone in self._hosted_zones():
            addresses = tuple(first_address(network) for network in zone.ranges)
            yield Node(zone.name, Kind.HOST, addresses, routes)

    def _wires(self) -> Iterator[Wire]:
        for zone in self._hosted_zones():
            yield Wire((zone.site, zone.interface), (zone.name, HOST_INTERFACE))
        for hub, children in self.children.items():
            for child in children:
                yield Wire((hub, interface_name(child)), (child, interface_name(hub)))
        for root in self.roots:
            yield Wire((OUTSIDE, interface_name(root)), (root, OUTSIDE))

    def _hosted_zones(self) -> Iterator[Zone]:
        for name in self.chosen:
            for zone in self.plan.sites[name].zones:
                if not self.plan.zones[zone].is_gateway:
                    yield self.plan.zones[zone]


def _chosen(plan: Plan, wanted: tuple[str, ...]) -> list[str]:
    if not wanted:
        return list(plan.sites)
    near = ", ".join(list(plan.sites)[:8])
    refuse_any(
        problem("ZG660", plan.where, name=name, near=near)
        for name in wanted
        if name not in plan.sites
    )
    places = [plan.sites[name] for name in wanted]
    between = {name for one in places for two in places for name in path(plan, one, two)}
    return [name for name in plan.sites if name in between]


def _best(routes: Iterable[Route], destination: Address) -> Route | None:
    """Give the route that the kernel takes: the longest prefix."""
    fitting = [route for route in routes if destination in route.network]
    return max(fitting, key=lambda route: route.network.prefixlen, default=None)
