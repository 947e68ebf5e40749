"""Which live connections a policy still permits at a gateway, and the end of the others.

A ruleset judges first packets only, so a connection that was accepted lives
on under a policy that would refuse it, until its entry is taken out.  The
index below is quick; a test holds it to the reference decision.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway.load.conntrack import TrackedFlow, cut, local_addresses, tracked_flows
from gateway.policy.decide import ECHO_REQUEST, ICMP, ICMPV6, LINK_PORTS, TCP, UDP
from gateway.policy.lines import lines_of
from gateway.policy.model import Conduit, Plan, Ports, Protocol, Zone
from gateway.policy.topology import hops

_IPV4_BYTES = 4
_PING = {_IPV4_BYTES: ICMP, 16: ICMPV6}
_LOOPBACK_FIRST_BYTE = 127

#: Protocol number, first and last port or message type.
_Spans = tuple[tuple[int, int, int], ...]

_OF_A_LINK: _Spans = tuple((UDP, port, port) for port in sorted(LINK_PORTS))


@dataclass(slots=True)
class Permitted:
    """What a plan lets pass one gateway, in a form that answers quickly.

    Ways are found when first asked for: few of a plan's conduits are in use at once.
    """

    _plan: Plan
    _gateway: str
    _zones: dict[int, tuple[list[int], list[int], list[str]]]
    _conduits: dict[tuple[str, str], list[Conduit]]
    _lines: frozenset[tuple[bytes, bytes]]
    _known: dict[tuple[bytes, bytes], _Spans] = field(default_factory=dict)

    def permits(self, source: bytes, destination: bytes, protocol: int, port: int) -> bool:
        """Tell whether a conduit or a line carries this past the gateway; addresses are packed.

        `port` is the destination port, or the message type of icmp and icmpv6.
        """
        spans = self._known.get((source, destination))
        if spans is None:
            spans = self._known[source, destination] = self._between(source, destination)
        return any(number == protocol and low <= port <= high for number, low, high in spans)

    def _between(self, source: bytes, destination: bytes) -> _Spans:
        if (source, destination) in self._lines:
            return _OF_A_LINK
        start, end = self._zone(source), self._zone(destination)
        if start is None or end is None or len(source) != len(destination):
            return ()
        conduits = self._conduits.get((start, end), ())
        if not conduits or not self._passes(start, end):
            return ()
        return tuple(_span(ports, len(source)) for each in conduits for ports in each.ports)

    def _passes(self, start: str, end: str) -> bool:
        zones = self._plan.zones
        return any(
            hop.gateway == self._gateway for hop in hops(self._plan, zones[start], zones[end])
        )

    def _zone(self, address: bytes) -> str | None:
        lows, highs, names = self._zones.get(len(address), ([], [], []))
        number = int.from_bytes(address, "big")
        place = bisect_right(lows, number) - 1
        return names[place] if place >= 0 and number <= highs[place] else None


def permitted(plan: Plan, gateway: str) -> Permitted:
    """Make the index of one gateway of a plan."""
    conduits: dict[tuple[str, str], list[Conduit]] = defaultdict(list)
    for conduit in plan.passages:
        conduits[conduit.source, conduit.destination].append(conduit)
    zones = plan.zones.values()
    ranges = {4: _ranges(zones, 4), 16: _ranges(zones, 6)}
    ends = [(line.own.packed, line.far.packed) for line in lines_of(plan, gateway)]
    lines = frozenset(way for own, far in ends for way in ((own, far), (far, own)))
    return Permitted(plan, gateway, ranges, dict(conduits), lines)


def cut_forbidden(allowed: Permitted) -> int:
    """Take out every connection that is no longer permitted; give how many.

    Raises:
        Refused: ZG509, the kernel's table cannot be read or changed.
    """
    return cut(
        found
        for found in _through_the_network()
        if not allowed.permits(found.source, found.destination, found.protocol, found.port)
    )


def cut_later_than(before: frozenset[bytes]) -> int:
    """Take out every connection that was not there before; give how many.

    Raises:
        Refused: ZG509, the kernel's table cannot be read or changed.
    """
    return cut(found for found in _through_the_network() if found.original not in before)


def _through_the_network() -> Iterable[TrackedFlow]:
    """Give the connections but those that stay inside the host, which no policy judges."""
    own = local_addresses()

    def is_own(address: bytes) -> bool:
        return address in own or (
            len(address) == _IPV4_BYTES and address[0] == _LOOPBACK_FIRST_BYTE
        )

    return (c for c in tracked_flows() if not (is_own(c.source) and is_own(c.destination)))


def _ranges(zones: Iterable[Zone], version: int) -> tuple[list[int], list[int], list[str]]:
    """Give the ranges of one family in order; zones never overlap."""
    found = sorted(
        (int(network.network_address), int(network.broadcast_address), zone.name)
        for zone in zones
        for network in zone.ranges
        if network.version == version
    )
    return [low for low, _, _ in found], [high for _, high, _ in found], [n for _, _, n in found]


def _span(ports: Ports, address_bytes: int) -> tuple[int, int, int]:
    if ports.protocol is Protocol.ICMP:
        number = _PING[address_bytes]
        return (number, ECHO_REQUEST[number], ECHO_REQUEST[number])
    return (TCP if ports.protocol is Protocol.TCP else UDP, ports.low, ports.high)
