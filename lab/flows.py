"""What to try in a city, and what must come of it by the reference decision.

Pure: it knows the plan and the layout, and sends nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from random import Random
from typing import TypeVar

from gateway.policy.access import ports_by_pair
from gateway.policy.decide import (
    ECHO_REQUEST,
    ICMP,
    ICMPV6,
    TCP,
    UDP,
    Packet,
    decide,
    decide_at,
)
from gateway.policy.model import Address, Flow, Ports, Protocol, Zone
from gateway.policy.reasons import Reason, Verdict
from lab.layout import OUTSIDE, Layout, home

_VERSIONS = (4, 6)
_HIGHEST_PORT = 65_535

#: How many pairs of one expectation are tried, and how many spoofed or strange packets.
PAIRS_OF_EXPECTATION = 8
SPOOFED = 8
STRANGERS = 4

#: How many pairs of zones without a conduit are tried.
SAMPLE = 150


Thing = TypeVar("Thing")


class Purpose(StrEnum):
    """Why a probe is sent."""

    EXPECTATION = "expectation"
    CONDUIT = "conduit"
    BOUNDARY = "boundary"
    SAMPLE = "sample"
    GATEWAY = "gateway"
    SPOOFED = "spoofed"
    STRANGER = "stranger"


@dataclass(frozen=True, slots=True)
class Probe:
    """One packet to send for real.

    `origin` is the node that sends it, whatever source address it then claims;
    `about` names the expectation, conduit or zone that it is for.
    """

    origin: str
    flow: Flow
    purpose: Purpose
    about: str


@dataclass(frozen=True, slots=True)
class Expected:
    """What must come of a probe; `gateway` is where it is refused, if it is."""

    verdict: Verdict
    reason: Reason
    gateway: str | None = None


def expect(layout: Layout, probe: Probe) -> Expected:
    """Ask the reference decision at each gateway on the way; the first refusal counts."""
    flow = probe.flow
    number = protocol_number(flow)
    for hop in layout.way(probe.origin, flow.destination):
        packet = Packet(
            hook=hop.hook,
            arrival=hop.arrival,
            departure=hop.departure,
            source=flow.source,
            destination=flow.destination,
            protocol=number,
            port=ECHO_REQUEST.get(number, flow.port),
        )
        decision = decide_at(layout.plan, hop.gateway, packet)
        if decision.verdict is Verdict.DROP:
            return Expected(Verdict.DROP, decision.reason, hop.gateway)
    return Expected(Verdict.ACCEPT, Reason.CONDUIT)


def protocol_number(flow: Flow) -> int:
    """Give the IANA protocol number of a flow."""
    if flow.protocol is Protocol.ICMP:
        return {4: ICMP, 6: ICMPV6}[flow.source.version]
    return {Protocol.TCP: TCP, Protocol.UDP: UDP}[flow.protocol]


def choose(layout: Layout, seed: int, sample: int = SAMPLE) -> tuple[Probe, ...]:
    """Choose what to try; the same seed chooses the same.

    Each expectation and each conduit in both families, a port just outside
    each conduit, and a sample of what nobody may do.
    """
    chooser = _Chooser(layout, Random(seed), sample)  # noqa: S311 - repeatable, not secret
    probes: dict[tuple[str, Flow], Probe] = {}
    for probe in chooser.probes():
        probes.setdefault((probe.origin, probe.flow), probe)
    return tuple(probes.values())


class _Chooser:
    """Chooses the probes of one city."""

    def __init__(self, layout: Layout, random: Random, sample: int) -> None:
        self.layout = layout
        self.plan = layout.plan
        self.random = random
        self.sample = sample
        self.zones = layout.zones
        self.names = {zone.name for zone in self.zones}
        self.conduits = [
            c for c in self.plan.passages if c.source in self.names and c.destination in self.names
        ]
        self.carried = ports_by_pair(self.plan.passages)

    def probes(self) -> Iterator[Probe]:
        yield from self._expectations()
        yield from self._conduits()
        yield from self._sample()
        yield from self._gateways()
        yield from self._spoofed()
        yield from self._strangers()

    def _expectations(self) -> Iterator[Probe]:
        for expectation in self.plan.expectations:
            pairs = [p for p in expectation.pairs if self.names.issuperset(p)]
            pairs = self._some(pairs, PAIRS_OF_EXPECTATION)
            ports = [p for service in expectation.services for p in service.ports]
            for index, (source, destination) in enumerate(pairs):
                tried = ports if expectation.allow or not index else [self.random.choice(ports)]
                for wanted in tried:
                    port = self.random.randint(wanted.low, wanted.high)
                    yield from self._between(
                        self.plan.zones[source],
                        self.plan.zones[destination],
                        Ports(wanted.protocol, port, port),
                        (Purpose.EXPECTATION, expectation.name),
                    )

    def _conduits(self) -> Iterator[Probe]:
        for index, conduit in enumerate(self.conduits):
            ends = self.plan.zones[conduit.source], self.plan.zones[conduit.destination]
            # In turn, so that every service of a conduit of many pairs is tried.
            inside = conduit.ports[index % len(conduit.ports)]
            at_end = self.random.choice([inside.low, inside.high])
            one = Ports(inside.protocol, at_end, at_end)
            yield from self._between(*ends, one, (Purpose.CONDUIT, conduit.name))
            carried = self.carried[conduit.source, conduit.destination]
            beyond = _just_outside(inside, carried)
            if beyond:
                yield from self._between(*ends, beyond, (Purpose.BOUNDARY, conduit.name))

    def _sample(self) -> Iterator[Probe]:
        pairs = [
            (one, two)
            for one, two in product(self.zones, repeat=2)
            if one != two and (one.name, two.name) not in self.carried and home(one) != home(two)
        ]
        for source, destination in self._some(pairs, self.sample):
            yield from self._between(
                source, destination, self._any_service(), (Purpose.SAMPLE, source.name)
            )

    def _gateways(self) -> Iterator[Probe]:
        """Try each gateway's own addresses from a zone that may not reach them."""
        for gateway in (zone for zone in self.zones if zone.is_gateway):
            sources = [
                zone
                for zone in self.zones
                if (zone.name, gateway.name) not in self.carried and zone.site != gateway.site
            ]
            for source in self._some(sources, 1):
                yield from self._between(
                    source, gateway, self._any_service(), (Purpose.GATEWAY, gateway.name)
                )

    def _spoofed(self) -> Iterator[Probe]:
        """Claim to be somebody who may: from another zone, a gateway, and from outside."""
        origins = [OUTSIDE, *(home(zone) for zone in self.zones)]
        for conduit in self._some(self.conduits, SPOOFED):
            source, destination = self.plan.zones[conduit.source], conduit.destination
            ends = {home(source), home(self.plan.zones[destination])}
            for origin in self._some([o for o in origins if o not in ends], 2):
                for probe in self._between(
                    source,
                    self.plan.zones[destination],
                    conduit.ports[0],
                    (Purpose.SPOOFED, conduit.name),
                ):
                    yield Probe(origin, probe.flow, probe.purpose, probe.about)

    def _strangers(self) -> Iterator[Probe]:
        """Send to an address of no zone, and from one."""
        for zone, stranger in product(
            self._some(self.zones, STRANGERS), self.layout.nodes[OUTSIDE].addresses
        ):
            own = self.layout.address(zone, stranger.version)
            if own is None:
                continue
            about = (Purpose.STRANGER, zone.name)
            yield Probe(home(zone), _flow(own, stranger, self._any_service()), *about)
            yield Probe(OUTSIDE, _flow(stranger, own, self._any_service()), *about)

    def _between(
        self, source: Zone, destination: Zone, ports: Ports, why: tuple[Purpose, str]
    ) -> Iterator[Probe]:
        """Give a probe of each family that both zones have."""
        if home(source) == home(destination):
            return
        for version in _VERSIONS:
            one = self.layout.address(source, version)
            two = self.layout.address(destination, version)
            if one is not None and two is not None:
                yield Probe(home(source), _flow(one, two, ports), *why)

    def _any_service(self) -> Ports:
        return self.random.choice([p for s in self.plan.services.values() for p in s.ports])

    def _some(self, things: Sequence[Thing], count: int) -> list[Thing]:
        return self.random.sample(things, min(count, len(things)))


def fits_the_flow(layout: Layout, probe: Probe, expected: Expected) -> bool:
    """Tell whether the gateways on the way decide as the plan does about the whole flow.

    A spoofed packet has no zone to come from, and is the gateways' matter alone.
    """
    if probe.flow.source not in layout.nodes[probe.origin].addresses:
        return True
    return decide(layout.plan, probe.flow).verdict is expected.verdict


def _flow(source: Address, destination: Address, ports: Ports) -> Flow:
    return Flow(source, destination, ports.protocol, ports.low)


def _just_outside(ports: Ports, carried: Iterable[Ports]) -> Ports | None:
    """Give the nearest port beside a range that nothing carries; ping has none."""
    if ports.protocol is Protocol.ICMP:
        return None
    taken = list(carried)
    for step in range(1, len(taken) + 2):
        for port in (ports.high + step, ports.low - step):
            one = Ports(ports.protocol, port, port)
            if 0 < port <= _HIGHEST_PORT and not any(one.overlaps(t) for t in taken):
                return one
    return None
