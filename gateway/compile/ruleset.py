"""A gateway's slice of a plan as a ruleset.

Shape: the connection's state first, then the interface, then the source
address, which leads to the chain of the source zone, whose own small maps hold
destination, protocol and port.  So a packet pays for its own zone's conduits
and not for the size of the policy.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from gateway.artefacts import MARK, Chain, Element, Ruleset, VerdictMap
from gateway.compile.scaffold import HOOKS, scaffold
from gateway.errors import Problem, problem, refuse_any
from gateway.policy.access import without
from gateway.policy.decide import LINK_PORTS, VRRP
from gateway.policy.model import Network, Plan, Ports, Protocol, Zone
from gateway.policy.names import identifier
from gateway.policy.reasons import Reason
from gateway.policy.topology import Crossing, GatewaySlice, Hook, slices

#: How a chain of a source zone is called at each hook.
_CHAIN_PREFIX = {Hook.FORWARD: "from", Hook.INPUT: "in", Hook.OUTPUT: "out"}

#: How the map is called that leads from an interface to those who may send by it.
_ARRIVALS_NAME = {Hook.FORWARD: "sources", Hook.INPUT: "visitors"}

#: How the map is called that knows the links' own packets on their lines.
_LINES_NAME = {Hook.INPUT: "lines_in", Hook.OUTPUT: "lines_out"}

#: How the map is called that knows what a pair say to each other on the cable between them.
_HEARTBEAT_NAME = {Hook.INPUT: "heartbeat_in", Hook.OUTPUT: "heartbeat_out"}
_INTERFACE_WORD = {Hook.INPUT: "iifname", Hook.OUTPUT: "oifname"}

_FAMILY_WORD = {4: "ip", 6: "ip6"}
_ADDRESS_TYPE = {4: "ipv4_addr", 6: "ipv6_addr"}
_PING_WORD = {4: "icmp", 6: "icmpv6"}


def compile_plan(plan: Plan) -> dict[str, Ruleset]:
    """Compile every gateway of a plan.

    Raises:
        Refused: some entry of some gateway could never match.
    """
    return {name: compile_slice(part) for name, part in slices(plan).items()}


def compile_slice(part: GatewaySlice) -> Ruleset:
    """Compile one gateway's slice.

    Raises:
        Refused: an entry could never match; names each such conduit.
    """
    compiler = _Compiler(part)
    for hook in Hook:
        compiler.add_hook(hook)
    refuse_any(compiler.problems)
    compiler.add_exits()
    return Ruleset(
        gateway=part.gateway,
        scaffold=scaffold(),
        maps=tuple(compiler.maps),
        chains=tuple(compiler.chains),
        hooks=HOOKS,
    )


@dataclass
class _Compiler:
    """Collects the maps and chains of one gateway, hook by hook."""

    part: GatewaySlice
    maps: list[VerdictMap] = field(default_factory=list)
    chains: list[Chain] = field(default_factory=list)
    exits: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    def add_hook(self, hook: Hook) -> None:
        """Add the chain that a hook goes to, and the chain of each source zone behind it."""
        by_arrival: dict[str, dict[int, list[Element]]] = {}
        for (zone, arrival), crossings in self._by_source(hook).items():
            verdict = self._source_chain(hook, zone, crossings)
            senders = by_arrival.setdefault(arrival, {4: [], 6: []})
            for network in zone.ranges:
                senders[network.version].append(Element(_cidr(network), verdict, zone.name))
        if hook is Hook.OUTPUT:
            # What the gateway sends itself comes by no interface.
            own = by_arrival.get("", {4: [], 6: []})
            chain = self._sender_chain(hook, "own", own)
            self.chains.append(replace(chain, rules=(*self._cable_rules(hook), *chain.rules)))
        else:
            self._add_arrivals(hook, by_arrival)

    def _add_arrivals(self, hook: Hook, by_arrival: Mapping[str, dict[int, list[Element]]]) -> None:
        """Lead each interface to the chain that knows who may send by it.

        The interface is looked up by hash and its few senders by range: one
        map of both slows down with the number of zones in the city.
        """
        name = _ARRIVALS_NAME[hook]
        elements: list[Element] = []
        for arrival, senders in by_arrival.items():
            chain = f"{name}_{arrival}"
            self.chains.append(self._sender_chain(chain, chain, senders))
            elements.append(Element(f'"{arrival}"', f"goto {MARK}{chain}", arrival))
        rules = list(self._cable_rules(hook)) if hook is Hook.INPUT else []
        if elements:
            self._add_map(name, "ifname", elements, ranges=False)
            rules.append(f"iifname vmap @{MARK}{name}")
        self.chains.append(Chain(hook, (*rules, _refuse(Reason.UNEXPECTED_SOURCE))))

    def _sender_chain(self, chain: str, name: str, senders: dict[int, list[Element]]) -> Chain:
        rules = []
        for version, elements in senders.items():
            if elements:
                self._add_map(f"{name}{version}", _ADDRESS_TYPE[version], elements)
                rules += [f"{_FAMILY_WORD[version]} saddr vmap @{MARK}{name}{version}"]
        return Chain(chain, (*rules, _refuse(Reason.UNEXPECTED_SOURCE)))

    def _cable_rules(self, hook: Hook) -> Iterator[str]:
        yield from self._line_rule(hook)
        yield from self._heartbeat_rule(hook)

    def _line_rule(self, hook: Hook) -> Iterator[str]:
        """Accept what the two ends of a line send each other for the link over it."""
        if not self.part.lines:
            return
        name, word = _LINES_NAME[hook], _INTERFACE_WORD[hook]
        elements = []
        for line in self.part.lines:
            ends = (line.far, line.own) if hook is Hook.INPUT else (line.own, line.far)
            where = " . ".join((f'"{line.interface}"', *map(str, ends)))
            elements += [
                Element(f"{where} . {port}", "accept", line.interface)
                for port in sorted(LINK_PORTS)
            ]
        self._add_map(name, "ifname . ipv6_addr . ipv6_addr . inet_service", elements, ranges=False)
        yield f"{word} . ip6 saddr . ip6 daddr . udp dport vmap @{MARK}{name}"

    def _heartbeat_rule(self, hook: Hook) -> Iterator[str]:
        """Accept what the two gateways of a pair say to each other: VRRP, and nothing else.

        Either may be this one: both have the same ruleset, to the byte.
        """
        heartbeat = self.part.heartbeat
        if heartbeat is None:
            return
        name, cable = _HEARTBEAT_NAME[hook], heartbeat.interface
        elements = [
            Element(f'"{cable}" . {end} . {heartbeat.group} . {VRRP}', "accept", cable)
            for end in heartbeat.ends
        ]
        self._add_map(name, "ifname . ipv6_addr . ipv6_addr . inet_proto", elements, ranges=False)
        word = _INTERFACE_WORD[hook]
        yield f"{word} . ip6 saddr . ip6 daddr . meta l4proto vmap @{MARK}{name}"

    def add_exits(self) -> None:
        """Add the chains that let a packet out by the one interface it may take."""
        self.chains += [
            Chain(
                f"exit_{interface}",
                (f'oifname "{interface}" accept', _refuse(Reason.WRONG_EXIT)),
            )
            for interface in sorted(self.exits)
        ]

    def _by_source(self, hook: Hook) -> dict[tuple[Zone, str], list[Crossing]]:
        """Group what crosses a hook by who sends; a zone of this site may always send."""
        groups: dict[tuple[str, str], tuple[Zone, list[Crossing]]] = {}
        if hook is not Hook.OUTPUT:
            groups = {(zone.name, zone.interface): (zone, []) for zone in self.part.local}
        for crossing in self.part.crossings:
            if crossing.hop.hook is hook:
                key = (crossing.source.name, crossing.hop.arrival)
                groups.setdefault(key, (crossing.source, []))[1].append(crossing)
        return {(groups[k][0], k[1]): groups[k][1] for k in sorted(groups)}

    def _source_chain(self, hook: Hook, zone: Zone, crossings: list[Crossing]) -> str:
        """Add one zone's chain and maps; give the verdict that leads there."""
        if not crossings:
            return _refuse(Reason.NO_CONDUIT)
        name = f"{_CHAIN_PREFIX[hook]}_{identifier(zone.name)}"
        elements = self._elements(hook, crossings)
        rules: list[str] = []
        for version in (4, 6):
            flows, pings = elements[version]
            rules += self._service_rule(name, version, flows)
            rules += self._ping_rule(name, version, pings)
        self.chains.append(Chain(name, (*rules, _refuse(Reason.NO_CONDUIT))))
        return f"goto {MARK}{name}"

    def _elements(
        self, hook: Hook, crossings: list[Crossing]
    ) -> dict[int, tuple[list[Element], list[Element]]]:
        """Give each family's elements: those with a port, and those of ping."""
        found: dict[int, tuple[list[Element], list[Element]]] = {4: ([], []), 6: ([], [])}
        taken: dict[str, list[Ports]] = {}
        for crossing in crossings:
            families = _versions(crossing.source) & _versions(crossing.destination)
            # The kernel takes some overlapping elements and lets the first win
            # without a word, so nothing that overlaps is ever given to it.
            claimed_before = taken.setdefault(crossing.destination.name, [])
            ports = without(crossing.conduit.ports, claimed_before)
            claimed_before += ports
            if not families or not ports:
                self.problems.append(_never_matches(crossing))
            verdict = self._verdict(hook, crossing)
            for network in crossing.destination.ranges:
                if network.version not in families:
                    continue
                flows, pings = found[network.version]
                for claimed in ports:
                    origin = crossing.conduit.name
                    if claimed.protocol is Protocol.ICMP:
                        pings.append(Element(_cidr(network), verdict, origin))
                    else:
                        service = f"{claimed.protocol} . {_range(claimed.low, claimed.high)}"
                        key = f"{_cidr(network)} . {service}"
                        flows.append(Element(key, verdict, origin))
        return found

    def _verdict(self, hook: Hook, crossing: Crossing) -> str:
        """Accept what the gateway itself receives; let out the rest by its interface."""
        if hook is Hook.INPUT:
            return "accept"
        self.exits.add(crossing.hop.departure)
        return f"goto {MARK}exit_{crossing.hop.departure}"

    def _service_rule(self, chain: str, version: int, elements: list[Element]) -> Iterator[str]:
        if elements:
            name = f"{chain}_{version}"
            self._add_map(name, f"{_ADDRESS_TYPE[version]} . inet_proto . inet_service", elements)
            yield f"{_FAMILY_WORD[version]} daddr . meta l4proto . th dport vmap @{MARK}{name}"

    def _ping_rule(self, chain: str, version: int, elements: list[Element]) -> Iterator[str]:
        if elements:
            name = f"{chain}_ping{version}"
            self._add_map(name, _ADDRESS_TYPE[version], elements)
            match = f"{_PING_WORD[version]} type echo-request"
            yield f"{match} {_FAMILY_WORD[version]} daddr vmap @{MARK}{name}"

    def _add_map(
        self, name: str, key_type: str, elements: Iterable[Element], *, ranges: bool = True
    ) -> None:
        self.maps.append(VerdictMap(name, key_type, tuple(sorted(elements)), ranges=ranges))


def _refuse(reason: Reason) -> str:
    return f"goto refuse_{reason}"


def _versions(zone: Zone) -> set[int]:
    return {network.version for network in zone.ranges}


def _cidr(network: Network) -> str:
    if network.prefixlen == network.max_prefixlen:
        return str(network.network_address)
    return str(network)


def _range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}-{high}"


def _never_matches(crossing: Crossing) -> Problem:
    return problem(
        "ZG401",
        crossing.conduit.where,
        conduit=crossing.conduit.name,
        source=crossing.source.name,
        destination=crossing.destination.name,
        gateway=crossing.hop.gateway,
    )
