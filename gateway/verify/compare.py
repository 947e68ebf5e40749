"""Where a host and the signed policy differ: one finding for each thing that is wrong.

A finding is a packet in a sentence, with the object of the ruleset that it met.
Differences that one object causes are one finding.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property

from gateway.errors import NOWHERE, Problem, problem
from gateway.policy.decide import (
    ECHO_REQUEST,
    ICMP,
    ICMPV6,
    TCP,
    UDP,
    Packet,
    State,
    decide_at,
    zone_of,
)
from gateway.policy.model import Address, Plan, Zone
from gateway.policy.reasons import REASON_WORDS, Reason
from gateway.policy.topology import Hook, hops
from gateway.verify.diagram import Node, Region
from gateway.verify.kernel import Kernel
from gateway.verify.outcome import Outcome, reason_of
from gateway.verify.packets import FAMILY, Packets, network_interval
from gateway.verify.trace import Trace, trace

#: So many regions are looked at for each hook before they are merged.
REGIONS_LIMIT = 400

#: From so many elements on, the one rule behind them all is the cause.
_MANY_ELEMENTS = 4

#: Why a packet is refused that no element, or no sender, stands for.
_NOTHING_FOUND = (Reason.NO_CONDUIT, Reason.UNEXPECTED_SOURCE)

#: What an example is best of, where the choice is free.
_TELLING_PROTOCOL = (TCP, TCP)
_TELLING_PORT = (443, 443)

_PROTOCOLS = {TCP: "tcp", UDP: "udp", ICMP: "icmp", ICMPV6: "icmpv6"}
_STATE_WORDS = {
    State.NEW: "新建",
    State.ESTABLISHED: "已建立",
    State.RELATED: "相关",
    State.INVALID: "无效",
    State.UNTRACKED: "未跟踪",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """A region that does not get what the policy says, one packet of it, and what that met.

    `sender` is the zone it comes from, empty where that is none; `known` counts how
    much of the packet a person knows: its zones, its protocol;
    `others` how many more elements the same rule is behind.
    """

    packet: Packet
    sender: str
    known: int
    found: Outcome
    wanted: Outcome
    met: Trace
    others: int = 0

    @property
    def rank(self) -> int:
        """The worst comes first: let through, then cut off, then recorded wrongly."""
        if self.is_record:
            return 2
        return 0 if self.found.accepted else 1

    @property
    def is_record(self) -> bool:
        """Tell whether the verdict is right, and only what is written down differs."""
        return self.found.accepted == self.wanted.accepted

    @property
    def cause(self) -> tuple[str, str, str]:
        """What makes differences one finding: the object met, and what is missing there.

        A sender that is not known is missed by its zone, all else by its conduit.
        """
        missing = self.wanted.counted if self.rank == 1 else ""
        if reason_of(self.found) is Reason.UNEXPECTED_SOURCE:
            missing = self.sender
        return self.met.element, self.met.rule, missing

    @property
    def is_absent(self) -> bool:
        """Tell whether the kernel has nothing for the packet, so that no object is wrong."""
        return self.rank == 1 and reason_of(self.found) in _NOTHING_FOUND


@dataclass
class Comparison:
    """One gateway's kernel beside the plan."""

    plan: Plan
    gateway: str
    kernel: Kernel
    packets: Packets
    findings: list[Problem] = field(default_factory=list)

    def add_hook(self, hook: Hook, found: Node, wanted: Node, limit: int) -> None:
        """Find where a hook differs; at most `limit` findings."""
        if found == wanted:
            return
        regions = list(self.packets.space.differing(found, wanted, REGIONS_LIMIT))
        causes = _merged(self._difference(hook, r.region, r.left, r.right) for r in regions)
        self.findings += [self._sentence(difference) for difference in causes[:limit]]
        if len(causes) > limit or len(regions) == REGIONS_LIMIT:
            self.findings.append(problem("ZG614", hook=hook))

    @cached_property
    def _ranges(self) -> list[tuple[Zone, Region]]:
        return [
            (zone, {"family": (FAMILY[n.version],) * 2, "address": network_interval(n)})
            for zone in self.plan.zones.values()
            for n in zone.ranges
        ]

    def _difference(self, hook: Hook, region: Region, found: object, wanted: object) -> Difference:
        telling, sender, known = self._telling(hook, region)
        packet = self.packets.packet(hook, telling)
        return Difference(
            packet=packet,
            sender=sender,
            known=known,
            found=_outcome(found),
            wanted=_outcome(wanted),
            met=trace(self.kernel, self.packets, packet),
        )

    def _telling(self, hook: Hook, region: Region) -> tuple[Region, str, int]:
        """Narrow a region, all of which differs alike, to what a person knows.

        That is the addresses of zones, the interfaces between them, a common service.
        """
        source, narrowed = self._zone_in(region, "source", None)
        destination, narrowed = self._zone_in(narrowed, "destination", source)
        if source and destination:
            for hop in hops(self.plan, source, destination):
                if (hop.gateway, hop.hook) == (self.gateway, hook):
                    arrival, departure = map(self.packets.interface, (hop.arrival, hop.departure))
                    narrowed = _within(narrowed, {"arrival": arrival})
                    narrowed = _within(narrowed, {"departure": departure})
        narrowed = _within(narrowed, {"protocol": _TELLING_PROTOCOL})
        if narrowed.get("protocol") == _TELLING_PROTOCOL:
            narrowed = _within(narrowed, {"port": _TELLING_PORT})
        has_service = narrowed.get("protocol", (0, 0))[0] in _PROTOCOLS
        known = (source is not None) + (destination is not None) + has_service
        return narrowed, source.name if source else "", known

    def _zone_in(self, region: Region, side: str, other: Zone | None) -> tuple[Zone | None, Region]:
        """Give a zone that has addresses in a region, and the region of these alone."""
        for zone, where in self._ranges:
            wanted = {"family": where["family"], side: where["address"]}
            narrowed = _within(region, wanted)
            if zone is not other and narrowed is not region:
                return zone, narrowed
        return None, region

    def _sentence(self, difference: Difference) -> Problem:
        packet = difference.packet
        decision = decide_at(self.plan, self.gateway, packet)
        reason_en, reason_zh = REASON_WORDS[decision.reason]
        if decision.reason is Reason.CONDUIT:
            reason_en, reason_zh = f"conduit {decision.conduit}", f"管道 {decision.conduit}"
        words = {
            **zone_words(self.plan, "source", packet.source),
            **zone_words(self.plan, "destination", packet.destination),
            **_way_words(packet),
            "service": service_words(packet.protocol, packet.port),
            "state_en": packet.state,
            "state_zh": _STATE_WORDS[packet.state],
            "reason_en": reason_en,
            "reason_zh": reason_zh,
            "object": _object(difference),
        }
        accepted = difference.found.accepted
        if not difference.is_record:
            return problem("ZG610" if accepted else "ZG611", NOWHERE, **words)
        return problem(
            "ZG613" if accepted else "ZG612",
            NOWHERE,
            **words,
            found=_recorded(difference.found),
            wanted=_recorded(difference.wanted),
        )


def zone_words(plan: Plan, side: str, address: Address) -> dict[str, str]:
    """Give the words for an address and the zone it is in, in both languages."""
    zone = zone_of(plan, address)
    if zone is None:
        return {side: str(address), f"{side}_en": "an address in no zone", f"{side}_zh": "域外地址"}
    return {
        side: str(address),
        f"{side}_en": f"zone {zone.name}",
        f"{side}_zh": zone.title,
    }


def service_words(protocol: int, port: int) -> str:
    """Give `443/tcp`, `ping`, `icmp type 5` or `protocol 47`."""
    if ECHO_REQUEST.get(protocol) == port:
        return "ping"
    if protocol in ECHO_REQUEST:
        return f"{_PROTOCOLS[protocol]} type {port}"
    if protocol in _PROTOCOLS:
        return f"{port}/{_PROTOCOLS[protocol]}"
    return f"protocol {protocol}"


def _way_words(packet: Packet) -> dict[str, str]:
    other_en, other_zh = "any other", "其他接口"
    arrival_en, arrival_zh = packet.arrival or other_en, packet.arrival or other_zh
    departure_en, departure_zh = packet.departure or other_en, packet.departure or other_zh
    if packet.hook is Hook.INPUT:
        departure_en, departure_zh = "the gateway", "网关本机"
    if packet.hook is Hook.OUTPUT:
        arrival_en, arrival_zh = "the gateway", "网关本机"
    return {
        "way_en": f"interface {arrival_en} → {departure_en}",
        "way_zh": f"接口 {arrival_zh} → {departure_zh}",
    }


def _recorded(outcome: Outcome) -> str:
    """Give what is written down about a packet, in one word where it is one of ours."""
    reason = reason_of(outcome)
    if reason is not None:
        return reason
    return ", ".join([*outcome.records, *([outcome.counted] if outcome.counted else [])]) or "-"


def _object(difference: Difference) -> str:
    met = difference.met
    others = f" (+{difference.others})" if difference.others else ""
    return f"{met.element}, {met.rule}{others}" if met.element else met.rule


def _outcome(value: object) -> Outcome:
    if not isinstance(value, Outcome):
        raise TypeError(value)
    return value


def _within(region: Region, wanted: Region) -> Region:
    """Narrow a region where all that is wanted leaves something of it; else give it back."""
    narrowed = dict(region)
    for name, (low, high) in wanted.items():
        first, last = region.get(name, (low, high))
        narrowed[name] = max(low, first), min(high, last)
        if narrowed[name][0] > narrowed[name][1]:
            return region
    return narrowed


def _merged(differences: Iterable[Difference]) -> list[Difference]:
    """Give the most telling difference of each cause, the worst cause first."""
    by_cause: dict[tuple[str, str, str], Difference] = {}
    for difference in differences:
        known = by_cause.get(difference.cause)
        if known is None or _order(difference) < _order(known):
            by_cause[difference.cause] = difference
    worst: dict[str, int] = {}
    for difference in by_cause.values():
        met = difference.met.element or difference.met.rule
        worst[met] = min(difference.rank, worst.get(met, difference.rank))
    by_rule: dict[tuple[str, int], list[Difference]] = {}
    merged: list[Difference] = []
    for difference in sorted(by_cause.values(), key=_order):
        # What an object lets through or cuts off, it also records wrongly.
        met = difference.met.element or difference.met.rule
        if difference.is_record and difference.rank != worst[met]:
            continue
        if difference.is_absent:
            merged.append(difference)
        else:
            by_rule.setdefault((difference.met.rule, difference.rank), []).append(difference)
    for group in by_rule.values():
        many = len({difference.met.element for difference in group}) >= _MANY_ELEMENTS
        merged += [replace(group[0], others=len(group) - 1)] if many else group
    return sorted(merged, key=_order)


def _order(difference: Difference) -> tuple[int, int]:
    return difference.rank, -difference.known
