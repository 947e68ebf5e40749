"""Open connections that the policy does not permit.

An accepted flow goes on as established, whatever the rules have become since:
only its conntrack entry says that it is there.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.errors import Problem, problem
from gateway.policy.decide import ECHO_REQUEST, LINK_PORTS, TCP, UDP, VRRP, Packet
from gateway.policy.model import Address, Plan, Ports, Protocol, Zone
from gateway.policy.reasons import REASON_WORDS, Reason
from gateway.policy.topology import GatewaySlice
from gateway.verify.compare import service_words
from gateway.verify.conntrack import TrackedFlow

#: So many flows are named one by one; a table may hold hundreds of thousands.
LIMIT = 20

_TRANSLATED = ("its addresses are translated", "其地址被转换")


@dataclass(frozen=True, slots=True)
class _Permitted:
    """A plan, made quick to ask about many flows."""

    starts: dict[int, list[int]]
    ends: dict[int, list[tuple[int, Zone]]]
    services: dict[tuple[str, str], list[Ports]]
    lines: frozenset[tuple[Address, Address]]
    heartbeats: frozenset[tuple[Address, Address]]

    def refusal(self, packet: Packet) -> Reason | None:
        """Give why a first packet may not pass, or None where it may."""
        if (packet.source, packet.destination) in self.lines:
            is_of_link = packet.protocol == UDP and packet.port in LINK_PORTS
            return None if is_of_link else Reason.UNEXPECTED_SOURCE
        if (packet.source, packet.destination) in self.heartbeats:
            return None if packet.protocol == VRRP else Reason.UNEXPECTED_SOURCE
        source, destination = self._zone(packet.source), self._zone(packet.destination)
        if source is None:
            return Reason.UNKNOWN_SOURCE
        if destination is None:
            return Reason.UNKNOWN_DESTINATION
        wanted = _service(packet)
        carried = self.services.get((source.name, destination.name), ())
        if wanted is None or not any(ports.overlaps(wanted) for ports in carried):
            return Reason.NO_CONDUIT
        return None

    def _zone(self, address: Address) -> Zone | None:
        number = int(address)
        place = bisect_right(self.starts[address.version], number) - 1
        if place < 0:
            return None
        end, zone = self.ends[address.version][place]
        return zone if number <= end else None


def forbidden_flows(plan: Plan, part: GatewaySlice, flows: Iterable[TrackedFlow]) -> list[Problem]:
    """Give a gateway's open connections that the policy does not permit, at most `LIMIT`."""
    permitted = _permitted(plan, part)
    found: list[Problem] = []
    for flow in flows:
        if flow.packet.source == flow.packet.destination:
            continue  # a host that speaks to itself; from elsewhere its address may not come
        reason = permitted.refusal(flow.packet)
        if reason is None and not flow.is_translated:
            continue
        why_en, why_zh = _TRANSLATED if reason is None else REASON_WORDS[reason]
        packet = flow.packet
        found.append(
            problem(
                "ZG638",
                source=packet.source,
                destination=packet.destination,
                service=service_words(packet.protocol, packet.port),
                why_en=why_en,
                why_zh=why_zh,
            )
        )
        if len(found) == LIMIT:
            break
    return found


def _permitted(plan: Plan, part: GatewaySlice) -> _Permitted:
    starts: dict[int, list[int]] = {4: [], 6: []}
    ends: dict[int, list[tuple[int, Zone]]] = {4: [], 6: []}
    ranges = [
        (network.version, int(network.network_address), int(network.broadcast_address), zone)
        for zone in plan.zones.values()
        for network in zone.ranges
    ]
    for version, start, end, zone in sorted(ranges, key=lambda r: r[:2]):
        starts[version].append(start)
        ends[version].append((end, zone))
    services: dict[tuple[str, str], list[Ports]] = {}
    for conduit in plan.passages:
        services.setdefault((conduit.source, conduit.destination), []).extend(conduit.ports)
    ends_of_lines = [(line.own, line.far) for line in part.lines]
    both_ways = frozenset((*ends_of_lines, *((far, own) for own, far in ends_of_lines)))
    cable = part.heartbeat
    heartbeats = frozenset((end, cable.group) for end in cable.ends) if cable else frozenset()
    return _Permitted(starts, ends, services, both_ways, heartbeats)


def _service(packet: Packet) -> Ports | None:
    if ECHO_REQUEST.get(packet.protocol) == packet.port:
        return Ports(Protocol.ICMP, 0, 0)
    protocol = {TCP: Protocol.TCP, UDP: Protocol.UDP}.get(packet.protocol)
    return Ports(protocol, packet.port, packet.port) if protocol else None
