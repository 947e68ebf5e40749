"""Every packet that can come to a hook, as numbers.

The kernel's rules and the signed policy are both turned into diagrams over
this one space, so it holds only what a packet is and nothing of either side.

An address of IPv4 stands for the 2^96 numbers that begin with it, and a
message type of ICMP for the 256 ports that do: so every number of the space is
some packet's, and two diagrams cannot differ where no packet is.
"""

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address
from itertools import pairwise
from types import MappingProxyType
from typing import Final

from gateway.policy.decide import ICMP, ICMPV6, Packet, State
from gateway.policy.model import Address, Network
from gateway.policy.topology import Hook
from gateway.verify.diagram import Interval, Node, Region, Row, Space

STATES: Final = tuple(State)
STATE_NUMBER: Final = MappingProxyType({state: number for number, state in enumerate(STATES)})

#: The family of a packet as a number of the space.
FAMILY: Final = MappingProxyType({4: 0, 6: 1})

#: How many bits an IPv4 address is moved up.
IPV4_SHIFT: Final = 96

#: How many bits a message type is moved up.
TYPE_SHIFT: Final = 8

#: Stands for every interface that neither side names.
OTHER_INTERFACE: Final = ""

_TOP_ADDRESS = (1 << 128) - 1
_TOP_PORT = (1 << 16) - 1
_TOP_BYTE = 255


class Packets:
    """The space of packets, given the interfaces that one of the sides names."""

    def __init__(self, interfaces: Iterable[str]) -> None:
        """Number the interfaces; all that are not named are one, called ``""``."""
        self.interfaces = (OTHER_INTERFACE, *sorted(set(interfaces) - {OTHER_INTERFACE}))
        self._numbers = {name: number for number, name in enumerate(self.interfaces)}
        self._divided: dict[tuple[frozenset[tuple[Row, Node]], Node], Node] = {}
        top_interface = len(self.interfaces) - 1
        self.space = Space(
            [
                ("family", 1),
                ("state", len(STATES) - 1),
                ("arrival", top_interface),
                ("source", _TOP_ADDRESS),
                ("hop_limit", _TOP_BYTE),
                ("destination", _TOP_ADDRESS),
                ("protocol", _TOP_BYTE),
                ("port", _TOP_PORT),
                ("departure", top_interface),
            ]
        )

    def divide(self, rows: Sequence[Row], targets: Sequence[Node], outside: Node) -> Node:
        """Give the diagram that goes on with its own target in each row, and outside elsewhere.

        The first of two rows that overlap wins.
        """
        kept = self._divided.get((frozenset(zip(rows, targets, strict=True)), outside))
        if kept is not None:
            return kept
        space = self.space
        places = space.cubes(rows, targets, outside)
        return space.choose(places, {target: target for target in {*targets, outside}})

    def keep(self, rows: Sequence[Row], targets: Sequence[Node], outside: Node, node: Node) -> None:
        """Remember a division whose rows are disjoint, so that their order does not matter.

        Most often the policy then asks for exactly these rows: what is the
        same set of disjoint rows is the same diagram and need not be made again.
        """
        self._divided[frozenset(zip(rows, targets, strict=True)), outside] = node

    def interface(self, name: str) -> Interval:
        """Give one interface as an interval."""
        number = self._numbers.get(name, 0)
        return number, number

    def numbers(self, packet: Packet) -> dict[str, int]:
        """Give a packet as a value of each variable."""
        version = packet.source.version
        has_type = packet.protocol in (ICMP, ICMPV6)
        return {
            "family": FAMILY[version],
            "state": STATE_NUMBER[packet.state],
            "arrival": self._numbers.get(packet.arrival, 0),
            "source": address_interval(packet.source)[0],
            "hop_limit": packet.hop_limit,
            "destination": address_interval(packet.destination)[0],
            "protocol": packet.protocol,
            "port": packet.port << TYPE_SHIFT if has_type else packet.port,
            "departure": self._numbers.get(packet.departure, 0),
        }

    def packet(self, hook: Hook, region: Region) -> Packet:
        """Give one packet of a region, with addresses that a host could have."""
        lowest = {name: interval[0] for name, interval in region.items()}
        version = 6 if lowest.get("family") == FAMILY[6] else 4
        protocol = lowest.get("protocol", 0)
        port = lowest.get("port", 0)
        return Packet(
            hook=hook,
            arrival=self.interfaces[lowest.get("arrival", 0)],
            departure=self.interfaces[lowest.get("departure", 0)],
            source=_host(version, region.get("source")),
            destination=_host(version, region.get("destination")),
            protocol=protocol,
            port=port >> TYPE_SHIFT if protocol in (ICMP, ICMPV6) else port,
            state=STATES[lowest.get("state", 0)],
            hop_limit=lowest.get("hop_limit", 0),
        )


def address_interval(address: Address) -> Interval:
    """Give one address as an interval."""
    if address.version == 4:  # noqa: PLR2004 - IPv4
        low = int(address) << IPV4_SHIFT
        return low, low + (1 << IPV4_SHIFT) - 1
    return int(address), int(address)


def network_interval(network: Network) -> Interval:
    """Give the addresses of a network as an interval."""
    first, last = network.network_address, network.broadcast_address
    return address_interval(first)[0], address_interval(last)[1]


def type_interval(message_type: int) -> Interval:
    """Give a message type of ICMP as an interval of ports."""
    return message_type << TYPE_SHIFT, (message_type << TYPE_SHIFT) + _TOP_BYTE


def complement(intervals: Iterable[Interval], top: int) -> list[Interval]:
    """Give the intervals from 0 to `top` that lie between those given."""
    gaps: list[Interval] = []
    low = 0
    for first, last in sorted(intervals):
        if first > low:
            gaps.append((low, first - 1))
        low = max(low, last + 1)
    return [*gaps, (low, top)] if low <= top else gaps


def holds(region: Mapping[str, Interval], numbers: Mapping[str, int]) -> bool:
    """Tell whether a packet lies in a region."""
    return all(low <= numbers[name] <= high for name, (low, high) in region.items())


def plainly_disjoint(rows: Sequence[Row]) -> bool:
    """Tell whether rows are disjoint already by being sorted apart variable by variable.

    True is certain and quickly found; False is not, and the space knows.
    """
    waiting = [(0, rows)]
    while waiting:
        level, together = waiting.pop()
        if len(together) <= 1:
            continue
        if level == len(together[0]):
            return False
        groups: dict[Interval | None, list[Row]] = {}
        for row in together:
            groups.setdefault(row[level], []).append(row)
        if len(groups) > 1:
            if None in groups:
                return False
            intervals = sorted(interval for interval in groups if interval)
            if any(a[1] >= b[0] for a, b in pairwise(intervals)):
                return False
        waiting += [(level + 1, group) for group in groups.values()]
    return True


def _host(version: int, interval: Interval | None) -> Address:
    """Give the second address of an interval where it has one: the first names a network."""
    low, high = interval or (0, _TOP_ADDRESS)
    if version == 4:  # noqa: PLR2004 - IPv4
        low, high = low >> IPV4_SHIFT, high >> IPV4_SHIFT
        return IPv4Address(min(low + 1, high))
    return IPv6Address(min(low + 1, high))
