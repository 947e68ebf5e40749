"""What a gateway must do, as a diagram for each hook, from the signed policy alone.

It says the same as `decide_at`, for all packets at once.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway.policy.decide import (
    ECHO_REQUEST,
    ICMP,
    ICMPV6,
    LINK_PORTS,
    LOOPBACK_INTERFACE,
    NEIGHBOUR_HOP_LIMIT,
    NEIGHBOUR_TYPES,
    TCP,
    UDP,
    VRRP,
    State,
)
from gateway.policy.model import Ports, Protocol, Zone
from gateway.policy.reasons import Reason
from gateway.policy.topology import Crossing, GatewaySlice, Hook
from gateway.verify.diagram import Interval, Node, Region, Row
from gateway.verify.outcome import accepted, refused
from gateway.verify.packets import (
    FAMILY,
    STATE_NUMBER,
    Packets,
    address_interval,
    network_interval,
    type_interval,
)

_NUMBER = {Protocol.TCP: TCP, Protocol.UDP: UDP}
_PING = {4: ICMP, 6: ICMPV6}


def interfaces(part: GatewaySlice) -> set[str]:
    """Give every interface that the policy names at a gateway."""
    crossed = {name for c in part.crossings for name in (c.hop.arrival, c.hop.departure)}
    own = {*(zone.interface for zone in part.local), *(line.interface for line in part.lines)}
    cables = {part.heartbeat.interface} if part.heartbeat else set()
    return {*crossed, *own, *cables, LOOPBACK_INTERFACE}


def ports_region(ports: Ports, version: int) -> dict[str, Interval]:
    """Give the packets of one family that are of a service."""
    if ports.protocol is Protocol.ICMP:
        number = _PING[version]
        return {"protocol": (number, number), "port": type_interval(ECHO_REQUEST[number])}
    number = _NUMBER[ports.protocol]
    return {"protocol": (number, number), "port": (ports.low, ports.high)}


def zone_regions(zone: Zone, variable: str) -> Iterable[tuple[int, Region]]:
    """Give each range of a zone with its version, as source or as destination."""
    for network in zone.ranges:
        family = FAMILY[network.version]
        region = {"family": (family, family), variable: network_interval(network)}
        yield network.version, region


@dataclass
class Expected:
    """The diagrams that a slice of the policy asks for."""

    part: GatewaySlice
    packets: Packets
    _ways: dict[tuple[str, str], Node] = field(default_factory=dict)

    def hook(self, hook: Hook) -> Node:
        """Give the outcome that every packet must have at a hook."""
        space = self.packets.space
        node = self._by_state(self._new(hook))
        if hook is not Hook.FORWARD:
            inside = {"arrival" if hook is Hook.INPUT else "departure": self._loopback()}
            for exempt in (self._neighbours(), space.cube(inside)):
                node = space.choose(exempt, {True: space.terminal(accepted()), False: node})
        return node

    def _by_state(self, new: Node) -> Node:
        space = self.packets.space
        outcomes = {
            State.ESTABLISHED: space.terminal(accepted()),
            State.RELATED: space.terminal(accepted()),
            State.INVALID: space.terminal(refused(Reason.INVALID_STATE)),
            State.UNTRACKED: space.terminal(refused(Reason.UNTRACKED)),
            State.NEW: new,
        }
        rows = [space.row({"state": (n, n)}) for n in map(STATE_NUMBER.__getitem__, outcomes)]
        return space.choose(space.cubes(rows, list(outcomes), outside=None), outcomes)

    def _neighbours(self) -> Node:
        space = self.packets.space
        regions: list[Region] = [
            {
                "family": (FAMILY[6], FAMILY[6]),
                "hop_limit": (NEIGHBOUR_HOP_LIMIT, NEIGHBOUR_HOP_LIMIT),
                "protocol": (ICMPV6, ICMPV6),
                "port": type_interval(message_type),
            }
            for message_type in sorted(NEIGHBOUR_TYPES)
        ]
        return space.cubes([space.row(r) for r in regions], [True] * len(regions), outside=False)

    def _loopback(self) -> Interval:
        return self.packets.interface(LOOPBACK_INTERFACE)

    def _new(self, hook: Hook) -> Node:
        """Give what becomes of first packets: on cables, then by who sends and the conduits."""
        return self._beside_links(hook, self._beside_heartbeat(hook, self._from_senders(hook)))

    def _beside_links(self, hook: Hook, node: Node) -> Node:
        """Accept what the two ends of a line send each other for the link over it."""
        if hook is Hook.FORWARD:
            return node
        space = self.packets.space
        side = "arrival" if hook is Hook.INPUT else "departure"
        rows: list[Row] = []
        inside: list[Node] = []
        for line in self.part.lines:
            far, own = address_interval(line.far), address_interval(line.own)
            for port in sorted(LINK_PORTS):
                region: Region = {
                    "family": (FAMILY[6], FAMILY[6]),
                    "source": far if hook is Hook.INPUT else own,
                    "destination": own if hook is Hook.INPUT else far,
                    "protocol": (UDP, UDP),
                    "port": (port, port),
                    side: self.packets.interface(line.interface),
                }
                rows.append(space.row(region))
                inside.append(space.terminal(accepted(line.interface)))
        return self.packets.divide(rows, inside, node)

    def _beside_heartbeat(self, hook: Hook, node: Node) -> Node:
        """Accept what the two of a pair tell each other on the cable between them."""
        heartbeat = self.part.heartbeat
        if heartbeat is None or hook is Hook.FORWARD:
            return node
        space = self.packets.space
        side = "arrival" if hook is Hook.INPUT else "departure"
        rows: list[Row] = [
            space.row(
                {
                    "family": (FAMILY[6], FAMILY[6]),
                    "source": address_interval(end),
                    "destination": address_interval(heartbeat.group),
                    "protocol": (VRRP, VRRP),
                    side: self.packets.interface(heartbeat.interface),
                }
            )
            for end in heartbeat.ends
        ]
        inside = [space.terminal(accepted(heartbeat.interface)) for _ in rows]
        return self.packets.divide(rows, inside, node)

    def _from_senders(self, hook: Hook) -> Node:
        space = self.packets.space
        rows: list[Row] = []
        inside: list[Node] = []
        for zone, arrival, crossings in self._senders(hook):
            carried = self._conduits(crossings)
            for _, region in zone_regions(zone, "source"):
                if hook is not Hook.OUTPUT:
                    region["arrival"] = self.packets.interface(arrival)
                rows.append(space.row(region))
                inside.append(carried)
        return self.packets.divide(rows, inside, space.terminal(refused(Reason.UNEXPECTED_SOURCE)))

    def _senders(self, hook: Hook) -> list[tuple[Zone, str, list[Crossing]]]:
        """Give the zones that may send to a hook, with the interface, and their conduits."""
        senders: dict[tuple[str, str], tuple[Zone, str, list[Crossing]]] = {}
        if hook is not Hook.OUTPUT:
            for zone in self.part.local:
                senders[zone.name, zone.interface] = (zone, zone.interface, [])
        for crossing in self.part.crossings:
            if crossing.hop.hook is hook:
                zone, arrival = crossing.source, crossing.hop.arrival
                sender = senders.setdefault((zone.name, arrival), (zone, arrival, []))
                sender[2].append(crossing)
        return list(senders.values())

    def _conduits(self, crossings: list[Crossing]) -> Node:
        """Give what the conduits of one zone carry; the first that fits has it."""
        space = self.packets.space
        # Families are disjoint, and so are echo requests and ports: each is a
        # division of its own, in any order.  This one is the likeliest to be the
        # kernel's, and what was divided there need not be divided again.
        parts: dict[tuple[int, bool], tuple[list[Row], list[Node]]] = {
            (version, is_ping): ([], []) for version in (6, 4) for is_ping in (True, False)
        }
        for crossing in crossings:
            way = self._way(crossing.conduit.name, crossing.hop.departure)
            ports = crossing.conduit.ports
            for version, region in zone_regions(crossing.destination, "destination"):
                for one in ports:
                    rows, inside = parts[version, one.protocol is Protocol.ICMP]
                    rows.append(space.row(region | ports_region(one, version)))
                    inside.append(way)
        node = space.terminal(refused(Reason.NO_CONDUIT))
        for rows, inside in parts.values():
            if rows:
                node = self.packets.divide(rows, inside, node)
        return node

    def _way(self, conduit: str, departure: str) -> Node:
        """Let a packet out by one interface; the gateway itself is reached by none."""
        space = self.packets.space
        if not departure:
            return space.terminal(accepted(conduit))
        known = self._ways.get((conduit, departure))
        if known is None:
            exit_ = space.row({"departure": self.packets.interface(departure)})
            known = self._ways[conduit, departure] = space.cubes(
                [exit_], [accepted(conduit)], outside=refused(Reason.WRONG_EXIT)
            )
        return known
