"""The whole plan: what really arrives where, across all gateways of a path.

Everything that a zone could send is pushed through the rules that each gateway
was found to hold, along every interface they let it out by, until it arrives.
What arrives is then held to the conduits.  So two gateways that are each a
little wrong are judged by what they let through together.

Only first packets are pushed: what follows them is let through by its state.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from gateway.errors import Problem, problem
from gateway.policy.decide import TCP, State
from gateway.policy.model import Conduit, Plan, Zone
from gateway.policy.topology import GatewaySlice, Hook, hops, link_interface, path, slices
from gateway.verify.compare import service_words
from gateway.verify.diagram import Node, Region
from gateway.verify.expected import interfaces, ports_region, zone_regions
from gateway.verify.kernel import Kernel
from gateway.verify.meaning import Meaning, interfaces_named
from gateway.verify.outcome import Outcome
from gateway.verify.packets import STATE_NUMBER, Packets

#: A first packet from afar: neighbour discovery, which stays on its link, has 255.
_HOP_LIMIT = 64

#: So many findings are given in all.
LIMIT = 50


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where packets come from: a zone of ours, or all that lies behind a site that is not.

    `entries` are the gateways and interfaces that they come to first, and the
    neighbour whose link it is, if it is one; a gateway's own packets come to
    its output hook, by no interface.
    """

    name: str
    zones: tuple[Zone, ...]
    entries: tuple[tuple[str, str, str], ...]


@dataclass
class _Gateway:
    """One gateway's rules as sets of first packets that may pass."""

    part: GatewaySlice
    meaning: Meaning
    neighbours: Mapping[str, tuple[str, ...]]
    _known: dict[tuple[Hook, str], Node] = field(default_factory=dict)

    def passing(self, hook: Hook, arrival: str) -> Node:
        """Give the first packets that a hook lets through from one interface."""
        known = self._known.get((hook, arrival))
        if known is None:
            space = self.meaning.packets.space
            node = self._first_packets[hook]
            if hook is not Hook.OUTPUT:
                number = self.meaning.packets.interface(arrival)[0]
                node = space.restrict(node, "arrival", number)
            known = self._known[hook, arrival] = node
        return known

    @cached_property
    def _first_packets(self) -> dict[Hook, Node]:
        space = self.meaning.packets.space
        nodes = {}
        for hook in Hook:
            node = space.restrict(self.meaning.hook(hook), "state", STATE_NUMBER[State.NEW])
            node = space.restrict(node, "hop_limit", _HOP_LIMIT)
            nodes[hook] = space.map_terminals(node, _is_accepted)
        return nodes

    @cached_property
    def exits(self) -> dict[int, str]:
        """The number of each interface that leads somewhere, and its name."""
        names = [*(zone.interface for zone in self.part.local), *self.part.links.values()]
        return {self.meaning.packets.interface(name)[0]: name for name in names}


@dataclass
class _Network:
    """All gateways that were read, joined as the plan joins them."""

    plan: Plan
    packets: Packets
    gateways: dict[str, _Gateway]
    _sides: dict[tuple[str, str, str], Node] = field(default_factory=dict)

    def arrivals(self, origin: _Origin) -> dict[str, Node]:
        """Give what arrives in each place when an origin sends all it can."""
        space = self.packets.space
        arrived: dict[str, Node] = defaultdict(lambda: space.nothing)
        waiting = [
            (gateway, arrival, self._out_of_link(gateway, neighbour, space.everything))
            for gateway, arrival, neighbour in origin.entries
        ]
        seen = set(waiting)
        while waiting:
            name, arrival, sent = waiting.pop()
            gateway = self.gateways.get(name)
            if gateway is None:
                continue
            if arrival:
                received = space.intersect(sent, gateway.passing(Hook.INPUT, arrival))
                if received != space.nothing:
                    place = _gateway_place(gateway.part)
                    arrived[place] = space.union(arrived[place], received)
            hook = Hook.FORWARD if arrival else Hook.OUTPUT
            passed = space.intersect(sent, gateway.passing(hook, arrival))
            for exit_, leaving in self._by_exit(gateway, passed):
                if exit_ not in gateway.neighbours:
                    place = _zone_behind(gateway.part, exit_).name
                    arrived[place] = space.union(arrived[place], leaving)
                    continue
                for neighbour, carried in self._by_link(gateway, exit_, leaving):
                    if not self.plan.sites[neighbour].managed:
                        arrived[neighbour] = space.union(arrived[neighbour], carried)
                        continue
                    coming = self._out_of_link(neighbour, name, carried)
                    step = (neighbour, link_interface(self.plan, name), coming)
                    if step not in seen:
                        seen.add(step)
                        waiting.append(step)
        return arrived

    def _by_link(self, gateway: _Gateway, exit_: str, leaving: Node) -> Iterator[tuple[str, Node]]:
        """Divide what leaves by one interface among the links that it leads to.

        Where links share it, each carries what goes to the sites behind it.
        """
        neighbours = gateway.neighbours[exit_]
        if len(neighbours) == 1:
            yield neighbours[0], leaving
            return
        for neighbour in neighbours:
            behind = self._behind(gateway.part.gateway, neighbour, "destination")
            yield neighbour, self.packets.space.intersect(leaving, behind)

    def _out_of_link(self, site: str, neighbour: str, sent: Node) -> Node:
        """Give what comes out of a link of what was put in.

        Where links share an interface a ruleset cannot tell them apart: it is the
        selectors, proven at each gateway, that hold a source to its own link.
        """
        if not (neighbour and self.plan.shares_link):
            return sent
        return self.packets.space.intersect(sent, self._behind(site, neighbour, "source"))

    def _behind(self, site: str, neighbour: str, end: str) -> Node:
        """Give the packets whose source, or destination, is on a neighbour's side of a site."""
        known = self._sides.get((site, neighbour, end))
        if known is None:
            plan, here = self.plan, self.plan.sites[site]
            ranges = [
                region
                for zone in plan.zones.values()
                if neighbour in path(plan, here, plan.sites[zone.site])[1:2]
                for _, region in zone_regions(zone, end)
            ]
            known = self._sides[site, neighbour, end] = self.set_of(ranges)
        return known

    def _by_exit(self, gateway: _Gateway, passed: Node) -> Iterator[tuple[str, Node]]:
        """Divide what passes by the interface it leaves by."""
        regions: dict[str, list[Region]] = defaultdict(list)
        for region, _ in self.packets.space.regions(passed):
            low, high = region.pop("departure", (0, len(self.packets.interfaces)))
            if low == high:
                if low in gateway.exits:
                    regions[gateway.exits[low]].append(region)
                continue
            for number, exit_ in gateway.exits.items():
                if low <= number <= high:
                    regions[exit_].append(region)
        for exit_, leaving in regions.items():
            yield exit_, self.set_of(leaving)

    def set_of(self, regions: list[Region]) -> Node:
        """Give the packets of any of the regions."""
        space = self.packets.space
        rows = [space.row(region) for region in regions]
        return space.cubes(rows, [True] * len(rows), outside=False)


@dataclass
class _Proof:
    """What arrives beside what the conduits say, origin by origin."""

    network: _Network
    wanted: Mapping[tuple[str, str], list[Conduit]]
    findings: list[Problem] = field(default_factory=list)

    def add(self, origin: _Origin) -> None:
        """Compare all that one origin can send."""
        arrived = self.network.arrivals(origin)
        wanted = {place for source, place in self.wanted if source == origin.name}
        for place in sorted({*arrived, *wanted}):
            found = arrived.get(place, self.network.packets.space.nothing)
            conduits = self.wanted.get((origin.name, place), [])
            asked = self.network.set_of([r for c in conduits for r in self._regions(c)])
            if found != asked:
                self._compare(origin, place, found, asked)
                self._find_broken(conduits, found)

    def _regions(self, conduit: Conduit) -> Iterator[Region]:
        plan = self.network.plan
        for version, source in zone_regions(plan.zones[conduit.source], "source"):
            destination = plan.zones[conduit.destination]
            for other, region in zone_regions(destination, "destination"):
                if version == other:
                    for ports in conduit.ports:
                        yield source | region | ports_region(ports, version)

    def _compare(self, origin: _Origin, place: str, found: Node, asked: Node) -> None:
        """Note what arrives although no conduit carries it."""
        space = self.network.packets.space
        extra = space.minus(found, asked)
        if extra == space.nothing:
            return
        region, _ = next(space.regions(self._telling(origin, place, extra)))
        self.findings.append(
            problem(
                "ZG640",
                source=origin.name,
                destination=place,
                flow=self._flow(region),
                gateways=", ".join(self._gateways_between(origin, place)),
            )
        )

    def _telling(self, origin: _Origin, place: str, extra: Node) -> Node:
        """Narrow a set to the two ends' own addresses and to tcp, where something is left."""
        zones, space = self.network.plan.zones, self.network.packets.space
        ends = [
            ("source", origin.zones),
            ("destination", (zones[place],) if place in zones else ()),
        ]
        hints = [
            self.network.set_of([r for zone in there for _, r in zone_regions(zone, side)])
            for side, there in ends
        ]
        for hint in (*hints, space.cube({"protocol": (TCP, TCP)})):
            narrowed = space.intersect(extra, hint)
            extra = extra if narrowed == space.nothing else narrowed
        return extra

    def _find_broken(self, conduits: list[Conduit], found: Node) -> None:
        """Note the conduits that do not arrive whole, and where they end."""
        space = self.network.packets.space
        for conduit in conduits:
            lost = space.minus(self.network.set_of(list(self._regions(conduit))), found)
            gateway = self._last_gateway(conduit, lost)
            if gateway is None:
                continue
            region, _ = next(space.regions(lost))
            self.findings.append(
                problem(
                    "ZG641",
                    conduit=conduit.name,
                    source=conduit.source,
                    destination=conduit.destination,
                    flow=self._flow(region),
                    gateway=gateway,
                )
            )

    def _last_gateway(self, conduit: Conduit, lost: Node) -> str | None:
        """Give where lost packets of a conduit end; None where nothing is, or can be known."""
        network, plan = self.network, self.network.plan
        space = network.packets.space
        way = hops(plan, plan.zones[conduit.source], plan.zones[conduit.destination])
        if lost == space.nothing or any(hop.gateway not in network.gateways for hop in way):
            return None
        for hop in way:
            passing = network.gateways[hop.gateway].passing(hop.hook, hop.arrival)
            departure = network.packets.interface(hop.departure)[0]
            if space.minus(lost, space.restrict(passing, "departure", departure)) != space.nothing:
                return hop.gateway
        return way[-1].gateway if way else None

    def _flow(self, region: Region) -> str:
        packet = self.network.packets.packet(Hook.FORWARD, region)
        service = service_words(packet.protocol, packet.port)
        return f"{packet.source} → {packet.destination} {service}"

    def _gateways_between(self, origin: _Origin, place: str) -> tuple[str, ...]:
        plan = self.network.plan
        source = origin.zones[0].site if origin.zones else origin.name
        site = plan.zones[place].site if place in plan.zones else place
        if site not in plan.sites:
            return (origin.entries[0][0],)
        way = path(plan, plan.sites[source], plan.sites[site])
        return tuple(name for name in way if plan.sites[name].managed)


def prove_paths(plan: Plan, kernels: Mapping[str, Kernel]) -> list[Problem]:
    """Prove that the gateways together let through exactly what the conduits carry.

    Args:
        plan: the whole plan.
        kernels: what each gateway was found to hold.

    Returns:
        At most `LIMIT` findings; none means proven.
    """
    parts = slices(plan)
    named = {name for kernel in kernels.values() for name in interfaces_named(kernel)}
    packets = Packets(
        named.union(*(interfaces(part) | set(part.links.values()) for part in parts.values()))
    )
    gateways = {
        name: _Gateway(
            part=part,
            meaning=Meaning(kernels[name], packets),
            neighbours=_neighbours(part),
        )
        for name, part in parts.items()
        if name in kernels
    }
    wanted: dict[tuple[str, str], list[Conduit]] = defaultdict(list)
    for conduit in plan.passages:
        for leg in _legs(plan, conduit):
            wanted[leg].append(conduit)
    proof = _Proof(_Network(plan, packets, gateways), wanted)
    for name in parts:
        if name not in kernels:
            proof.findings.append(problem("ZG642", gateway=name))
    for origin in _origins(plan, parts):
        if len(proof.findings) >= LIMIT:
            break
        proof.add(origin)
    return list(dict.fromkeys(proof.findings))[:LIMIT]


def _legs(plan: Plan, conduit: Conduit) -> Iterator[tuple[str, str]]:
    """Give each stretch of a conduit's way over gateways of ours: where it begins and ends.

    A site that is not ours may stand between two of them, and passes on what it likes.
    """
    source, destination = plan.zones[conduit.source], plan.zones[conduit.destination]
    way = path(plan, plan.sites[source.site], plan.sites[destination.site])
    begin, stretch = source.name, False
    for site in way:
        if plan.sites[site].managed:
            stretch = True
            continue
        if stretch:
            yield begin, site
        begin, stretch = site, False
    if stretch:
        yield begin, destination.name


def _neighbours(part: GatewaySlice) -> dict[str, tuple[str, ...]]:
    """Give the sites that each interface of links leads to."""
    found: dict[str, tuple[str, ...]] = {}
    for site, interface in part.links.items():
        found[interface] = (*found.get(interface, ()), site)
    return found


def _origins(plan: Plan, parts: Mapping[str, GatewaySlice]) -> Iterator[_Origin]:
    for gateway, part in parts.items():
        for zone in part.local:
            yield _Origin(zone.name, (zone,), ((gateway, zone.interface, ""),))
        own = (part.own,) if part.own else ()
        yield _Origin(_gateway_place(part), own, ((gateway, "", ""),))
    for site in plan.sites.values():
        if site.managed:
            continue
        entries = tuple(
            (gateway, part.links[site.name], site.name)
            for gateway, part in parts.items()
            if site.name in part.links
        )
        if entries:
            yield _Origin(site.name, _beyond(plan, site.name), entries)


def _beyond(plan: Plan, site: str) -> tuple[Zone, ...]:
    """Give the zones of sites that are not ours and are first met at this one."""
    found = []
    for zone in plan.zones.values():
        here = plan.sites[zone.site]
        if here.managed:
            continue
        way = path(plan, here, plan.sites[site])
        if way and not any(plan.sites[name].managed for name in way):
            found.append(zone)
    return tuple(found)


def _zone_behind(part: GatewaySlice, interface: str) -> Zone:
    return next(zone for zone in part.local if zone.interface == interface)


def _gateway_place(part: GatewaySlice) -> str:
    return part.own.name if part.own else f"{part.gateway} gateway"


def _is_accepted(outcome: Outcome) -> bool:
    return outcome.accepted
