"""The reference decision: what the signed policy says about one flow or packet.

The compiled ruleset, the prover and real packets are all held to it, so it is
written to be read, not to be fast.  It never looks at a host.
"""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv6Address

from gateway.policy.lines import heartbeat_of, lines_of
from gateway.policy.model import Address, Conduit, Flow, Plan, Protocol, Zone
from gateway.policy.reasons import Reason, Verdict
from gateway.policy.topology import Hook, Hop, hops

#: IANA protocol numbers.
TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58

#: Message types of an echo request: RFC 792 and RFC 4443.
ECHO_REQUEST = {ICMP: 8, ICMPV6: 128}

#: Neighbour solicitation and advertisement, RFC 4861 section 4.3 and 4.4; only
#: a packet from the same link can still have this hop limit (section 6.1.1).
NEIGHBOUR_TYPES = frozenset({135, 136})
NEIGHBOUR_HOP_LIMIT = 255

#: IKEv2, and ESP in UDP: RFC 7296 section 2 and RFC 3948.
LINK_PORTS = frozenset({500, 4500})

#: VRRP, by which the two gateways of a pair tell each other who is active: RFC 9568.
VRRP = 112

LOOPBACK_INTERFACE = "lo"


class State(StrEnum):
    """What connection tracking says of a packet."""

    NEW = "new"
    ESTABLISHED = "established"
    RELATED = "related"
    INVALID = "invalid"
    UNTRACKED = "untracked"


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet at one hook of one gateway.

    `arrival` is empty at the output hook, `departure` at the input hook.
    `port` is the destination port of tcp and udp, the message type of icmp
    and icmpv6, and 0 for every other protocol.
    """

    hook: Hook
    arrival: str
    departure: str
    source: Address
    destination: Address
    protocol: int
    port: int = 0
    state: State = State.NEW
    hop_limit: int = 64


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict, its reason, the conduit or line that gave it and the gateways passed."""

    verdict: Verdict
    reason: Reason
    conduit: str | None = None
    path: tuple[Hop, ...] = ()


def decide(plan: Plan, flow: Flow) -> Decision:
    """Give the verdict for a flow: accept through a conduit, otherwise drop."""
    source, destination = zone_of(plan, flow.source), zone_of(plan, flow.destination)
    if source is None:
        return Decision(Verdict.DROP, Reason.UNKNOWN_SOURCE)
    if destination is None:
        return Decision(Verdict.DROP, Reason.UNKNOWN_DESTINATION)
    if source.name == destination.name:
        return Decision(Verdict.DROP, Reason.SAME_ZONE)
    way = hops(plan, source, destination)
    for conduit in plan.passages:
        if _joins(conduit, source, destination) and _carries(conduit, flow.protocol, flow.port):
            return Decision(Verdict.ACCEPT, Reason.CONDUIT, conduit.name, way)
    return Decision(Verdict.DROP, Reason.NO_CONDUIT, None, way)


def decide_at(plan: Plan, gateway: str, packet: Packet) -> Decision:
    """Give the verdict for one packet at one hook of one gateway of ours."""
    if _stays_inside(packet):
        return Decision(Verdict.ACCEPT, Reason.LOOPBACK)
    if _finds_neighbours(packet):
        return Decision(Verdict.ACCEPT, Reason.NEIGHBOUR)
    if packet.state in (State.ESTABLISHED, State.RELATED):
        return Decision(Verdict.ACCEPT, Reason.ESTABLISHED)
    if packet.state is State.INVALID:
        return Decision(Verdict.DROP, Reason.INVALID_STATE)
    if packet.state is State.UNTRACKED:
        return Decision(Verdict.DROP, Reason.UNTRACKED)
    return _decide_new(plan, gateway, packet)


def zone_of(plan: Plan, address: Address) -> Zone | None:
    """Give the zone that holds an address; zones never overlap."""
    for zone in plan.zones.values():
        if any(address in network for network in zone.ranges):
            return zone
    return None


def _decide_new(plan: Plan, gateway: str, packet: Packet) -> Decision:
    if on_cable := _between_ends(plan, gateway, packet):
        return on_cable
    source, destination = zone_of(plan, packet.source), zone_of(plan, packet.destination)
    if source is None or not _may_arrive(plan, gateway, source, packet):
        return Decision(Verdict.DROP, Reason.UNEXPECTED_SOURCE)
    if destination is None:
        return Decision(Verdict.DROP, Reason.NO_CONDUIT)
    for conduit in plan.passages:
        if not _joins(conduit, source, destination) or not _names(conduit, packet):
            continue
        for hop in hops(plan, source, destination):
            if (hop.gateway, hop.hook, hop.arrival) == (gateway, packet.hook, packet.arrival):
                if packet.departure == hop.departure:
                    return Decision(Verdict.ACCEPT, Reason.CONDUIT, conduit.name)
                return Decision(Verdict.DROP, Reason.WRONG_EXIT, conduit.name)
    return Decision(Verdict.DROP, Reason.NO_CONDUIT)


def _may_arrive(plan: Plan, gateway: str, source: Zone, packet: Packet) -> bool:
    """Tell whether a zone may send to this hook through this interface.

    A zone of this site may always send from its own interface; a zone of
    another site only where one of its conduits comes this way.
    """
    if source.site == gateway and not source.is_gateway and packet.hook is not Hook.OUTPUT:
        return packet.arrival == source.interface
    here = (gateway, packet.hook, packet.arrival)
    return any(
        (hop.gateway, hop.hook, hop.arrival) == here
        for conduit in plan.passages
        if conduit.source == source.name
        for hop in hops(plan, source, plan.zones[conduit.destination])
    )


def _between_ends(plan: Plan, gateway: str, packet: Packet) -> Decision | None:
    """Accept what the ends of a cable that has no zone behind it send each other."""
    if line := _line_of_link(plan, gateway, packet):
        return Decision(Verdict.ACCEPT, Reason.LINK, line)
    if cable := _cable_of_pair(plan, gateway, packet):
        return Decision(Verdict.ACCEPT, Reason.HEARTBEAT, cable)
    return None


def _line_of_link(plan: Plan, gateway: str, packet: Packet) -> str | None:
    """Give the line between whose ends a packet of its link goes, None where it is no such."""
    if packet.protocol != UDP or packet.port not in LINK_PORTS:
        return None
    for line in lines_of(plan, gateway):
        received = (Hook.INPUT, line.interface, line.far, line.own)
        sent = (Hook.OUTPUT, line.interface, line.own, line.far)
        interface = packet.arrival if packet.hook is Hook.INPUT else packet.departure
        if (packet.hook, interface, packet.source, packet.destination) in {received, sent}:
            return line.interface
    return None


def _cable_of_pair(plan: Plan, gateway: str, packet: Packet) -> str | None:
    """Give the cable between the two of a pair where a packet of their heartbeat is on it."""
    heartbeat = heartbeat_of(plan.sites[gateway])
    if heartbeat is None or packet.protocol != VRRP or packet.hook is Hook.FORWARD:
        return None
    interface = packet.arrival if packet.hook is Hook.INPUT else packet.departure
    # Both have one slice, so that it does not say which of the two this is.
    is_heard = packet.source in heartbeat.ends and packet.destination == heartbeat.group
    return interface if is_heard and interface == heartbeat.interface else None


def _stays_inside(packet: Packet) -> bool:
    return (packet.hook is Hook.INPUT and packet.arrival == LOOPBACK_INTERFACE) or (
        packet.hook is Hook.OUTPUT and packet.departure == LOOPBACK_INTERFACE
    )


def _finds_neighbours(packet: Packet) -> bool:
    return (
        packet.hook is not Hook.FORWARD
        and isinstance(packet.source, IPv6Address)
        and packet.protocol == ICMPV6
        and packet.port in NEIGHBOUR_TYPES
        and packet.hop_limit == NEIGHBOUR_HOP_LIMIT
    )


def _joins(conduit: Conduit, source: Zone, destination: Zone) -> bool:
    return (conduit.source, conduit.destination) == (source.name, destination.name)


def _names(conduit: Conduit, packet: Packet) -> bool:
    """Tell whether a packet is of a service that the conduit names."""
    if packet.protocol in ECHO_REQUEST:
        family = ICMPV6 if isinstance(packet.source, IPv6Address) else ICMP
        if packet.protocol != family or packet.port != ECHO_REQUEST[family]:
            return False
        return _carries(conduit, Protocol.ICMP, 0)
    protocol = {TCP: Protocol.TCP, UDP: Protocol.UDP}.get(packet.protocol)
    return protocol is not None and _carries(conduit, protocol, packet.port)


def _carries(conduit: Conduit, protocol: Protocol, port: int) -> bool:
    return any(p.protocol is protocol and p.low <= port <= p.high for p in conduit.ports)
