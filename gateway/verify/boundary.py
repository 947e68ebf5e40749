"""Packets at the edges of a ruleset: where a small change would be seen.

For each sender and each service that a ruleset names there is a packet, and
that packet again with one thing changed.  They are followed one at a time
through two rulesets; no diagram is made, so this can tell whether the prover
that makes diagrams is right.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv6Address
from itertools import islice, product
from typing import NamedTuple, TypeVar

from gateway.policy.decide import ECHO_REQUEST, ICMP, ICMPV6, TCP, UDP, Packet, State
from gateway.policy.model import Address
from gateway.policy.topology import Hook
from gateway.verify.diagram import Interval
from gateway.verify.kernel import Kernel
from gateway.verify.meaning import interfaces_named
from gateway.verify.outcome import Outcome
from gateway.verify.packets import IPV4_SHIFT, Packets
from gateway.verify.trace import trace
from gateway.verify.words import Lookup, Match, Value

#: So many packets are followed at most.
LIMIT = 50_000

_OUTSIDE: dict[int, Address] = {4: IPv4Address("198.51.100.9"), 6: IPv6Address("2001:db8:9::9")}
_PING = {4: ICMP, 6: ICMPV6}
_GRE = 47
_TOP_PORT = 65535
_STRANGE_INTERFACE = "eth9"


Kind = TypeVar("Kind")


class _Sender(NamedTuple):
    arrival: str
    source: Address


class _Destination(NamedTuple):
    destination: Address
    protocol: int
    port: int


@dataclass
class Boundary:
    """The edges of one ruleset, to hold others to; remembers what it said of each packet."""

    kernel: Kernel
    _outcomes: dict[Packet, Outcome] = field(default_factory=dict)

    def first_difference(self, other: Kernel) -> Packet | None:
        """Give the first boundary packet that the other treats differently, or None."""
        named = interfaces_named(self.kernel) | interfaces_named(other)
        packets = Packets(named)
        for packet in islice(boundary_packets(self.kernel, other), LIMIT):
            known = self._outcomes.get(packet)
            if known is None:
                known = self._outcomes[packet] = trace(self.kernel, packets, packet).outcome
            if trace(other, packets, packet).outcome != known:
                return packet
        return None


def boundary_packets(*kernels: Kernel) -> Iterator[Packet]:
    """Give packets at the edges of what any of the rulesets compares, each once.

    Where two sets of boxes differ, they differ at the lowest corner of a box,
    or just behind the end of one.
    """
    return iter(dict.fromkeys(_packets(kernels)))


def _packets(kernels: Iterable[Kernel]) -> Iterator[Packet]:
    lookups = [look for kernel in kernels for look in _statements(kernel, Lookup)]
    matches = [match for kernel in kernels for match in _statements(kernel, Match)]
    departures = sorted({"lo", _STRANGE_INTERFACE, *_departures(matches)})
    for version in (4, 6):
        compared = list(_compared(matches, version))
        senders = list(dict.fromkeys((*_senders(lookups, version), *_of(compared, _Sender))))
        targets = list(dict.fromkeys((*_targets(lookups, version), *_of(compared, _Destination))))
        for sender in senders:
            yield from _of_other_kind(sender, targets[0])
            for target in targets:
                arrival, source = sender
                for departure in departures:
                    yield Packet(Hook.FORWARD, arrival, departure, source, *target)
                yield Packet(Hook.INPUT, arrival, "", source, *target)
                if arrival == _STRANGE_INTERFACE:
                    for departure in departures:
                        yield Packet(Hook.OUTPUT, "", departure, source, *target)


def _of_other_kind(sender: _Sender, target: _Destination) -> Iterator[Packet]:
    """Give packets that are not first ones, and those that look for neighbours."""
    base = Packet(Hook.FORWARD, sender.arrival, "", sender.source, *target)
    for hook in Hook:
        arrival = "" if hook is Hook.OUTPUT else sender.arrival
        here = replace(base, hook=hook, arrival=arrival)
        yield from (replace(here, state=state) for state in State)
        for port, hop_limit in product((135, 136, 137), (64, 255)):
            yield replace(here, protocol=ICMPV6, port=port, hop_limit=hop_limit)


def _statements(kernel: Kernel, kind: type[Kind]) -> list[Kind]:
    return [
        statement
        for chain in kernel.chains.values()
        for rule in chain.rules
        for statement in rule.statements
        if isinstance(statement, kind)
    ]


def _of(found: Iterable[object], kind: type[Kind]) -> Iterator[Kind]:
    return (one for one in found if isinstance(one, kind))


def _departures(matches: Iterable[Match]) -> Iterator[str]:
    for match in matches:
        if match.key.variable == "departure":
            yield from (value for value in match.values if isinstance(value, str))


def _compared(matches: Iterable[Match], version: int) -> Iterator[_Sender | _Destination]:
    """Give what single comparisons ask for, from and to addresses of no zone."""
    for match in matches:
        for value in match.values:
            if isinstance(value, str):
                yield _Sender(value, _OUTSIDE[version])
            elif match.key.variable == "source" and match.key.family == (version == 6):  # noqa: PLR2004 - IPv6
                yield _Sender(_STRANGE_INTERFACE, next(_edges(version, value)))
            elif match.key.variable == "port":
                for protocol in (TCP, UDP):
                    yield _Destination(_OUTSIDE[version], protocol, value[0])


def _senders(lookups: Iterable[Lookup], version: int) -> Iterator[_Sender]:
    """Give each interface with the addresses at the edges of what it may send from."""
    yield _Sender("lo", _OUTSIDE[version])
    found = list(lookups)
    arrivals = [value for value in _values(found, "arrival", version) if isinstance(value, str)]
    for source in _values(found, "source", version):
        if isinstance(source, str):
            continue
        for address in _edges(version, source):
            for arrival in dict.fromkeys((*arrivals, _STRANGE_INTERFACE)):
                yield _Sender(arrival, address)


def _values(lookups: Iterable[Lookup], variable: str, version: int) -> Iterator[Value]:
    """Give what the elements of the lookups say of one variable."""
    for lookup in lookups:
        variables = [key.variable for key in lookup.keys]
        if variable in variables and _is_of(lookup, version):
            yield from (element.values[variables.index(variable)] for element in lookup.elements)


def _targets(lookups: Iterable[Lookup], version: int) -> Iterator[_Destination]:
    """Give each service with the addresses and ports at its edges."""
    yield _Destination(_OUTSIDE[version], TCP, 443)
    yield _Destination(_OUTSIDE[version], _GRE, 0)
    for lookup in lookups:
        variables = [key.variable for key in lookup.keys]
        if "destination" not in variables or not _is_of(lookup, version):
            continue
        for element in lookup.elements:
            values = dict(zip(variables, element.values, strict=True))
            destination = values["destination"]
            if isinstance(destination, str):
                continue
            first, behind = _edges(version, destination)
            main, *others = _services(values.get("protocol"), values.get("port"), version)
            yield _Destination(first, *main)
            yield _Destination(behind, *main)
            yield from (_Destination(first, *service) for service in others)


def _services(protocol: object, port: object, version: int) -> Iterator[tuple[int, int]]:
    """Give a service, then one just beside it, and one of another protocol."""
    ping = _PING[version]
    if isinstance(protocol, tuple) and not isinstance(port, tuple):
        yield from ((protocol[0], 0), (protocol[0] + 1, 0), (TCP, 0))
        return
    if not isinstance(protocol, tuple) or not isinstance(port, tuple):
        echo = ECHO_REQUEST[ping]
        other = ICMPV6 if ping == ICMP else ICMP
        yield from ((ping, echo), (ping, echo + 1), (other, ECHO_REQUEST[other]))
        return
    number, low, high = protocol[0], port[0], port[1]
    yield from ((number, low), (number, min(high + 1, _TOP_PORT)))
    yield (UDP if number == TCP else TCP), low


def _is_of(lookup: Lookup, version: int) -> bool:
    """Tell whether a lookup is of a family; one that names no family is of both."""
    families = {key.family for key in lookup.keys if key.family is not None}
    return not families or (version == 6) in families  # noqa: PLR2004 - IPv6


def _edges(version: int, interval: Interval) -> Iterator[Address]:
    """Give the first address of an interval, and the one just behind it."""
    low, high = interval
    if version == 4:  # noqa: PLR2004 - IPv4
        yield IPv4Address(low >> IPV4_SHIFT)
        yield IPv4Address(min((high >> IPV4_SHIFT) + 1, (1 << 32) - 1))
    else:
        yield IPv6Address(low)
        yield IPv6Address(min(high + 1, (1 << 128) - 1))
